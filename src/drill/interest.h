// The two distributions that make traffic look like people: what they want and when they come.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "base/clock.h"

namespace pgweir::drill {

// Ranks 0 … n-1, rank r with probability proportional to 1 / (r + 1)^exponent.
class Zipf {
 public:
  // n > 0, exponent >= 0. Takes 8 n bytes.
  Zipf(std::uint32_t n, double exponent);
  std::uint32_t next(std::mt19937_64& random) const;
  // The probability of a rank; rank < n.
  double probability(std::uint32_t rank) const;

 private:
  std::vector<double> cumulative_;
};

// Independent arrivals at a constant rate: exponential gaps.
class PoissonArrivals {
 public:
  // per_second > 0.
  explicit PoissonArrivals(double per_second) : gap_s_(per_second) {}
  base::Nanos next_gap(std::mt19937_64& random) {
    return static_cast<base::Nanos>(gap_s_(random) * static_cast<double>(base::kSecond));
  }

 private:
  std::exponential_distribution<double> gap_s_;
};

}  // namespace pgweir::drill
