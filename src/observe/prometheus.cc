#include "observe/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "base/check.h"

namespace pgweir::observe {
namespace {

// Bounds are 2^power microseconds: bucket kSubBuckets * power of base::Histogram begins there.
constexpr std::size_t kFirstPower = 4;  // 16 us
constexpr std::size_t kLastPower = 24;  // 16.8 s

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "untyped";
}

bool is_name(std::string_view name, bool colon) {
  const auto letter = [colon](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
  };
  if (name.empty() || !letter(name.front())) return false;
  return std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void append_escaped(std::string& out, std::string_view value, bool quotes) {
  for (const char c : value) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

}  // namespace

void PrometheusWriter::family(std::string_view name, std::string_view help, MetricType type) {
  CHECK(is_name(name, true));
  CHECK(families_.emplace(name).second);
  family_ = name;
  type_ = type;
  fmt::format_to(std::back_inserter(text_), "# HELP {} ", name);
  append_escaped(text_, help, false);
  fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", name, type_name(type));
}

void PrometheusWriter::write_name(std::string_view suffix, std::span<const Label> labels,
                                  std::string_view bound) {
  CHECK(!family_.empty());
  text_ += family_;
  text_ += suffix;
  char separator = '{';
  const auto append = [&](std::string_view name, std::string_view value) {
    text_ += separator;
    separator = ',';
    text_ += name;
    text_ += "=\"";
    append_escaped(text_, value, true);
    text_ += '"';
  };
  for (const Label& label : labels) {
    CHECK(is_name(label.name, false) && label.name != "le");
    append(label.name, label.value);
  }
  if (!bound.empty()) append("le", bound);
  if (separator == ',') text_ += '}';
  text_ += ' ';
}

void PrometheusWriter::write_real(std::span<const Label> labels, double value) {
  CHECK(type_ != MetricType::kHistogram);
  write_name("", labels, "");
  if (std::isnan(value)) {
    text_ += "NaN\n";
  } else if (std::isinf(value)) {
    text_ += value > 0 ? "+Inf\n" : "-Inf\n";
  } else {
    fmt::format_to(std::back_inserter(text_), "{}\n", value);
  }
}

void PrometheusWriter::write_signed(std::span<const Label> labels, std::int64_t value) {
  CHECK(type_ != MetricType::kHistogram);
  write_name("", labels, "");
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void PrometheusWriter::write_unsigned(std::span<const Label> labels, std::uint64_t value) {
  CHECK(type_ != MetricType::kHistogram);
  write_name("", labels, "");
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void PrometheusWriter::histogram(std::span<const Label> labels,
                                 std::span<const base::Histogram* const> parts) {
  CHECK(type_ == MetricType::kHistogram);
  // Each bucket is read once and the count is their sum, so that the lines agree with one another
  // although workers go on recording.
  std::array<std::uint64_t, base::Histogram::kPowers> by_power{};
  double sum_seconds = 0;
  for (const base::Histogram* part : parts) {
    sum_seconds += static_cast<double>(part->sum_ns()) / static_cast<double>(base::kSecond);
    for (std::size_t i = 0; i < base::Histogram::kBuckets; ++i) {
      by_power[i / base::Histogram::kSubBuckets] += part->bucket(i);
    }
  }
  std::uint64_t below = 0;
  for (std::size_t power = 0; power < by_power.size(); ++power) {
    if (power >= kFirstPower && power <= kLastPower) {
      const auto bound_us = std::uint64_t{1} << power;
      write_name("_bucket", labels, fmt::format("{}.{:06}", bound_us / 1'000'000, bound_us % 1'000'000));
      fmt::format_to(std::back_inserter(text_), "{}\n", below);
    }
    below += by_power[power];
  }
  write_name("_bucket", labels, "+Inf");
  fmt::format_to(std::back_inserter(text_), "{}\n", below);
  write_name("_sum", labels, "");
  fmt::format_to(std::back_inserter(text_), "{}\n", sum_seconds);
  write_name("_count", labels, "");
  fmt::format_to(std::back_inserter(text_), "{}\n", below);
}

}  // namespace pgweir::observe
