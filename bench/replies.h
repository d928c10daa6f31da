// Finds the ends of replies in what a server sends, and checks each reply on the way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgweir::bench {

// What every reply of a run must look like.
struct Expectation {
  std::uint64_t rows = 1;
  std::uint64_t reply_bytes = 0;  // on the wire, all messages together; 0: any
};

// One per connection; one thread. Bytes may be cut anywhere.
class ReplyScanner {
 public:
  virtual ~ReplyScanner() = default;
  // Returns the number of replies that end in `bytes`. An error names what was wrong with a reply;
  // the scanner is of no use after it.
  virtual base::Result<std::size_t> scan(std::string_view bytes) = 0;
  // Bytes of all the replies that have ended.
  virtual std::uint64_t reply_bytes() const = 0;
};

// A reply ends with ReadyForQuery. ErrorResponse and a wrong number of DataRows are errors.
class PostgresScanner final : public ReplyScanner {
 public:
  explicit PostgresScanner(const Expectation& expected) : expected_(expected) {}
  base::Result<std::size_t> scan(std::string_view bytes) override;
  std::uint64_t reply_bytes() const override { return total_bytes_; }

 private:
  static constexpr std::size_t kHeaderBytes = 5;

  // Copies what fits of a message that began in an earlier chunk; returns what is left of `bytes`.
  std::string_view resume(std::string_view bytes);
  // Called with the header of each message once its body has been skipped.
  base::Result<void> message_ended(char type);
  base::Result<void> reply_ended();

  Expectation expected_;
  std::array<char, kHeaderBytes> header_{};  // of a message that is not complete yet
  std::size_t header_bytes_ = 0;
  std::size_t body_left_bytes_ = 0;
  bool in_body_ = false;
  std::string error_body_;  // of an ErrorResponse, as far as it has arrived
  std::uint64_t rows_ = 0;
  std::uint64_t current_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::size_t completed_ = 0;
};

// A reply is one bulk string or "+OK". A null bulk string (no such key) is an error.
class RedisScanner final : public ReplyScanner {
 public:
  explicit RedisScanner(const Expectation& expected) : expected_(expected) {}
  base::Result<std::size_t> scan(std::string_view bytes) override;
  std::uint64_t reply_bytes() const override { return total_bytes_; }

 private:
  // Reads the line that begins a reply; sets body_left_bytes_.
  base::Result<void> line_ended();
  base::Result<void> reply_ended();

  Expectation expected_;
  std::string line_;  // the first line of a reply, as far as it has arrived
  std::size_t body_left_bytes_ = 0;
  std::uint64_t current_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::size_t completed_ = 0;
};

}  // namespace pgweir::bench
