#include "admin/host.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace pgweir::admin {
namespace {

namespace asio = boost::asio;

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A dual-stack socket shows an IPv4 client's target as ::ffff:a.b.c.d.
asio::ip::address unmapped(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

}  // namespace

std::string host_of(std::string_view host_field) {
  std::string_view host = host_field, port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!port.empty() && (port.front() != ':' || !std::ranges::all_of(port.substr(1), is_digit))) return {};
  if (host.ends_with('.')) host.remove_suffix(1);
  return lower_case(host);
}

bool is_own_host(std::string_view host, std::string_view listen_host, std::string_view local_address) {
  if (host.empty()) return false;
  if (host == "localhost" || host == lower_case(listen_host)) return true;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(host), error);
  if (error) return false;
  if (unmapped(address).is_loopback()) return true;
  const auto local = asio::ip::make_address(std::string(local_address), error);
  return !error && unmapped(address) == unmapped(local);
}

bool is_same_origin(std::string_view origin_field, std::string_view host_field) {
  const std::string origin = lower_case(origin_field), host = lower_case(host_field);
  return !host.empty() && (origin == "http://" + host || origin == "https://" + host);
}

}  // namespace pgweir::admin
