// Values with units, as they are written in the configuration and on the command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::config {

// "250ms", "30s", "5m": a whole number and one of ns us ms s m h d, nothing between them. Never
// negative. kInvalid if it is anything else or does not fit (292 years).
base::Result<base::Nanos> parse_duration(std::string_view text);

// "64MiB", "512kB": a whole number and one of B, kB MB GB TB (powers of 1000), KiB MiB GiB TiB
// (powers of 1024), case as written here. kInvalid if it is anything else or is over 2^64 - 1.
base::Result<std::uint64_t> parse_bytes(std::string_view text);

// The largest unit that divides the value: "90s" and not "1m30s"; parses back to the same value.
// REQUIRES: duration >= 0.
std::string format_duration(base::Nanos duration);
std::string format_bytes(std::uint64_t bytes);

}  // namespace pgweir::config
