// What a simulated point must reach: "hit_ratio>=0.9".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "simulate/replay.h"

namespace pgweir::simulate {

struct Limit {
  enum class Figure : std::uint8_t { kHitRatio, kByteHitRatio, kCostSaved, kDiskWrites };
  Figure figure = Figure::kHitRatio;
  bool is_least = true;  // >=, else <=
  double value = 0;
  std::string text;  // as it was given
};

// Error: kInvalid, saying what is allowed.
base::Result<Limit> parse_limit(std::string_view text);
double figure_of(const Point& point, Limit::Figure figure);
bool is_met(const Point& point, const Limit& limit);

}  // namespace pgweir::simulate
