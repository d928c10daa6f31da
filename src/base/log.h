// The process log: one line per event on standard error. Never a query's literal values.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace pgweir::base {

// Call once at the start of main; without it spdlog's default logger is used.
// level: "debug", "info", "warning" or "error"; anything else counts as "info".
void start_log(std::string_view level);

}  // namespace pgweir::base
