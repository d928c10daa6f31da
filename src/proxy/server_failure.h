// Which of PostgreSQL's errors say nothing against the statement: the next to ask may fare better.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace pgweir::proxy {

// Of an SQLSTATE: connections, conflicts between transactions, resources, locks, the operator (timeouts,
// shutdown), the system, bugs (PostgreSQL documentation, "Error Codes"). Any thread.
constexpr bool is_failure_of_the_server(std::string_view code) {
  constexpr std::array<std::string_view, 7> kClasses{"08", "40", "53", "55", "57", "58", "XX"};
  return std::ranges::any_of(kClasses, [&](std::string_view c) { return code.starts_with(c); });
}

}  // namespace pgweir::proxy
