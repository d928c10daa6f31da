#include "simulate/limit.h"

#include <array>
#include <charconv>

namespace pgweir::simulate {
namespace {

constexpr std::array<std::string_view, 3> kFigures{"hit_ratio", "byte_hit_ratio", "cost_saved"};

}  // namespace

base::Result<Limit> parse_limit(std::string_view text) {
  const auto fail = [&] {
    return base::fail(
        base::ErrorCode::kInvalid,
        "'" + std::string(text) +
            "' is no limit: it is hit_ratio, byte_hit_ratio or cost_saved, then >= or <=, then a "
            "number from 0 to 1, as in 'hit_ratio>=0.9'");
  };
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos || text.substr(at + 1, 1) != "=") return fail();
  Limit limit{.is_least = text[at] == '>', .text = std::string(text)};
  std::size_t figure = 0;
  while (figure < kFigures.size() && kFigures[figure] != text.substr(0, at)) ++figure;
  if (figure == kFigures.size()) return fail();
  limit.figure = static_cast<Limit::Figure>(figure);
  const std::string_view number = text.substr(at + 2);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), limit.value);
  if (error != std::errc() || end != number.data() + number.size() || !(limit.value >= 0 && limit.value <= 1))
    return fail();
  return limit;
}

double figure_of(const Point& point, Limit::Figure figure) {
  switch (figure) {
    case Limit::Figure::kHitRatio:
      return point.hit_ratio();
    case Limit::Figure::kByteHitRatio:
      return point.byte_hit_ratio();
    case Limit::Figure::kCostSaved:
      return point.cost_saved();
  }
  return 0;
}

bool is_met(const Point& point, const Limit& limit) {
  const double figure = figure_of(point, limit.figure);
  return limit.is_least ? figure >= limit.value : figure <= limit.value;
}

}  // namespace pgweir::simulate
