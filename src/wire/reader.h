// Reads the fields of one message body. Bytes come from outside: a short or malformed body turns
// ok() false and every later read gives a zero value; check ok() once at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pgweir::wire {

inline std::uint16_t load_u16(const char* p) {
  const auto* b = reinterpret_cast<const unsigned char*>(p);
  return static_cast<std::uint16_t>(b[0] << 8 | b[1]);
}
inline std::uint32_t load_u32(const char* p) {
  const auto* b = reinterpret_cast<const unsigned char*>(p);
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

// Views point into the body given.
class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  std::uint8_t u8() {
    const std::string_view b = bytes(1);
    return b.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(b[0]);
  }
  std::uint16_t u16() {
    const std::string_view b = bytes(2);
    return b.empty() ? std::uint16_t{0} : load_u16(b.data());
  }
  std::uint32_t u32() {
    const std::string_view b = bytes(4);
    return b.empty() ? 0 : load_u32(b.data());
  }
  std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
  // n bytes; empty and !ok() if there are fewer.
  std::string_view bytes(std::size_t n) {
    if (rest_.size() < n) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  // Up to the next NUL, which is consumed.
  std::string_view string() {
    if (!rest_.empty() && rest_.front() == '\0') {  // most names are
      const std::string_view out = rest_.substr(0, 0);
      rest_.remove_prefix(1);
      return out;
    }
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return out;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace pgweir::wire
