// One fill per key: who fills, who waits, what is kept.
#include "cache/fill.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

using base::kSecond;

// As a session does: looks up again when woken.
class RetryingWaiter final : public Waiter {
 public:
  RetryingWaiter(TestCache& cache, std::uint64_t number) : cache_(cache), number_(number) {}
  void wake() noexcept override {
    ++wakes;
    found = cache_.cache.lookup(key_of(number_), nullptr);
  }

  int wakes = 0;
  Lookup found;

 private:
  TestCache& cache_;
  std::uint64_t number_;
};

std::uint64_t passes(const TestCache& t, PassWhy why) {
  return t.stats().passes[static_cast<std::size_t>(why)];
}

TEST(FillTest, OneFillsAndTheOthersWait) {
  TestCache t(exact_config());
  Lookup filler = t.lookup(1);
  ASSERT_EQ(filler.outcome, Outcome::kMiss);
  std::vector<std::shared_ptr<RetryingWaiter>> waiters;
  for (int i = 0; i < 20; ++i) {
    waiters.push_back(std::make_shared<RetryingWaiter>(t, 1));
    EXPECT_EQ(t.lookup(1, waiters.back()).outcome, Outcome::kWaiting);
  }
  EXPECT_EQ(t.stats().waiters, 20U);
  EXPECT_EQ(t.lookup(2).outcome, Outcome::kMiss) << "another key is not in the way";
  EXPECT_EQ(t.keep(filler.fill, "x"), KeepResult::kKept);
  for (const auto& waiter : waiters) {
    EXPECT_EQ(waiter->wakes, 1);
    ASSERT_EQ(waiter->found.outcome, Outcome::kHit);
    EXPECT_EQ(waiter->found.entry.bytes(), "x");
    EXPECT_EQ(waiter.use_count(), 1);
    waiter->found = {};
  }
  EXPECT_EQ(t.stats().waiters, 0U);
  EXPECT_EQ(t.stats().fills_in_flight, 0U);
}

TEST(FillTest, AFailedFillHandsOverToTheFirstWaiter) {
  TestCache t(exact_config());
  auto first = std::make_shared<RetryingWaiter>(t, 1), second = std::make_shared<RetryingWaiter>(t, 1);
  {
    const Lookup filler = t.lookup(1);
    ASSERT_EQ(filler.outcome, Outcome::kMiss);
    t.lookup(1, first);
    t.lookup(1, second);
  }
  EXPECT_EQ(t.stats().abandons[static_cast<std::size_t>(FillEnd::kFailed)], 1U);
  ASSERT_EQ(first->found.outcome, Outcome::kMiss);
  EXPECT_EQ(second->found.outcome, Outcome::kPass);
  EXPECT_EQ(second->found.pass_why, PassWhy::kInFlight);
  EXPECT_EQ(t.keep(first->found.fill, "x"), KeepResult::kKept);
}

TEST(FillTest, AWaiterWithoutPatiencePasses) {
  TestCache t(exact_config());
  const Lookup filler = t.lookup(1);
  const Lookup other = t.lookup(1, nullptr);
  EXPECT_EQ(other.outcome, Outcome::kPass);
  EXPECT_EQ(other.pass_why, PassWhy::kInFlight);
}

TEST(FillTest, WaitersAreLimited) {
  CacheConfig config = exact_config();
  config.fill_waiters_max = 3;
  TestCache t(config);
  const Lookup filler = t.lookup(1);
  std::vector<std::shared_ptr<CountingWaiter>> waiters;
  for (int i = 0; i < 5; ++i) {
    waiters.push_back(std::make_shared<CountingWaiter>());
    t.lookup(1, waiters.back());
  }
  EXPECT_EQ(t.stats().waiters, 3U);
  EXPECT_EQ(passes(t, PassWhy::kWaitersFull), 2U);
  t.cache.leave(key_of(1), *waiters[0]);
  EXPECT_EQ(waiters[0].use_count(), 1);
  EXPECT_EQ(t.lookup(1, waiters[4]).outcome, Outcome::kWaiting) << "its place is free";
}

TEST(FillTest, WhoLeavesIsNotWoken) {
  TestCache t(exact_config());
  Lookup filler = t.lookup(1);
  const auto gone = std::make_shared<CountingWaiter>(), stays = std::make_shared<CountingWaiter>();
  t.lookup(1, gone);
  t.lookup(1, stays);
  t.cache.leave(key_of(1), *gone);
  t.cache.leave(key_of(1), *gone);
  t.cache.leave(key_of(2), *stays);
  filler.fill.abandon(FillEnd::kFailed);
  EXPECT_EQ(gone->wakes(), 0);
  EXPECT_EQ(stays->wakes(), 1);
}

TEST(FillTest, NobodyQueuesBehindASlowFill) {
  TestCache t(exact_config());
  const Lookup filler = t.lookup(1);
  const auto waiter = std::make_shared<CountingWaiter>();
  t.clock.advance(t.config.fill_wait - 1);
  EXPECT_EQ(t.lookup(1, waiter).outcome, Outcome::kWaiting);
  t.clock.advance(1);
  const Lookup late = t.lookup(1, waiter);
  EXPECT_EQ(late.outcome, Outcome::kPass);
  EXPECT_EQ(late.pass_why, PassWhy::kFillSlow);
}

