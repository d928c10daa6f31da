#include "observe/histogram_totals.h"

#include <cmath>
#include <numeric>

namespace pgweir::observe {

void HistogramTotals::add(const base::Histogram& part) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += part.bucket(i);
  sum_ns_ += part.sum_ns();
}

HistogramTotals HistogramTotals::since(const HistogramTotals& earlier) const {
  HistogramTotals difference;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    difference.buckets_[i] = buckets_[i] - earlier.buckets_[i];
  }
  difference.sum_ns_ = sum_ns_ - earlier.sum_ns_;
  return difference;
}

std::uint64_t HistogramTotals::count() const {
  return std::accumulate(buckets_.begin(), buckets_.end(), std::uint64_t{0});
}

base::Nanos HistogramTotals::quantile(double q) const {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total)));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    if (below >= rank && below != 0) return base::Histogram::upper_bound(i);
  }
  return base::Histogram::upper_bound(buckets_.size() - 1);
}

}  // namespace pgweir::observe
