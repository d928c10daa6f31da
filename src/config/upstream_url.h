// Where PostgreSQL is, as libpq writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proxy/config.h"

namespace pgweir::config {

// "postgres://host:port[,host:port…][?sslmode=…]" or "host=… port=…", read by libpq itself. Only
// host, port, sslmode, sslrootcert, sslcert, sslkey and connect_timeout (1 to 600 seconds) mean
// anything here: clients bring user, password, database and session settings, so those are refused,
// as is a URL without a host. kInvalid; the message never repeats a password.
base::Result<proxy::UpstreamConfig> parse_upstream(std::string_view url);

// The same laid over a configuration: only what the URL names is changed, and nothing if it is
// refused.
base::Result<void> overlay_upstream(std::string_view url, proxy::UpstreamConfig& upstream);

// The same back, for people to read.
std::string format_upstream(const proxy::UpstreamConfig& upstream);

// libpq's names: "disable", "allow", "prefer", "require", "verify-ca", "verify-full".
std::optional<proxy::TlsMode> parse_tls_mode(std::string_view name);
std::string_view format_tls_mode(proxy::TlsMode mode);

// Why these TLS settings cannot work together; none: they can.
std::optional<std::string> find_tls_conflict(const proxy::UpstreamConfig& upstream);

}  // namespace pgweir::config
