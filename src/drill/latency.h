// Quantiles of histograms over a stretch of time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/counters.h"

namespace pgweir::drill {

// How many durations fell into each bucket of base::Histogram. A plain value.
class LatencyCounts {
 public:
  LatencyCounts() = default;
  explicit LatencyCounts(const base::Histogram& histogram);

  LatencyCounts& operator+=(const LatencyCounts& other);
  // What was recorded between the earlier counts and these, of the same histogram.
  LatencyCounts since(const LatencyCounts& earlier) const;
  std::uint64_t total() const;
  // The duration that a share of all lies below (0.5 for the median), taking durations as evenly spread
  // within their bucket; nothing if none was recorded.
  std::optional<base::Nanos> quantile(double share) const;

 private:
  std::array<std::uint64_t, base::Histogram::kBuckets> counts_{};
};

}  // namespace pgweir::drill
