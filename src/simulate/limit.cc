#include "simulate/limit.h"

#include <array>
#include <charconv>
#include <cmath>

namespace pgweir::simulate {
namespace {

constexpr std::array<std::string_view, 4> kFigures{"hit_ratio", "byte_hit_ratio", "cost_saved",
                                                   "disk_writes"};

// A number, of bytes perhaps with a unit; negative: it is none.
double number_of(std::string_view text, bool counts_bytes) {
  struct Unit {
    std::string_view name;
    double size;
  };
  static constexpr std::array<Unit, 4> kUnits{
      {{"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}}};
  double unit = 1;
  for (const auto& [name, size] : kUnits) {
    if (!counts_bytes || !text.ends_with(name)) continue;
    unit = size;
    text.remove_suffix(name.size());
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  return whole ? value * unit : -1;
}

}  // namespace

base::Result<Limit> parse_limit(std::string_view text) {
  const auto fail = [&] {
    return base::fail(
        base::ErrorCode::kInvalid,
        "'" + std::string(text) +
            "' is no limit: it is hit_ratio, byte_hit_ratio or cost_saved, then >= or <=, then a "
            "number from 0 to 1, as in 'hit_ratio>=0.9'; or disk_writes, then a size, as in "
            "'disk_writes<=10GiB'");
  };
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos || text.substr(at + 1, 1) != "=") return fail();
  Limit limit{.is_least = text[at] == '>', .text = std::string(text)};
  std::size_t figure = 0;
  while (figure < kFigures.size() && kFigures[figure] != text.substr(0, at)) ++figure;
  if (figure == kFigures.size()) return fail();
  limit.figure = static_cast<Limit::Figure>(figure);
  const bool counts_bytes = limit.figure == Limit::Figure::kDiskWrites;
  limit.value = number_of(text.substr(at + 2), counts_bytes);
  if (limit.value < 0 || (!counts_bytes && limit.value > 1)) return fail();
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
    case Limit::Figure::kDiskWrites:
      return static_cast<double>(point.disk_written_bytes);
  }
  return 0;
}

bool is_met(const Point& point, const Limit& limit) {
  const double figure = figure_of(point, limit.figure);
  return limit.is_least ? figure >= limit.value : figure <= limit.value;
}

}  // namespace pgweir::simulate
