// The frame of a message after the startup phase: type byte, 32-bit length (itself included), body
// (PostgreSQL documentation, "Frontend/Backend Protocol", "Message Flow").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/reader.h"

namespace pgweir::wire {

inline constexpr std::size_t kHeaderBytes = 5;

struct Header {
  char type = 0;
  std::uint64_t message_bytes = 0;  // header included
};

enum class HeaderStatus : std::uint8_t { kComplete, kNeedMore, kBadLength };

// Reads the header at the start of bytes. kBadLength: the length is below 4 or the message longer
// than message_bytes_max.
inline HeaderStatus read_header(std::string_view bytes, std::uint64_t message_bytes_max, Header& out) {
  if (bytes.size() < kHeaderBytes) return HeaderStatus::kNeedMore;
  const std::uint32_t length = load_u32(bytes.data() + 1);
  if (length < 4 || std::uint64_t{length} + 1 > message_bytes_max) return HeaderStatus::kBadLength;
  out.type = bytes[0];
  out.message_bytes = std::uint64_t{length} + 1;
  return HeaderStatus::kComplete;
}

// A whole message.
struct Message {
  char type = 0;
  std::string_view raw;  // header and body
  std::string_view body() const { return raw.substr(kHeaderBytes); }
};

// The message at the start of bytes. kNeedMore: it has not arrived whole.
HeaderStatus read_message(std::string_view bytes, std::uint64_t message_bytes_max, Message& out);

// True for the types that a client may send after startup.
bool is_frontend_type(char type);

}  // namespace pgweir::wire
