#include "cache/expiry_map.h"

#include <gtest/gtest.h>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

using base::kSecond;
constexpr base::Nanos kTick = base::Nanos{1} << 26;

TEST(ExpiryMapTest, FindsTheBlockAndNothingElse) {
  ExpiryMap map;
  map.resize(1024);
  EXPECT_EQ(map.find(kSecond * 1'000'000), ExpiryMap::kNone);
  map.add(70, 10 * kSecond);
  map.add(700, 20 * kSecond);
  EXPECT_EQ(map.find(9 * kSecond), ExpiryMap::kNone);
  EXPECT_EQ(map.find(10 * kSecond + kTick), 1U);
  map.clear(1);
  EXPECT_EQ(map.find(10 * kSecond + kTick), ExpiryMap::kNone);
  map.add(70, 11 * kSecond);
  EXPECT_EQ(map.find(11 * kSecond + kTick), 1U);
  map.clear(1);
  EXPECT_EQ(map.find(21 * kSecond), 10U);
}

TEST(ExpiryMapTest, WhatIsFoundHasExpired) {
  for (base::Nanos at = 0; at < 5 * kTick; at += kTick / 7) {
    ExpiryMap map;
    map.resize(64);
    map.add(0, at);
    for (base::Nanos now = 0; now < 8 * kTick; now += kTick / 5) {
      const bool found = map.find(now) == 0;
      EXPECT_TRUE(!found || now >= at) << at << ' ' << now;
      EXPECT_TRUE(found || now < at + kTick) << at << ' ' << now;
    }
  }
}

// Never later than it was, whatever the sizes.
TEST(ExpiryMapTest, ResizeForgetsNothing) {
  for (const std::size_t before : {16U, 64U, 640U, 1008U, 4096U}) {
    for (const std::size_t after : {16U, 80U, 656U, 1264U, 8192U}) {
      for (std::uint64_t tag = 0; tag < 1ULL << 32; tag += 77'777'777) {
        ExpiryMap map;
        map.resize(before);
        map.add(tag * before >> 32, kSecond);
        map.resize(after);
        map.add(tag * after >> 32, 2 * kSecond);
        const std::size_t block = (tag * after >> 32) / ExpiryMap::kBlock;
        for (std::size_t found = 0; (found = map.find(kSecond + kTick)) < block;) map.clear(found);
        EXPECT_EQ(map.find(kSecond + kTick), block) << before << ' ' << after << ' ' << tag;
      }
    }
  }
}

TEST(ExpiryMapTest, WhatHasExpiredGoesBeforeWhatLives) {
  for (const PolicyKind policy : {PolicyKind::kS3Fifo, PolicyKind::kLru, PolicyKind::kCost}) {
    CacheConfig config = exact_config(1 << 20);
    config.policy = policy;
    TestCache t(config);
    const std::string bytes(500, 'x');
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      Lookup found = t.lookup(i);
      ASSERT_EQ(found.outcome, Outcome::kMiss);
      t.keep_for(found.fill, bytes, i % 2 == 0 ? kSecond : 100 * kSecond);
      for (int hits = 0; hits < 3 && i % 2 == 0; ++hits) EXPECT_EQ(t.lookup(i).outcome, Outcome::kHit);
    }
    ASSERT_EQ(t.stats().evictions[static_cast<std::size_t>(Eviction::kCapacity)], 0U);
    t.clock.advance(2 * kSecond);
    std::uint64_t next = 10'000;
    const auto evictions = [&](Eviction why) { return t.stats().evictions[static_cast<std::size_t>(why)]; };
    while (evictions(Eviction::kExpired) < 500) {
      ASSERT_EQ(evictions(Eviction::kCapacity), 0U) << name(policy);
      t.get(next++, bytes);
    }
    for (std::uint64_t i = 1; i < 1'000; i += 2) EXPECT_EQ(t.lookup(i).outcome, Outcome::kHit) << i;
  }
}

}  // namespace
}  // namespace pgweir::cache
