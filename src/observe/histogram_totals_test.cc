#include "observe/histogram_totals.h"

#include <gtest/gtest.h>

namespace pgweir::observe {
namespace {

TEST(HistogramTotals, SumsPartsAndSubtractsAnEarlierCopy) {
  base::Histogram first, second;
  first.record(base::kMillisecond);
  HistogramTotals before;
  before.add(first);
  before.add(second);
  first.record(2 * base::kMillisecond);
  second.record(4 * base::kMillisecond);
  HistogramTotals after;
  after.add(first);
  after.add(second);
  EXPECT_EQ(after.count(), 3u);
  const HistogramTotals interval = after.since(before);
  EXPECT_EQ(interval.count(), 2u);
  EXPECT_EQ(interval.sum_ns(), static_cast<std::uint64_t>(6 * base::kMillisecond));
  EXPECT_EQ(interval.bucket(base::Histogram::index_of(base::kMillisecond)), 0u);
  EXPECT_EQ(interval.bucket(base::Histogram::index_of(4 * base::kMillisecond)), 1u);
}

TEST(HistogramTotals, QuantilesAreAtMostAnEighthTooHigh) {
  base::Histogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.record(i * base::kMillisecond);
  HistogramTotals totals;
  totals.add(histogram);
  for (const double q : {0.001, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact = static_cast<base::Nanos>(q * 1000) * base::kMillisecond;
    EXPECT_GE(totals.quantile(q), exact) << q;
    EXPECT_LE(totals.quantile(q), exact + exact / 8 + base::kMicrosecond) << q;
  }
}

TEST(HistogramTotals, QuantileOfNothingIsZero) { EXPECT_EQ(HistogramTotals{}.quantile(0.5), 0); }

}  // namespace
}  // namespace pgweir::observe
