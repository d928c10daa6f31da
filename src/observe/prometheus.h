// Prometheus' text exposition format, version 0.0.4: what GET /metrics answers.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/counters.h"

namespace pgweir::observe {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

struct Label {
  std::string_view name;   // [a-zA-Z_][a-zA-Z0-9_]*; not "le"
  std::string_view value;  // any bytes; escaped here
};

// Builds one scrape. Not thread-safe; make one for each request.
// REQUIRES: family() before its samples; one family() for each name; no two samples of a family
// with the same labels.
class PrometheusWriter {
 public:
  // name: [a-zA-Z_:][a-zA-Z0-9_:]*, base unit last; a counter's ends in "_total".
  void family(std::string_view name, std::string_view help, MetricType type);

  // For a counter or a gauge. Integers are written exactly.
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void sample(std::span<const Label> labels, Number value) {
    if constexpr (std::is_floating_point_v<Number>) {
      write_real(labels, value);
    } else if constexpr (std::is_signed_v<Number>) {
      write_signed(labels, value);
    } else {
      write_unsigned(labels, value);
    }
  }
  template <class Number>
  void sample(std::initializer_list<Label> labels, Number value) {
    sample(std::span<const Label>(labels.begin(), labels.size()), value);
  }
  template <class Number>
  void sample(Number value) {
    sample(std::span<const Label>{}, value);
  }

  // A family with one sample, which has no labels.
  template <class Number>
  void counter(std::string_view name, std::string_view help, Number value) {
    family(name, help, MetricType::kCounter);
    sample(value);
  }
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    family(name, help, MetricType::kGauge);
    sample(value);
  }

  // The sum of the parts (one for each worker), in seconds. The bounds are powers of two
  // microseconds, which base::Histogram counts exactly, from 16 us to 16.8 s.
  void histogram(std::span<const Label> labels, std::span<const base::Histogram* const> parts);
  void histogram(std::initializer_list<Label> labels, std::span<const base::Histogram* const> parts) {
    histogram(std::span<const Label>(labels.begin(), labels.size()), parts);
  }

  const std::string& text() const { return text_; }

 private:
  void write_real(std::span<const Label> labels, double value);
  void write_signed(std::span<const Label> labels, std::int64_t value);
  void write_unsigned(std::span<const Label> labels, std::uint64_t value);
  // name{labels,le="bound"} and a space; no le if bound is empty.
  void write_name(std::string_view suffix, std::span<const Label> labels, std::string_view bound);

  std::string text_;
  std::string family_;  // of the samples that follow
  MetricType type_ = MetricType::kGauge;
  std::set<std::string, std::less<>> families_;
};

}  // namespace pgweir::observe
