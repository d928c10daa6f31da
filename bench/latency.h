// Latencies of one run, to within 1/64 of their value.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace pgweir::bench {

// Log-linear buckets of nanoseconds: 64 for each power of two, up to 2^40 ns (18 min). Finer than
// base::Histogram, whose eighths would hide the differences a benchmark is after. One thread.
class Latencies {
 public:
  void record(base::Nanos duration) {
    ++buckets_[index_of(duration)];
    ++count_;
  }
  std::uint64_t count() const { return count_; }

  // The smallest bucket bound that `fraction` (0..1) of the durations, to the nearest whole one, do not
  // exceed; 0 if there are none.
  base::Nanos quantile(double fraction) const {
    const auto wanted = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen > 0 && seen >= wanted) return upper_bound(i);
    }
    return 0;
  }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr unsigned kPowerMax = 40;
  static constexpr std::size_t kSub = 1U << kSubBits;
  static constexpr std::size_t kBuckets = (kPowerMax - kSubBits + 2) * kSub;

  // Values below 64 have a bucket each; above, the top 7 bits choose it.
  static constexpr std::size_t index_of(base::Nanos duration) {
    const auto value = duration < 0 ? 0 : static_cast<std::uint64_t>(duration);
    if (value < kSub) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
    const std::size_t index = (shift + 1) * kSub + ((value >> shift) & (kSub - 1));
    return index < kBuckets ? index : kBuckets - 1;
  }
  static constexpr base::Nanos upper_bound(std::size_t index) {
    if (index < kSub) return static_cast<base::Nanos>(index);
    const std::size_t shift = index / kSub - 1;
    return static_cast<base::Nanos>(((kSub + index % kSub + 1) << shift) - 1);
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace pgweir::bench
