#include "config/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/quoted.h"

namespace pgweir::config {
namespace {

constexpr std::size_t kHostBytesMax = 255;

std::unexpected<base::Error> refuse(std::string_view text, std::string_view why) {
  return base::fail(
      base::ErrorCode::kInvalid,
      fmt::format("{} {}: write host:port, such as \"127.0.0.1:6432\" or \"[::1]:6432\"", quoted(text), why));
}

bool is_host(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > kHostBytesMax) return false;
  return std::ranges::all_of(host, [bracketed](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return plain || c == '.' || c == '-' || c == '_' || (bracketed && (c == ':' || c == '%'));
  });
}

}  // namespace

base::Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(text, "has no port");
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!is_host(host, bracketed)) return refuse(text, "has no valid host");
  ListenAddress address{std::string(host), 0};
  const char* const begin = text.data() + colon + 1;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(begin, end, address.port);
  if (error != std::errc{} || parsed != end) return refuse(text, "has no port from 0 to 65535");
  return address;
}

base::Result<std::vector<ListenAddress>> parse_listen_addresses(std::string_view text) {
  std::vector<ListenAddress> addresses;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    auto address = parse_listen_address(text.substr(begin, end - begin));
    if (!address) return std::unexpected(address.error());
    if (address->port != 0 && std::ranges::find(addresses, *address) != addresses.end()) {
      return base::fail(base::ErrorCode::kInvalid,
                        fmt::format("{} is there twice", quoted(text.substr(begin, end - begin))));
    }
    addresses.push_back(*std::move(address));
    begin = end + 1;
  }
  return addresses;
}

}  // namespace pgweir::config
