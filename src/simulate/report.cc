#include "simulate/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace pgweir::simulate {
namespace {

using Json = nlohmann::ordered_json;

std::string show_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{}{}", bytes, kUnits[unit]) : fmt::format("{:.4g}{}", value, kUnits[unit]);
}

std::string show_capacity(const Setup& setup) {
  return setup.counts_entries ? fmt::format("{} entries", setup.capacity) : show_bytes(setup.capacity);
}

std::uint64_t evictions(const Point& point, cache::Eviction why) {
  return point.evictions[static_cast<std::size_t>(why)];
}

std::string missed(const Point& point, const Limit& limit) {
  const std::string figure = limit.figure == Limit::Figure::kDiskWrites
                                 ? show_bytes(point.disk_written_bytes)
                                 : fmt::format("{:.4f}", figure_of(point, limit.figure));
  return fmt::format("{} {}: {} was missed: {}", name(point.setup.policy), show_capacity(point.setup),
                     limit.text, figure);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string report_text(std::span<const Point> points, std::span<const Limit> limits) {
  std::string out =
      fmt::format("{:<7} {:>14} {:>11} {:>7} {:>10} {:>10} {:>11} {:>11} {:>9}\n", "policy", "capacity",
                  "requests", "hits", "byte hits", "cost saved", "evicted", "expired", "not kept");
  const bool has_disk =
      std::ranges::any_of(points, [](const Point& point) { return point.setup.disk_bytes != 0; });
  if (has_disk) out.insert(out.size() - 1, fmt::format(" {:>11} {:>11}", "from disk", "disk writes"));
  for (const Point& point : points) {
    out +=
        fmt::format("{:<7} {:>14} {:>11} {:>7.4f} {:>10.4f} {:>10.4f} {:>11} {:>11} {:>9}\n",
                    name(point.setup.policy), show_capacity(point.setup), point.requests, point.hit_ratio(),
                    point.byte_hit_ratio(), point.cost_saved(), evictions(point, cache::Eviction::kCapacity),
                    evictions(point, cache::Eviction::kExpired), point.not_kept);
    if (has_disk)
      out.insert(out.size() - 1,
                 fmt::format(" {:>11} {:>11}", point.disk_hits, show_bytes(point.disk_written_bytes)));
  }
  for (const Point& point : points)
    for (const Limit& limit : limits)
      if (!is_met(point, limit)) out += missed(point, limit) + "\n";
  return out;
}

std::string report_json(std::span<const Point> points, std::span<const Limit> limits) {
  Json list = Json::array();
  for (const Point& point : points) {
    Json one{{"policy", name(point.setup.policy)},
             {"capacity", point.setup.capacity},
             {"unit", point.setup.counts_entries ? "entries" : "bytes"},
             {"requests", point.requests},
             {"hit_ratio", point.hit_ratio()},
             {"byte_hit_ratio", point.byte_hit_ratio()},
             {"cost_saved", point.cost_saved()},
             {"evictions",
              {{"capacity", evictions(point, cache::Eviction::kCapacity)},
               {"expired", evictions(point, cache::Eviction::kExpired)}}},
             {"not_kept", point.not_kept},
             {"disk_bytes", point.setup.disk_bytes},
             {"disk_hits", point.disk_hits},
             {"disk_writes", point.disk_written_bytes}};
    if (!limits.empty()) {
      Json missing = Json::array();
      for (const Limit& limit : limits)
        if (!is_met(point, limit)) missing.push_back(limit.text);
      one["limits_missed"] = std::move(missing);
    }
    list.push_back(std::move(one));
  }
  return list.dump(2) + "\n";
}

std::string report_junit(std::span<const Point> points, std::span<const Limit> limits) {
  std::string cases;
  std::size_t failures = 0;
  for (const Point& point : points) {
    for (const Limit& limit : limits) {
      const std::string title =
          fmt::format("{} {} {}", name(point.setup.policy), show_capacity(point.setup), limit.text);
      cases += fmt::format("  <testcase classname=\"pgweir.simulate\" name=\"{}\"", escaped(title));
      if (is_met(point, limit)) {
        cases += "/>\n";
        continue;
      }
      ++failures;
      cases +=
          fmt::format(">\n    <failure message=\"{}\"/>\n  </testcase>\n", escaped(missed(point, limit)));
    }
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"pgweir simulate\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n{}</testsuite>\n",
      points.size() * limits.size(), failures, cases);
}

}  // namespace pgweir::simulate
