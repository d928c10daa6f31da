// What becomes of a statement in a warm-up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::warm {

enum class Outcome : std::uint8_t {
  kFilled,       // asked of PostgreSQL, to be kept
  kPresent,      // answered from the cache
  kPassed,       // passed on to PostgreSQL, and not kept
  kUncacheable,  // not sent: it would not be kept now
  kUnlike,       // not sent: sessions such as its own cannot be had any more
  kFailed,       // an error
};
inline constexpr std::size_t kOutcomes = 6;

inline std::string_view name(Outcome outcome) {
  constexpr std::array<std::string_view, kOutcomes> kNames = {"filled",      "present", "passed",
                                                              "uncacheable", "unlike",  "failed"};
  return kNames[static_cast<std::size_t>(outcome)];
}

}  // namespace pgweir::warm
