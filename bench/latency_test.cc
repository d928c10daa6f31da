#include "bench/latency.h"

#include <gtest/gtest.h>

namespace pgweir::bench {
namespace {

TEST(Latencies, QuantileIsWithinOneSixtyFourth) {
  for (base::Nanos value : {base::Nanos{1}, base::Nanos{63}, base::Nanos{64}, base::Nanos{65},
                            base::Nanos{1000}, base::Nanos{123'456'789}, 900 * base::kSecond}) {
    Latencies latencies;
    latencies.record(value);
    EXPECT_GE(latencies.quantile(0.5), value);
    EXPECT_LE(latencies.quantile(0.5), value + value / 64);
  }
}

TEST(Latencies, QuantilesSplitTheValues) {
  Latencies latencies;
  for (int i = 1; i <= 1000; ++i) latencies.record(i * base::kMicrosecond);
  EXPECT_EQ(latencies.count(), 1000U);
  EXPECT_NEAR(static_cast<double>(latencies.quantile(0.5)), 500e3, 500e3 / 64);
  EXPECT_NEAR(static_cast<double>(latencies.quantile(0.99)), 990e3, 990e3 / 64);
  EXPECT_NEAR(static_cast<double>(latencies.quantile(1.0)), 1000e3, 1000e3 / 64);
}

TEST(Latencies, EmptyIsZeroAndOutOfRangeIsKept) {
  Latencies latencies;
  EXPECT_EQ(latencies.quantile(0.99), 0);
  latencies.record(-5);
  EXPECT_EQ(latencies.quantile(0.5), 0);
  latencies.record(100'000 * base::kSecond);
  EXPECT_GT(latencies.quantile(1.0), 1000 * base::kSecond);
}

}  // namespace
}  // namespace pgweir::bench
