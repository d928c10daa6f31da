// A copy of one or more histograms at a moment: summed over workers, subtracted from a later copy
// to get an interval, asked for quantiles.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/counters.h"

namespace pgweir::observe {

// Not thread-safe; the histograms added may be written meanwhile.
class HistogramTotals {
 public:
  void add(const base::Histogram& part);
  // What was recorded since `earlier`, a copy of the same histograms.
  HistogramTotals since(const HistogramTotals& earlier) const;

  std::uint64_t count() const;
  std::uint64_t sum_ns() const { return sum_ns_; }
  std::uint64_t bucket(std::size_t i) const { return buckets_[i]; }
  // 0 < q <= 1. The upper bound of the bucket that holds it, so at most 1/8 too high; 0 if empty.
  base::Nanos quantile(double q) const;

 private:
  std::array<std::uint64_t, base::Histogram::kBuckets> buckets_{};
  std::uint64_t sum_ns_ = 0;
};

}  // namespace pgweir::observe
