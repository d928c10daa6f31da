#include "drill/metrics_text.h"

#include <gtest/gtest.h>

namespace pgweir::drill {
namespace {

constexpr std::string_view kText = R"(# HELP lookups Lookups by outcome
# TYPE lookups counter
lookups{outcome="hit",reason=""} 10
lookups{outcome="miss",reason="cold"} 3
lookups{reason="evicted, or {so}",outcome="miss"} 4 1700000000000
lookups_other{outcome="hit"} 100
queries 1.5e3
broken{outcome="hit" 7
empty{outcome="hit"}
words twelve
)";

TEST(MetricSum, AddsTheSamplesOfAMetric) {
  EXPECT_EQ(metric_sum(kText, "lookups"), 17);
  EXPECT_EQ(metric_sum(kText, "queries"), 1500);
}

TEST(MetricSum, CanBeRestrictedToALabel) {
  EXPECT_EQ(metric_sum(kText, "lookups", "outcome", "hit"), 10);
  EXPECT_EQ(metric_sum(kText, "lookups", "outcome", "miss"), 7);
  EXPECT_EQ(metric_sum(kText, "lookups", "come", "miss"), std::nullopt);
}

TEST(MetricSum, IsNothingForWhatIsNotThere) {
  EXPECT_EQ(metric_sum(kText, "look"), std::nullopt);
  EXPECT_EQ(metric_sum(kText, "lookups", "outcome", "stale"), std::nullopt);
  EXPECT_EQ(metric_sum("", "lookups"), std::nullopt);
}

TEST(MetricSum, SkipsWhatItCannotRead) {
  for (const char* name : {"broken", "empty", "words"})
    EXPECT_EQ(metric_sum(kText, name), std::nullopt) << name;
}

}  // namespace
}  // namespace pgweir::drill
