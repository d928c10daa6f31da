// Foreign text inside a message: in quotes, cut to 80 bytes, without control characters.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::config {

inline std::string quoted(std::string_view text) {
  constexpr std::size_t kBytesMax = 80;
  std::string out = "\"";
  for (const char c : text.substr(0, kBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  out += text.size() > kBytesMax ? "…\"" : "\"";
  return out;
}

}  // namespace pgweir::config
