#include "drill/interest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace pgweir::drill {
namespace {

TEST(Zipf, ProbabilitiesFollowTheLawAndAddUpToOne) {
  const Zipf zipf(1000, 1.0);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < 1000; ++rank) sum += zipf.probability(rank);
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_NEAR(zipf.probability(0) / zipf.probability(9), 10, 1e-6);
  EXPECT_NEAR(zipf.probability(9) / zipf.probability(99), 10, 1e-6);
}

TEST(Zipf, DrawsMatchTheProbabilities) {
  constexpr int kDraws = 200'000;
  const Zipf zipf(100, 0.9);
  std::mt19937_64 random(42);
  std::vector<int> seen(100);
  for (int i = 0; i < kDraws; ++i) ++seen[zipf.next(random)];
  double chi_square = 0;
  for (std::uint32_t rank = 0; rank < 100; ++rank) {
    const double expected = zipf.probability(rank) * kDraws;
    chi_square += (seen[rank] - expected) * (seen[rank] - expected) / expected;
  }
  EXPECT_LT(chi_square, 149);  // 99 degrees of freedom: exceeded once in a thousand seeds
}

TEST(Zipf, OneRankIsAlwaysDrawn) {
  const Zipf zipf(1, 1.0);
  std::mt19937_64 random(1);
  EXPECT_EQ(zipf.next(random), 0u);
}

TEST(PoissonArrivals, CountsHaveTheMeanAndTheVarianceOfThePoissonLaw) {
  constexpr int kSeconds = 2000;
  constexpr double kRate = 50;
  PoissonArrivals arrivals(kRate);
  std::mt19937_64 random(42);
  std::vector<int> counts(kSeconds);
  for (base::Nanos at = 0; (at += arrivals.next_gap(random)) < kSeconds * base::kSecond;) {
    ++counts[static_cast<std::size_t>(at / base::kSecond)];
  }
  double mean = 0, variance = 0;
  for (const int count : counts) mean += count / double{kSeconds};
  for (const int count : counts) variance += (count - mean) * (count - mean) / kSeconds;
  EXPECT_NEAR(mean, kRate, 0.6);            // the standard error is 0.16
  EXPECT_NEAR(variance / mean, 1.0, 0.12);  // the standard error is 0.03; a regular beat has 0
}

}  // namespace
}  // namespace pgweir::drill
