// Which name a mistyped one was meant to be.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgweir::config {

// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace pgweir::config
