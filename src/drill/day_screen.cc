#include "drill/day_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

namespace pgweir::drill {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kHistorySeconds = 40;
constexpr std::size_t kLinesPerHeading = 20;
constexpr std::string_view kBold = "\033[1m", kDim = "\033[2m", kGreen = "\033[32m", kRed = "\033[31m",
                           kPlain = "\033[0m";

Json json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json json(const Quantiles& quantiles) {
  const auto ms = [](const std::optional<base::Nanos>& duration) {
    return duration ? Json(static_cast<double>(*duration) / base::kMillisecond) : Json();
  };
  return {{"p50_ms", ms(quantiles.p50)}, {"p99_ms", ms(quantiles.p99)}};
}

std::string json_start(const DayAddresses& addresses) {
  return Json{{"event", "start"},
              {"dashboard", addresses.dashboard},
              {"through_api", addresses.through_api},
              {"direct_api", addresses.direct_api},
              {"through_psql", addresses.through_psql},
              {"requests_per_s", addresses.requests_per_s},
              {"users", addresses.users}}
             .dump() +
         '\n';
}

std::string json_second(const DaySecond& second) {
  return Json{{"event", "second"},
              {"elapsed_s", second.elapsed_s},
              {"requests_per_s", second.requests_per_s},
              {"hit_ratio", json(second.hit_ratio)},
              {"database_queries_per_s", json(second.database_queries_per_s)},
              {"through", json(second.through)},
              {"direct", json(second.direct)},
              {"failed", second.failed}}
             .dump() +
         '\n';
}

std::string json_summary(const DaySummary& summary) {
  Json endpoints = Json::array();
  for (std::size_t i = 0; i < kEndpoints; ++i) {
    const EndpointSummary& endpoint = summary.endpoints[i];
    endpoints.push_back({{"endpoint", kEndpointTraits[i].name},
                         {"requests", endpoint.requests},
                         {"through", json(endpoint.through)},
                         {"direct", json(endpoint.direct)}});
  }
  return Json{{"event", "summary"},
              {"seconds", summary.seconds},
              {"requests", summary.requests},
              {"failed", summary.failed},
              {"hit_ratio", json(hit_ratio(summary.cache))},
              {"hits", json(summary.cache.hits)},
              {"misses", json(summary.cache.misses)},
              {"bypasses", json(summary.cache.bypasses)},
              {"database_queries", json(summary.cache.database_queries)},
              {"through", json(summary.reads.through)},
              {"direct", json(summary.reads.direct)},
              {"endpoints", endpoints}}
             .dump() +
         '\n';
}

std::string summary_row(std::string_view name, const EndpointSummary& row) {
  return fmt::format("  {:<30}{:>10}{:>12}{:>10}{:>13}{:>10}\n", name,
                     grouped(static_cast<double>(row.requests)), milliseconds(row.through.p50),
                     milliseconds(row.through.p99), milliseconds(row.direct.p50),
                     milliseconds(row.direct.p99));
}

// What pgweir counted; says so where it counted nothing.
std::string summary_cache(const DaySummary& summary) {
  const CacheCounts& cache = summary.cache;
  if (!cache.hits && !cache.database_queries) return "  pgweir's /metrics had no counters of the cache\n";
  const double hits = cache.hits.value_or(0), misses = cache.misses.value_or(0);
  const double bypasses = cache.bypasses.value_or(0), queries = cache.database_queries.value_or(0);
  return fmt::format(
      "  cache      {} of {} cacheable reads hit ({}), {} statements bypassed it\n"
      "  database   {} queries through pgweir ({}/s) instead of {}\n",
      grouped(hits), grouped(hits + misses), percent(hit_ratio(cache)), grouped(bypasses), grouped(queries),
      grouped(queries / std::max(summary.seconds, 1e-9)), grouped(queries + hits));
}

// Cuts a line after `width` columns; escape sequences take none, UTF-8 sequences take one.
std::string cut(std::string_view line, std::size_t width) {
  std::string out;
  std::size_t columns = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\033') {
      const std::size_t end = line.find('m', i);
      if (end == std::string_view::npos) break;
      out += line.substr(i, end - i + 1);
      i = end;
      continue;
    }
    const bool continues = (static_cast<unsigned char>(line[i]) & 0xc0) == 0x80;
    if (!continues && ++columns > width) continue;
    if (columns <= width) out += line[i];
  }
  return out;
}

double share_of_writes() {
  double share = 0;
  for (const EndpointTraits& endpoint : kEndpointTraits) share += endpoint.is_read ? 0 : endpoint.share;
  return share;
}

void remember(std::deque<double>& values, double value) {
  values.push_back(value);
  if (values.size() > kHistorySeconds) values.pop_front();
}

}  // namespace

std::string grouped(double number) {
  std::string digits = fmt::format("{:.0f}", std::abs(number));
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return number <= -0.5 ? '-' + digits : digits;
}

std::string milliseconds(const std::optional<base::Nanos>& duration) {
  return duration ? fmt::format("{:.2f}", static_cast<double>(*duration) / base::kMillisecond) : "-";
}

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f} %", *share * 100) : "-";
}

std::string sparkline(const std::deque<double>& values, bool unicode) {
  static constexpr std::array<std::string_view, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr std::array<std::string_view, 8> kAscii{"_", ".", ",", "-", "~", "=", "*", "#"};
  const auto& steps = unicode ? kBlocks : kAscii;
  const double top = values.empty() ? 0 : *std::ranges::max_element(values);
  std::string line;
  for (const double value : values) {
    const double share = top > 0 ? std::clamp(value / top, 0.0, 1.0) : 0;
    line += steps[static_cast<std::size_t>(std::lround(share * static_cast<double>(steps.size() - 1)))];
  }
  return line;
}

