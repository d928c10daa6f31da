#include "bench/replies.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace pgweir::bench {
namespace {

constexpr std::size_t kLineBytesMax = 512;

std::uint32_t length_at(const char* bytes) {
  std::uint32_t length = 0;
  std::memcpy(&length, bytes, sizeof length);
  return std::byteswap(length);
}

// SQLSTATE and text out of an ErrorResponse's fields.
std::string describe_error(std::string_view body) {
  std::string text;
  while (!body.empty() && body.front() != '\0') {
    const std::size_t end = std::min(body.find('\0'), body.size());
    if (body.front() == 'C' || body.front() == 'M') text.append(" ").append(body.substr(1, end - 1));
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return "the server answered with an error:" + text;
}

base::Result<void> check_bytes(const Expectation& expected, std::uint64_t bytes) {
  if (expected.reply_bytes == 0 || bytes == expected.reply_bytes) return {};
  return base::fail(base::ErrorCode::kInvalid, "a reply has " + std::to_string(bytes) + " bytes instead of " +
                                                   std::to_string(expected.reply_bytes));
}

}  // namespace

base::Result<std::size_t> PostgresScanner::scan(std::string_view bytes) {
  completed_ = 0;
  while (!bytes.empty()) {
    if (header_bytes_ == 0 && bytes.size() >= kHeaderBytes && bytes.front() != 'E') {
      // The usual case: a whole message lies in the chunk.
      const std::size_t whole = std::size_t{length_at(bytes.data() + 1)} + 1;
      if (whole >= kHeaderBytes && bytes.size() >= whole) {
        current_bytes_ += whole;
        const char type = bytes.front();
        bytes.remove_prefix(whole);
        if (auto ended = message_ended(type); !ended) return std::unexpected(ended.error());
        continue;
      }
    }
    bytes = resume(bytes);
    if (!in_body_ || body_left_bytes_ > 0) {
      if (header_bytes_ == kHeaderBytes && !in_body_) {
        return base::fail(base::ErrorCode::kInvalid, "a message has an impossible length");
      }
      continue;
    }
    header_bytes_ = 0;
    in_body_ = false;
    if (auto ended = message_ended(header_[0]); !ended) return std::unexpected(ended.error());
  }
  return completed_;
}

std::string_view PostgresScanner::resume(std::string_view bytes) {
  if (!in_body_) {
    const std::size_t taken = std::min(kHeaderBytes - header_bytes_, bytes.size());
    std::memcpy(header_.data() + header_bytes_, bytes.data(), taken);
    header_bytes_ += taken;
    current_bytes_ += taken;
    bytes.remove_prefix(taken);
    if (header_bytes_ < kHeaderBytes) return bytes;
    const std::size_t length = length_at(header_.data() + 1);
    if (length < kHeaderBytes - 1) return bytes;
    body_left_bytes_ = length - (kHeaderBytes - 1);
    in_body_ = true;
  }
  const std::size_t taken = std::min(body_left_bytes_, bytes.size());
  if (header_[0] == 'E') error_body_.append(bytes.substr(0, taken));
  body_left_bytes_ -= taken;
  current_bytes_ += taken;
  bytes.remove_prefix(taken);
  return bytes;
}

base::Result<void> PostgresScanner::message_ended(char type) {
  switch (type) {
    case 'D':
      ++rows_;
      return {};
    case 'Z':
      return reply_ended();
    case 'E':
      return base::fail(base::ErrorCode::kInvalid, describe_error(error_body_));
    default:
      return {};
  }
}

base::Result<void> PostgresScanner::reply_ended() {
  if (rows_ != expected_.rows) {
    return base::fail(base::ErrorCode::kInvalid, "a reply has " + std::to_string(rows_) +
                                                     " rows instead of " + std::to_string(expected_.rows));
  }
  if (auto checked = check_bytes(expected_, current_bytes_); !checked) return checked;
  total_bytes_ += current_bytes_;
  rows_ = current_bytes_ = 0;
  ++completed_;
  return {};
}

base::Result<std::size_t> RedisScanner::scan(std::string_view bytes) {
  completed_ = 0;
  while (!bytes.empty()) {
    if (body_left_bytes_ > 0) {
      const std::size_t taken = std::min(body_left_bytes_, bytes.size());
      body_left_bytes_ -= taken;
      current_bytes_ += taken;
      bytes.remove_prefix(taken);
      if (body_left_bytes_ > 0) continue;
      if (auto ended = reply_ended(); !ended) return std::unexpected(ended.error());
      continue;
    }
    const std::size_t end = bytes.find('\n');
    const std::size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
    line_.append(bytes.substr(0, taken));
    current_bytes_ += taken;
    bytes.remove_prefix(taken);
    if (line_.size() > kLineBytesMax) return base::fail(base::ErrorCode::kInvalid, "not a Redis reply");
    if (end == std::string_view::npos) continue;
    if (auto ended = line_ended(); !ended) return std::unexpected(ended.error());
  }
  return completed_;
}

base::Result<void> RedisScanner::line_ended() {
  if (line_.starts_with("+")) return reply_ended();
  long length = -1;
  if (line_.starts_with("$")) std::from_chars(line_.data() + 1, line_.data() + line_.size(), length);
  if (length < 0) {
    return base::fail(base::ErrorCode::kInvalid,
                      "the server answered: " + line_.substr(0, line_.find_first_of("\r\n")));
  }
  body_left_bytes_ = static_cast<std::size_t>(length) + 2;  // and "\r\n"
  return {};
}

base::Result<void> RedisScanner::reply_ended() {
  if (auto checked = check_bytes(expected_, current_bytes_); !checked) return checked;
  total_bytes_ += current_bytes_;
  current_bytes_ = 0;
  line_.clear();
  ++completed_;
  return {};
}

}  // namespace pgweir::bench
