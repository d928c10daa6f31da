#include "drill/interest.h"

#include <algorithm>
#include <cmath>

namespace pgweir::drill {

Zipf::Zipf(std::uint32_t n, double exponent) {
  cumulative_.reserve(n);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < n; ++rank) {
    sum += std::pow(rank + 1.0, -exponent);
    cumulative_.push_back(sum);
  }
  for (double& value : cumulative_) value /= sum;
  cumulative_.back() = 1;
}

std::uint32_t Zipf::next(std::mt19937_64& random) const {
  const double u = std::uniform_real_distribution<double>(0, 1)(random);
  const auto at = std::ranges::upper_bound(cumulative_, u);
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(static_cast<std::size_t>(at - cumulative_.begin()), cumulative_.size() - 1));
}

double Zipf::probability(std::uint32_t rank) const {
  return rank == 0 ? cumulative_[0] : cumulative_[rank] - cumulative_[rank - 1];
}

}  // namespace pgweir::drill
