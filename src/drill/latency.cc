#include "drill/latency.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pgweir::drill {

LatencyCounts::LatencyCounts(const base::Histogram& histogram) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] = histogram.bucket(i);
}

LatencyCounts& LatencyCounts::operator+=(const LatencyCounts& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  return *this;
}

LatencyCounts LatencyCounts::since(const LatencyCounts& earlier) const {
  LatencyCounts difference;
  for (std::size_t i = 0; i < counts_.size(); ++i) difference.counts_[i] = counts_[i] - earlier.counts_[i];
  return difference;
}

std::uint64_t LatencyCounts::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::optional<base::Nanos> LatencyCounts::quantile(double share) const {
  const std::uint64_t all = total();
  if (all == 0) return std::nullopt;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(all))));
  std::uint64_t seen = 0;  // in the buckets before
  std::size_t bucket = 0;
  while (seen + counts_[bucket] < rank) seen += counts_[bucket++];
  const base::Nanos low = bucket == 0 ? 0 : base::Histogram::upper_bound(bucket - 1);
  const base::Nanos width = base::Histogram::upper_bound(bucket) - low;
  const double share_of_bucket = static_cast<double>(rank - seen) / static_cast<double>(counts_[bucket]);
  return low + static_cast<base::Nanos>(share_of_bucket * static_cast<double>(width));
}

}  // namespace pgweir::drill
