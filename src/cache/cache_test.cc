// Lookups: hits, misses and their reasons, time, generations.
#include "cache/cache.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

using base::kMillisecond;
using base::kSecond;

template <class Enum>
std::uint64_t at(const auto& counts, Enum which) {
  return counts[static_cast<std::size_t>(which)];
}

TEST(CacheTest, MissThenHit) {
  TestCache t(exact_config());
  Lookup first = t.lookup(1);
  ASSERT_EQ(first.outcome, Outcome::kMiss);
  EXPECT_EQ(first.miss_why, MissWhy::kCold);
  const std::array<std::string_view, 3> parts{"hello", "", " world"};
  EXPECT_EQ(first.fill.keep(parts, 42, {}, kSecond, 5 * kMillisecond), KeepResult::kKept);
  EXPECT_FALSE(first.fill);

  const Lookup second = t.lookup(1);
  ASSERT_EQ(second.outcome, Outcome::kHit);
  EXPECT_EQ(second.entry.bytes(), "hello world");
  EXPECT_EQ(second.entry.mark(), 42U);
  EXPECT_EQ(second.entry->cost, 5 * kMillisecond);

  const CacheStats stats = t.stats();
  EXPECT_EQ(stats.hits, 1U);
  EXPECT_EQ(stats.hit_bytes, 11U);
  EXPECT_EQ(stats.hit_cost, 5 * kMillisecond);
  EXPECT_EQ(at(stats.misses, MissWhy::kCold), 1U);
  EXPECT_EQ(at(stats.keeps, KeepResult::kKept), 1U);
  EXPECT_EQ(stats.entries, 1U);
  EXPECT_EQ(stats.fills_in_flight, 0U);
  EXPECT_LE(stats.bytes, stats.bytes_max);
}

TEST(CacheTest, TtlCountsFromWhenTheQuestionLeft) {
  TestCache t;
  Fill fill = t.lookup(1).fill;
  t.clock.advance(10 * base::kSecond);
  fill.sent(t.clock.now());
  t.keep_for(fill, "one", base::kSecond);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kHit);
  t.clock.advance(base::kSecond);
  EXPECT_NE(t.lookup(1).outcome, Outcome::kHit);
}

TEST(CacheTest, SwitchedOffItAnswersAndFillsNothing) {
  TestCache t;
  t.get(1, "one");
  t.cache.switch_off(true);
  for (const std::uint64_t number : {1, 2}) {
    const Lookup off = t.lookup(number);
    EXPECT_EQ(off.outcome, Outcome::kPass);
    EXPECT_EQ(off.pass_why, PassWhy::kOff);
    EXPECT_FALSE(off.fill);
  }
  t.cache.switch_off(false);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kHit) << "what was there has stayed";
  EXPECT_EQ(t.lookup(2).outcome, Outcome::kMiss);
}

TEST(CacheTest, AnEmptyReplyIsAReply) {
  TestCache t(exact_config());
  EXPECT_FALSE(t.get(1, ""));
  const Lookup found = t.lookup(1);
  ASSERT_EQ(found.outcome, Outcome::kHit);
  EXPECT_EQ(found.entry.bytes(), "");
}

TEST(CacheTest, KeysThatDifferInOneHalfAreOther) {
  TestCache t(exact_config());
  const Key a = key_of(1);
  const std::array<Key, 2> others{Key{.lo = a.lo + 1, .hi = a.hi}, Key{.lo = a.lo, .hi = a.hi + 1}};
  ASSERT_FALSE(t.get(1, "x"));
  for (const Key& other : others) EXPECT_EQ(t.cache.lookup(other, nullptr).outcome, Outcome::kMiss);
}

TEST(CacheTest, ExpiresWhenItsTimeIsOver) {
  TestCache t(exact_config());
  Lookup first = t.lookup(1);
  EXPECT_EQ(t.keep_for(first.fill, "x", kSecond), KeepResult::kKept);
  t.clock.advance(kSecond - 1);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kHit);
  t.clock.advance(1);
  const Lookup late = t.lookup(1);
  EXPECT_EQ(late.outcome, Outcome::kMiss);
  EXPECT_EQ(late.miss_why, MissWhy::kExpired);
  EXPECT_EQ(at(t.stats().evictions, Eviction::kExpired), 1U);
  EXPECT_EQ(t.stats().entries, 0U);
}

TEST(CacheTest, TtlCountsFromTheStartOfTheFill) {
  TestCache t(exact_config());
  Lookup slow = t.lookup(1);
  t.clock.advance(600 * kMillisecond);
  EXPECT_EQ(t.keep_for(slow.fill, "x", kSecond), KeepResult::kKept);
  t.clock.advance(400 * kMillisecond);
  Lookup late = t.lookup(1);
  ASSERT_EQ(late.outcome, Outcome::kMiss);
  t.clock.advance(kSecond);
  EXPECT_EQ(t.keep_for(late.fill, "x", kSecond), KeepResult::kExpired);
  Lookup third = t.lookup(1);
  ASSERT_EQ(third.outcome, Outcome::kMiss);
  EXPECT_EQ(t.keep_for(third.fill, "x", 0), KeepResult::kExpired);
}