TEST(FillTest, UncacheableIsRememberedForAWhile) {
  TestCache t(exact_config());
  const auto waiter = std::make_shared<RetryingWaiter>(t, 1);
  Lookup filler = t.lookup(1);
  t.lookup(1, waiter);
  filler.fill.abandon(FillEnd::kUncacheable);
  EXPECT_EQ(waiter->found.outcome, Outcome::kPass);
  EXPECT_EQ(waiter->found.pass_why, PassWhy::kUncacheable);
  t.clock.advance(t.config.uncacheable_ttl - 1);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kPass);
  t.clock.advance(1);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kMiss);
}

TEST(FillTest, TooLargeIsNotKeptAndRemembered) {
  CacheConfig config = exact_config();
  config.entry_bytes_max = 100;
  TestCache t(config);
  Lookup exact = t.lookup(1), larger = t.lookup(2);
  EXPECT_EQ(t.keep(exact.fill, std::string(100, 'x')), KeepResult::kKept);
  EXPECT_EQ(t.keep(larger.fill, std::string(101, 'x')), KeepResult::kTooLarge);
  EXPECT_EQ(t.lookup(2).pass_why, PassWhy::kUncacheable);
}

TEST(FillTest, TooManyDependencies) {
  TestCache t(exact_config());
  const std::vector<Dependency> dependencies(Entry::kDependenciesMax + 1, t.generations.depend(1));
  const std::string_view bytes = "x";
  const std::span<const Dependency> most(dependencies.data(), Entry::kDependenciesMax);
  EXPECT_EQ(t.lookup(1).fill.keep({&bytes, 1}, 0, most, kSecond, 0), KeepResult::kKept);
  EXPECT_EQ(t.lookup(2).fill.keep({&bytes, 1}, 0, dependencies, kSecond, 0),
            KeepResult::kTooManyDependencies);
  EXPECT_EQ(t.lookup(1).entry->dependencies().size(), Entry::kDependenciesMax);
  EXPECT_EQ(t.lookup(2).pass_why, PassWhy::kUncacheable);
}

TEST(FillTest, WhatMovedDuringTheFillIsNotKept) {
  TestCache t(exact_config());
  Lookup filler = t.lookup(1);
  const Dependency seen = t.generations.depend(3);
  t.generations.bump(3);
  EXPECT_EQ(t.keep(filler.fill, "old", {seen}), KeepResult::kMoved);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kMiss) << "the next one may fill at once";
}

TEST(FillTest, AWriteThatCameAndWentDuringTheFill) {
  TestCache t(exact_config());
  Lookup filler = t.lookup(1);
  const Dependency seen = t.generations.depend(3);
  {
    const Hold hold(t.generations, std::array<Slot, 1>{3});
  }
  EXPECT_EQ(t.keep(filler.fill, "old", {seen}), KeepResult::kMoved);
}

TEST(FillTest, WhatIsHeldIsNotKeptAndNobodyQueues) {
  TestCache t(exact_config());
  const auto waiter = std::make_shared<RetryingWaiter>(t, 1);
  Lookup filler = t.lookup(1);
  t.lookup(1, waiter);
  const Dependency seen = t.generations.depend(3);
  Hold hold(t.generations, std::array<Slot, 1>{3});
  EXPECT_EQ(t.keep(filler.fill, "old", {seen}), KeepResult::kMoved);
  EXPECT_EQ(waiter->found.outcome, Outcome::kPass);
  EXPECT_EQ(waiter->found.pass_why, PassWhy::kHeld) << "the waiters do not fill one after the other";
  EXPECT_EQ(t.lookup(1, waiter).pass_why, PassWhy::kHeld);
  hold.release();
  EXPECT_EQ(t.lookup(1, waiter).outcome, Outcome::kMiss);
}

TEST(FillTest, WhatWasObservedUnderAHoldIsNeverKept) {
  TestCache t(exact_config());
  Hold hold(t.generations, std::array<Slot, 1>{3});
  Lookup during = t.lookup(1);
  const Dependency seen = t.generations.depend(3);
  EXPECT_EQ(t.keep(during.fill, "x", {seen}), KeepResult::kMoved);
  hold.release();
  Lookup after = t.lookup(1);
  EXPECT_EQ(t.keep(after.fill, "x", {seen}), KeepResult::kMoved);
  EXPECT_FALSE(t.get(1, "x", {t.generations.depend(3)}));
  EXPECT_TRUE(t.get(1, "x"));
}

TEST(FillTest, ATicketMovesAndEndsOnce) {
  TestCache t(exact_config());
  Fill a = t.lookup(1).fill;
  EXPECT_TRUE(a);
  Fill b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): an ended ticket is a valid state
  a.abandon(FillEnd::kUncacheable);
  EXPECT_EQ(t.stats().fills_in_flight, 1U);
  b = t.lookup(2).fill;
  EXPECT_EQ(t.stats().fills_in_flight, 1U) << "assignment ends the former fill";
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kMiss);
  b.abandon(FillEnd::kFailed);
  b.abandon(FillEnd::kFailed);
  EXPECT_EQ(t.stats().fills_in_flight, 0U);
}

TEST(FillTest, ManyFillsAtOnce) {
  TestCache t;
  std::vector<Fill> fills;
  for (std::uint64_t i = 0; i < 5000; ++i) fills.push_back(t.lookup(i).fill);
  EXPECT_EQ(t.stats().fills_in_flight, 5000U);
  for (Fill& fill : fills) EXPECT_EQ(t.keep(fill, "x"), KeepResult::kKept);
  for (std::uint64_t i = 0; i < 5000; ++i) EXPECT_TRUE(t.get(i, ""));
}

}  // namespace
}  // namespace pgweir::cache
