// One small HTTP GET, blocking.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::drill {

// The body of http://127.0.0.1:port/path, at most 4 MiB. kUnavailable if it cannot be had within
// timeout_ns or is not a 200.
base::Result<std::string> http_get(std::uint16_t port, const std::string& path,
                                   base::Nanos timeout_ns = base::kSecond);

// Whether something accepts connections on 127.0.0.1:port.
bool port_accepts(std::uint16_t port);

// Whether 127.0.0.1:port can be listened on.
bool port_is_free(std::uint16_t port);

}  // namespace pgweir::drill
