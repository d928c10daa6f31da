// Addresses to listen on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgweir::config {

struct ListenAddress {
  std::string host;        // a name or an IP address, without brackets
  std::uint16_t port = 0;  // 0: the system chooses
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// "127.0.0.1:6432", "localhost:6432", "[::1]:6432". No name is resolved. kInvalid otherwise.
base::Result<ListenAddress> parse_listen_address(std::string_view text);

// Several, separated by commas, no spaces; at least one, and none twice (but for port 0).
base::Result<std::vector<ListenAddress>> parse_listen_addresses(std::string_view text);

}  // namespace pgweir::config
