#include "drill/latency.h"

#include <gtest/gtest.h>

#include <memory>

namespace pgweir::drill {
namespace {

using base::kMillisecond;

TEST(LatencyCounts, NothingRecordedHasNoQuantile) { EXPECT_FALSE(LatencyCounts().quantile(0.5)); }

TEST(LatencyCounts, QuantilesAreWithinAnEighth) {
  const auto histogram = std::make_unique<base::Histogram>();
  for (int ms = 1; ms <= 1000; ++ms) histogram->record(ms * kMillisecond);
  const LatencyCounts counts(*histogram);
  EXPECT_EQ(counts.total(), 1000u);
  for (const int percent : {10, 50, 90, 99}) {
    const double exact = percent * 10.0 * kMillisecond;
    EXPECT_NEAR(static_cast<double>(*counts.quantile(percent / 100.0)), exact, exact / 8) << percent;
  }
}

TEST(LatencyCounts, SinceTakesAwayWhatWasThere) {
  const auto histogram = std::make_unique<base::Histogram>();
  for (int i = 0; i < 100; ++i) histogram->record(kMillisecond);
  const LatencyCounts earlier(*histogram);
  for (int i = 0; i < 10; ++i) histogram->record(100 * kMillisecond);
  const LatencyCounts later = LatencyCounts(*histogram).since(earlier);
  EXPECT_EQ(later.total(), 10u);
  EXPECT_GT(*later.quantile(0.01), 80 * kMillisecond);
}

TEST(LatencyCounts, AddsUp) {
  const auto fast = std::make_unique<base::Histogram>(), slow = std::make_unique<base::Histogram>();
  fast->record(kMillisecond);
  slow->record(100 * kMillisecond);
  LatencyCounts both(*fast);
  both += LatencyCounts(*slow);
  EXPECT_EQ(both.total(), 2u);
  EXPECT_LT(*both.quantile(0.5), 2 * kMillisecond);
  EXPECT_GT(*both.quantile(1), 80 * kMillisecond);
}

}  // namespace
}  // namespace pgweir::drill
