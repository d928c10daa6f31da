#include "cache/disk_breaker.h"

#include <gtest/gtest.h>

namespace pgweir::cache {
namespace {

using Kind = DiskBreaker::Kind;
using base::kMillisecond;
using base::kSecond;

struct BreakerTest : testing::Test {
  void call(bool succeeds, base::Nanos takes = 0, Kind kind = Kind::kRead) {
    breaker.begin(0, kind);
    clock.advance(takes);
    breaker.end(0, succeeds);
  }
  void trip() {
    for (int i = 0; i < 4; ++i) call(false);
  }
  base::ManualClock clock;
  DiskBreaker breaker{{}, clock};
};

TEST_F(BreakerTest, OpensAfterSomeFailuresInARow) {
  for (int i = 0; i < 3; ++i) call(false);
  EXPECT_TRUE(breaker.allows());
  call(false);
  EXPECT_FALSE(breaker.allows());
  EXPECT_EQ(breaker.stats().opened, 1U);
}

TEST_F(BreakerTest, ForgivesRareFailures) {
  for (int i = 0; i < 2000; ++i) call(i % 20 != 0);
  EXPECT_TRUE(breaker.allows());
  for (int i = 0; i < 200; ++i) call(i % 4 != 0);
  EXPECT_FALSE(breaker.allows()) << "a quarter is not rare";
}

TEST_F(BreakerTest, SlownessIsFailure) {
  for (int i = 0; i < 4; ++i) call(true, 100 * kMillisecond);
  EXPECT_FALSE(breaker.allows());
  EXPECT_EQ(breaker.stats().slow_reads, 4U);
}

TEST_F(BreakerTest, WritesMayTakeLonger) {
  for (int i = 0; i < 10; ++i) call(true, kSecond, Kind::kWrite);
  EXPECT_TRUE(breaker.allows());
  for (int i = 0; i < 4; ++i) call(true, 2 * kSecond, Kind::kWrite);
  EXPECT_FALSE(breaker.allows());
  EXPECT_EQ(breaker.stats().slow_writes, 4U);
}

TEST_F(BreakerTest, NobodyFollowsWhoIsStuck) {
  breaker.begin(1, Kind::kRead);
  clock.advance(kSecond / 2);
  EXPECT_FALSE(breaker.allows());
  EXPECT_TRUE(breaker.stats().is_stalled);
  breaker.end(1, true);
  EXPECT_TRUE(breaker.allows());
}

TEST_F(BreakerTest, ClosesAfterOneProbe) {
  trip();
  EXPECT_FALSE(breaker.wants_probe());
  clock.advance(kSecond);
  EXPECT_TRUE(breaker.wants_probe());
  EXPECT_FALSE(breaker.wants_probe()) << "one at a time";
  EXPECT_FALSE(breaker.allows());
  call(true);
  EXPECT_TRUE(breaker.allows());
}

TEST_F(BreakerTest, WaitsLongerAfterEachFailedProbe) {
  trip();
  base::Nanos pause = kSecond;
  for (int i = 0; i < 10; ++i) {
    clock.advance(pause - 1);
    EXPECT_FALSE(breaker.wants_probe());
    clock.advance(1);
    EXPECT_TRUE(breaker.wants_probe());
    call(false);
    pause = std::min(2 * pause, 60 * kSecond);
  }
  EXPECT_EQ(breaker.stats().opened, 1U) << "it has been open all the time";
}

TEST_F(BreakerTest, WhatBeganBeforeSaysNothingOfTheProbe) {
  breaker.begin(1, Kind::kRead);
  trip();
  breaker.end(1, true);
  EXPECT_FALSE(breaker.allows());
}

}  // namespace
}  // namespace pgweir::cache
