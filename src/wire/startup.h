// What a client may send before it has logged in: StartupMessage, SSLRequest, GSSENCRequest,
// CancelRequest (PostgreSQL documentation, "Message Formats").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"

namespace pgweir::wire {

inline constexpr std::size_t kStartupBytesMax = 10'004;  // MAX_STARTUP_PACKET_LENGTH and the length itself
inline constexpr std::size_t kCancelKeyBytesMax = 256;   // protocol 3.2

struct ProtocolVersion {
  std::uint16_t major = 3;
  std::uint16_t minor = 0;
  friend bool operator==(const ProtocolVersion&, const ProtocolVersion&) = default;
};

struct SslRequest {};
struct GssRequest {};
struct CancelRequest {
  std::uint32_t process_id = 0;
  std::string key;
};
struct StartupMessage {
  ProtocolVersion version;
  std::vector<std::pair<std::string, std::string>> parameters;
  // The value of a parameter, the last if it is given several times (as PostgreSQL takes it), or an
  // empty string.
  std::string_view get(std::string_view name) const;
};
using StartupPacket = std::variant<StartupMessage, SslRequest, GssRequest, CancelRequest>;

// The length of the packet at the start of bytes, nullopt while fewer than four bytes are there.
// Fails where PostgreSQL would: shorter than 8 bytes or longer than kStartupBytesMax.
base::Result<std::optional<std::size_t>> startup_packet_bytes(std::string_view bytes);

// bytes is one whole packet, its length included.
base::Result<StartupPacket> parse_startup(std::string_view bytes);

void append_startup(base::Buffer& out, const StartupMessage& message);
void append_ssl_request(base::Buffer& out);
void append_cancel_request(base::Buffer& out, const CancelRequest& request);

}  // namespace pgweir::wire