std::string DayScreen::start(const DayAddresses& addresses) {
  if (options_.style == ScreenStyle::kJson) return json_start(addresses);
  return fmt::format(
      "\n"
      "  dashboard   {}\n"
      "  shop API    {}  through pgweir, e.g. {}/products/1\n"
      "              {}  directly\n"
      "  psql        {}\n"
      "  traffic     {} requests/s from {} users, {:.0f} % of them writes\n\n",
      addresses.dashboard, addresses.through_api, addresses.through_api, addresses.direct_api,
      addresses.through_psql, grouped(addresses.requests_per_s),
      grouped(static_cast<double>(addresses.users)), share_of_writes() * 100);
}

std::string DayScreen::second(const DaySecond& second) {
  switch (options_.style) {
    case ScreenStyle::kJson:
      return json_second(second);
    case ScreenStyle::kLines:
      return line(second);
    case ScreenStyle::kPanel:
      return panel(second);
  }
  return "";
}

std::string DayScreen::line(const DaySecond& second) {
  std::string out;
  if (lines_++ % kLinesPerHeading == 0) {
    out = fmt::format("  {:>6}{:>12}{:>11}{:>12}{:>20}{:>20}{:>9}\n", "", "", "", "database",
                      "through pgweir", "directly", "") +
          fmt::format("  {:>6}{:>12}{:>11}{:>12}{:>10}{:>10}{:>10}{:>10}{:>9}\n", "time s", "requests/s",
                      "hit ratio", "queries/s", "p50 ms", "p99 ms", "p50 ms", "p99 ms", "failed");
  }
  const auto& queries = second.database_queries_per_s;
  return out + fmt::format("  {:>6}{:>12}{:>11}{:>12}{:>10}{:>10}{:>10}{:>10}{:>9}\n", second.elapsed_s,
                           grouped(second.requests_per_s), percent(second.hit_ratio),
                           queries ? grouped(*queries) : "-", milliseconds(second.through.p50),
                           milliseconds(second.through.p99), milliseconds(second.direct.p50),
                           milliseconds(second.direct.p99), second.failed);
}

std::string DayScreen::panel(const DaySecond& second) {
  remember(requests_, second.requests_per_s);
  remember(hits_, second.hit_ratio.value_or(0));
  remember(queries_, second.database_queries_per_s.value_or(0));
  const auto paint = [&](std::string_view colour, std::string text) {
    return options_.colour ? fmt::format("{}{}{}", colour, text, kPlain) : text;
  };
  const auto gauge = [&](std::string_view name, const std::string& value, std::string_view unit,
                         const std::deque<double>& history) {
    return fmt::format("  {:<20}{} {:<9}  {}", name, paint(kBold, fmt::format("{:>11}", value)), unit,
                       paint(kDim, sparkline(history, options_.unicode)));
  };
  const auto latencies = [&](std::string_view name, const std::optional<base::Nanos>& through,
                             const std::optional<base::Nanos>& direct) {
    const bool better = through && direct && *through <= *direct;
    const std::string value = fmt::format("{:>11}", milliseconds(through));
    return fmt::format("  {:<20}{} ms   {:>17} ms", name, better ? paint(kGreen, value) : paint(kBold, value),
                       milliseconds(direct));
  };
  const auto& queries = second.database_queries_per_s;
  const std::string failed = grouped(static_cast<double>(second.failed));
  const std::vector<std::string> lines{
      gauge("requests", grouped(second.requests_per_s), "/s", requests_),
      gauge("hit ratio", percent(second.hit_ratio), "of reads", hits_),
      gauge("database queries", queries ? grouped(*queries) : "-", "/s", queries_),
      "",
      paint(kDim, fmt::format("  {:<20}{:>14}   {:>20}", "latency of reads", "through pgweir", "directly")),
      latencies("  p50", second.through.p50, second.direct.p50),
      latencies("  p99", second.through.p99, second.direct.p99),
      "",
      fmt::format(
          "  {:<20}{}", "failed requests",
          second.failed > 0 ? paint(kRed, fmt::format("{:>11}", failed)) : fmt::format("{:>11}", failed)),
      paint(kDim, fmt::format("  {} s, Ctrl-C ends it", second.elapsed_s)),
  };
  std::string out = panel_lines_ > 0 ? fmt::format("\033[{}A", panel_lines_) : "";
  for (const std::string& text : lines) out += "\r\033[K" + cut(text, options_.width_columns) + '\n';
  panel_lines_ = lines.size();
  return out;
}

std::string DayScreen::summary(const DaySummary& summary) {
  if (options_.style == ScreenStyle::kJson) return json_summary(summary);
  std::string out =
      fmt::format("\n  {:.0f} s, {} requests ({}/s), {} failed\n\n", summary.seconds,
                  grouped(static_cast<double>(summary.requests)),
                  grouped(static_cast<double>(summary.requests) / std::max(summary.seconds, 1e-9)),
                  grouped(static_cast<double>(summary.failed)));
  out += fmt::format("  {:<30}{:>10}{:>22}{:>23}\n", "", "", "through pgweir", "directly");
  out += fmt::format("  {:<30}{:>10}{:>12}{:>10}{:>13}{:>10}\n", "", "requests", "p50 ms", "p99 ms", "p50 ms",
                     "p99 ms");
  for (std::size_t i = 0; i < kEndpoints; ++i)
    out += summary_row(kEndpointTraits[i].name, summary.endpoints[i]);
  return out + summary_row("all reads", summary.reads) + '\n' + summary_cache(summary);
}

}  // namespace pgweir::drill
