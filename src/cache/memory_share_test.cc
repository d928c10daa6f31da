#include "cache/memory_share.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/hash.h"

namespace pgweir::cache {
namespace {

constexpr std::uint64_t kMiB = 1 << 20, kLimit = 16 * kMiB;

class MemoryShareTest : public testing::Test {
 protected:
  static CacheConfig config() {
    CacheConfig config;
    config.memory_bytes = kLimit;
    return config;
  }
  // More than there is room for.
  void fill() {
    const std::string reply(4096, 'r');
    for (std::uint64_t i = 0; i < 2 * kLimit / reply.size(); ++i) {
      base::SipHash128 hash({.k0 = 1, .k1 = 2});
      hash.update_u64(i);
      Lookup found = cache.lookup(hash.finish(), nullptr);
      const std::array<std::string_view, 1> parts{reply};
      if (found.fill) found.fill.keep(parts, 0, {}, base::kSecond, 1);
    }
  }

  base::ManualClock clock;
  Generations generations{10};
  Cache cache{config(), clock, generations};
  MemoryShare share{cache, kLimit};
};

TEST_F(MemoryShareTest, WhatOthersTakeTheCacheGives) {
  fill();
  share.others_take(6 * kMiB);
  EXPECT_EQ(cache.stats().bytes_max, kLimit - 6 * kMiB);
  EXPECT_LE(cache.stats().bytes, kLimit - 6 * kMiB);
  EXPECT_GT(cache.stats().entries, 0U);
  share.others_take(0);
  EXPECT_EQ(cache.stats().bytes_max, kLimit);
}

TEST_F(MemoryShareTest, AQuarterStays) {
  share.others_take(100 * kMiB);
  EXPECT_EQ(cache.stats().bytes_max, kLimit / 4);
}

TEST_F(MemoryShareTest, LittleIsNotPassedOnUntilItIsMuch) {
  share.others_take(kLimit / 64 - 1);
  EXPECT_EQ(cache.stats().bytes_max, kLimit);
  share.others_take(kLimit / 64);
  EXPECT_EQ(cache.stats().bytes_max, kLimit - kLimit / 64);
}

TEST_F(MemoryShareTest, ANewLimitIsSharedToo) {
  share.others_take(6 * kMiB);
  share.set_limit(kLimit / 2);
  EXPECT_EQ(cache.stats().bytes_max, kLimit / 2 - 6 * kMiB);
}

}  // namespace
}  // namespace pgweir::cache