TEST(CacheTest, AnEndlessTtlDoesNotOverflow) {
  TestCache t(exact_config());
  Lookup first = t.lookup(1);
  EXPECT_EQ(t.keep_for(first.fill, "x", std::numeric_limits<base::Nanos>::max()), KeepResult::kKept);
  t.clock.advance(365 * 24 * 3600 * kSecond);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kHit);
}

base::Nanos life_of(TestCache& t, std::uint64_t number, base::Nanos ttl) {
  Lookup first = t.lookup(number);
  t.keep_for(first.fill, "x", ttl);
  const Lookup hit = t.lookup(number);
  return hit.outcome == Outcome::kHit ? hit.entry->expires_at() - t.clock.now() : 0;
}

TEST(CacheTest, JitterShortensByTheKeyAndNeverLengthens) {
  CacheConfig config = exact_config();
  config.ttl_jitter = 0.2;
  TestCache a(config), b(config);
  double sum = 0;
  base::Nanos shortest = kSecond, longest = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const base::Nanos life = life_of(a, i, kSecond);
    EXPECT_EQ(life, life_of(b, i, kSecond)) << "the same key lives equally long";
    shortest = std::min(shortest, life);
    longest = std::max(longest, life);
    sum += static_cast<double>(life);
  }
  EXPECT_GT(shortest, 800 * kMillisecond - 1);
  EXPECT_LT(shortest, 805 * kMillisecond);
  EXPECT_LE(longest, kSecond);
  EXPECT_GT(longest, 995 * kMillisecond);
  EXPECT_NEAR(sum / 1000, 0.9 * kSecond, 0.01 * kSecond);
}

TEST(CacheTest, AMovedGenerationInvalidates) {
  TestCache t(exact_config());
  t.get(1, "x", {t.generations.depend(3), t.generations.depend(4)});
  t.get(2, "y", {t.generations.depend(5)});
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kHit);
  t.generations.bump(4);
  const Lookup stale = t.lookup(1);
  EXPECT_EQ(stale.outcome, Outcome::kMiss);
  EXPECT_EQ(stale.miss_why, MissWhy::kInvalidated);
  EXPECT_EQ(at(t.stats().evictions, Eviction::kInvalidated), 1U);
  EXPECT_EQ(t.lookup(2).outcome, Outcome::kHit);
}

TEST(CacheTest, ACounterThatHasComeRoundIsNotTakenForUnmoved) {
  TestCache t(exact_config());
  constexpr std::uint64_t kBumps = 5, kHalf = std::uint64_t{1} << 39;
  TurnedGenerations::set_bumps(t.generations, 3, kBumps);
  t.get(1, "x", {t.generations.depend(3)});
  ASSERT_EQ(t.lookup(1).outcome, Outcome::kHit);
  for (const std::uint64_t half : {kHalf, 2 * kHalf}) {
    TurnedGenerations::set_bumps(t.generations, 3, half - 1);
    t.generations.bump(3);
  }
  TurnedGenerations::set_bumps(t.generations, 3, 2 * kHalf + kBumps);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kMiss);
  t.get(1, "x", {t.generations.depend(3)});
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kHit) << "in the new era";
}

TEST(CacheTest, AHeldDependencyPassesAndKeepsTheEntry) {
  TestCache t(exact_config());
  t.get(1, "x", {t.generations.depend(3)});
  Hold hold(t.generations, std::array<Slot, 1>{3});
  const auto waiter = std::make_shared<CountingWaiter>();
  const Lookup held = t.lookup(1, waiter);
  EXPECT_EQ(held.outcome, Outcome::kPass);
  EXPECT_EQ(held.pass_why, PassWhy::kHeld);
  EXPECT_FALSE(held.fill);
  EXPECT_EQ(t.stats().entries, 1U);
  EXPECT_EQ(t.stats().fills_in_flight, 0U);

  hold.release();
  const Lookup after = t.lookup(1, waiter);
  EXPECT_EQ(after.outcome, Outcome::kMiss);
  EXPECT_EQ(after.miss_why, MissWhy::kInvalidated);
}

TEST(CacheTest, MovedAndHeldRemovesAndPasses) {
  TestCache t(exact_config());
  t.get(1, "x", {t.generations.depend(3), t.generations.depend(4)});
  t.generations.bump(3);
  const Hold hold(t.generations, std::array<Slot, 1>{4});
  EXPECT_EQ(t.lookup(1).pass_why, PassWhy::kHeld);
  EXPECT_EQ(t.stats().entries, 0U);
}

TEST(CacheTest, EvictedEntriesAreRememberedAsSuch) {
  TestCache t(exact_config(64 << 10));
  const std::string bytes(1000, 'x');
  for (std::uint64_t i = 0; i < 80; ++i) EXPECT_FALSE(t.get(i, bytes));
  const Lookup again = t.lookup(5);
  EXPECT_EQ(again.outcome, Outcome::kMiss);
  EXPECT_EQ(again.miss_why, MissWhy::kEvicted);
  EXPECT_GT(at(t.stats().evictions, Eviction::kCapacity), 10U);
}

TEST(CacheTest, ExpiredEntriesMakeRoomFirst) {
  TestCache t(exact_config(64 << 10));
  const std::string bytes(1000, 'x');
  for (std::uint64_t i = 0; i < 20; ++i) {
    Lookup found = t.lookup(i);
    t.keep_for(found.fill, bytes, kSecond);
  }
  t.clock.advance(kSecond);
  for (std::uint64_t i = 100; i < 145; ++i) t.get(i, bytes);
  EXPECT_GT(at(t.stats().evictions, Eviction::kExpired), 0U);
  EXPECT_EQ(at(t.stats().evictions, Eviction::kCapacity), 0U);
}

TEST(CacheTest, AnEntryInUseOutlivesItsEviction) {
  TestCache t(exact_config(64 << 10));
  const std::string bytes(1000, 'x');
  t.get(1, bytes);
  Lookup hit = t.lookup(1);
  ASSERT_EQ(hit.outcome, Outcome::kHit);
  const std::uint64_t with_entry = t.stats().bytes;
  t.cache.invalidate_all();
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kMiss);
  EXPECT_EQ(hit.entry.bytes(), bytes);
  EXPECT_GE(t.stats().bytes, with_entry) << "what is in use still counts";
  hit.entry.reset();
  EXPECT_LT(t.stats().bytes, with_entry);
}

TEST(CacheTest, InvalidateAllDropsEntriesAndMarks) {
  TestCache t;
  for (std::uint64_t i = 0; i < 200; ++i) t.get(i, "x");
  t.lookup(999).fill.abandon(FillEnd::kUncacheable);
  t.cache.invalidate_all();
  EXPECT_EQ(t.stats().entries, 0U);
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Lookup found = t.lookup(i);
    ASSERT_EQ(found.outcome, Outcome::kMiss);
    EXPECT_EQ(found.miss_why, MissWhy::kInvalidated);
  }
  EXPECT_EQ(t.lookup(999).outcome, Outcome::kMiss);
}

TEST(CacheTest, InvalidateAllReachesFillsInProgress) {
  TestCache t(exact_config());
  Lookup before = t.lookup(1);
  t.cache.invalidate_all();
  EXPECT_EQ(t.keep(before.fill, "old"), KeepResult::kMoved);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kMiss);
}

TEST(CacheTest, LookupsAddUp) {
  TestCache t(exact_config());
  t.get(1, "x");
  t.get(1, "x");
  Lookup open = t.lookup(2);
  t.lookup(2);
  t.lookup(2, std::make_shared<CountingWaiter>());
  const CacheStats stats = t.stats();
  std::uint64_t sum = stats.hits + stats.waits;
  for (const std::uint64_t n : stats.misses) sum += n;
  for (const std::uint64_t n : stats.passes) sum += n;
  EXPECT_EQ(sum, 5U);
  EXPECT_EQ(stats.waiters, 1U);
  EXPECT_EQ(stats.fills_in_flight, 1U);
}

TEST(CacheTest, ConfigIsClamped) {
  CacheConfig config;
  config.memory_bytes = 1 << 20;
  config.entry_bytes_max = 1 << 30;
  config.shards = 60;
  config.ttl_jitter = 7;
  const TestCache t(config);
  EXPECT_EQ(t.cache.config().shards, 1U);
  EXPECT_EQ(t.cache.entry_bytes_max(), 512U << 10);
  EXPECT_EQ(t.cache.config().ttl_jitter, 1.0);
  config.entry_bytes_max = 1000;
  EXPECT_EQ(TestCache(config).cache.config().shards, 16U) << "64 KiB each";
  config.shards = 0;
  for (const auto& [mib, shards] :
       {std::pair{1, 1U}, {64, 4U}, {256, 16U}, {1024, 16U}, {2048, 32U}, {8192, 64U}}) {
    config.memory_bytes = static_cast<std::uint64_t>(mib) << 20;
    EXPECT_EQ(TestCache(config).cache.config().shards, shards) << mib;
  }
}

TEST(CacheTest, OutcomesHaveNames) {
  EXPECT_EQ(name(Outcome::kPass), "pass");
  EXPECT_EQ(name(MissWhy::kEarly), "early");
  EXPECT_EQ(name(PassWhy::kNoRoom), "no_room");
  EXPECT_EQ(name(Eviction::kCapacity), "capacity");
  EXPECT_EQ(name(KeepResult::kTooManyDependencies), "too_many_dependencies");
  EXPECT_EQ(name(FillEnd::kFailed), "failed");
  EXPECT_EQ(name(static_cast<MissWhy>(kMissWhys - 1)), "early") << "the last one is counted";
  EXPECT_EQ(name(static_cast<MissWhy>(kMissWhys)), "unknown");
  EXPECT_EQ(name(static_cast<PassWhy>(kPassWhys)), "unknown");
  EXPECT_EQ(name(static_cast<Eviction>(kEvictions)), "unknown");
  EXPECT_EQ(name(static_cast<KeepResult>(kKeepResults)), "unknown");
  EXPECT_EQ(name(static_cast<FillEnd>(kFillEnds)), "unknown");
}

}  // namespace
}  // namespace pgweir::cache
