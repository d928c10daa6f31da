// Entries whose ttl is over, or of whose changes nobody tells, for who accepts them.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string_view>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

using base::kSecond;

// One entry, "old", that has just expired, and the ticket of the session that asks anew.
struct StaleTest : testing::Test {
  StaleTest() {
    Lookup first = t.lookup(1);
    const Dependency dependency = t.generations.depend(kSlot);
    EXPECT_EQ(t.keep_for(first.fill, "old", kSecond, {dependency}), KeepResult::kKept);
    t.clock.advance(kSecond);
    Lookup second = look_up();
    EXPECT_EQ(second.outcome, Outcome::kMiss);
    EXPECT_EQ(second.miss_why, MissWhy::kExpired);
    fill = std::move(second.fill);
  }
  Lookup look_up() { return t.cache.lookup(key_of(1), waiter, t.clock.now(), {.stale_for = kStaleFor}); }

  static constexpr Slot kSlot = 3;
  static constexpr base::Nanos kStaleFor = 5 * kSecond;
  TestCache t{exact_config()};
  const std::shared_ptr<CountingWaiter> waiter = std::make_shared<CountingWaiter>();
  Fill fill;
};

TEST_F(StaleTest, AnswersWhileAnotherFills) {
  t.clock.advance(kStaleFor - 1);
  const Lookup found = look_up();
  ASSERT_EQ(found.outcome, Outcome::kStale);
  EXPECT_EQ(found.entry.bytes(), "old");
  EXPECT_EQ(t.stats().stales, 1U);
  EXPECT_EQ(waiter->wakes(), 0);
}

TEST_F(StaleTest, NotAfterItsTime) {
  t.clock.advance(kStaleFor);
  EXPECT_EQ(look_up().outcome, Outcome::kPass);  // nor does anybody wait for a fill that long
}

TEST_F(StaleTest, NotOnceTheNewOneIsThere) {
  EXPECT_EQ(t.keep_for(fill, "new", kSecond), KeepResult::kKept);
  const Lookup found = look_up();
  ASSERT_EQ(found.outcome, Outcome::kHit);
  EXPECT_EQ(found.entry.bytes(), "new");
  EXPECT_EQ(t.stats().entries, 1U);
}

TEST_F(StaleTest, NotWhatHasMoved) {
  t.generations.bump(kSlot);
  EXPECT_EQ(look_up().outcome, Outcome::kWaiting);
}

TEST_F(StaleTest, NotWhatIsHeld) {
  const std::array<Slot, 1> slots{kSlot};
  const Hold hold(t.generations, slots);
  EXPECT_EQ(look_up().outcome, Outcome::kPass);
}

TEST_F(StaleTest, TheNextAsksIfTheFillFails) {
  fill.abandon(FillEnd::kFailed);
  EXPECT_EQ(look_up().outcome, Outcome::kMiss);
}

// The session that filled has seen the new one.
TEST_F(StaleTest, NotOnceANewOneWasSeenThatCannotBeKept) {
  const std::array<std::string_view, 1> parts{"new"};
  EXPECT_EQ(fill.keep(parts, 0, {}, 0, 0), KeepResult::kExpired);
  const Lookup next = look_up();
  EXPECT_EQ(next.outcome, Outcome::kMiss);
  EXPECT_EQ(look_up().outcome, Outcome::kWaiting);
}

TEST_F(StaleTest, NotOnceItIsUncacheable) {
  fill.abandon(FillEnd::kUncacheable);
  EXPECT_EQ(look_up().outcome, Outcome::kPass);
  EXPECT_EQ(t.stats().entries, 0U);
}

TEST_F(StaleTest, NotForWhoAcceptsNone) {
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kPass);  // another fills, and nobody waits
}

TEST_F(StaleTest, RoomIsMadeOfIt) {
  const std::string large(t.config.memory_bytes / 16, 'x');
  for (std::uint64_t number = 2; number < 64; ++number) t.get(number, large);
  EXPECT_EQ(look_up().outcome, Outcome::kWaiting);
}

// One entry, "old", asked for now, that depends on a row, and on who tells of it.
struct UntoldTest : testing::Test {
  using Kind = Dependency::Kind;

  UntoldTest() { put("old"); }
  void put(std::string_view bytes) {
    Lookup found = look_up({});
    ASSERT_EQ(found.outcome, Outcome::kMiss);
    EXPECT_EQ(keep(found.fill, bytes, dependencies()), KeepResult::kKept);
  }
  std::array<Dependency, 3> dependencies() {
    return {t.generations.depend(kRow), t.generations.depend(kTeller, Kind::kVoucher),
            t.generations.depend(kUnread, Kind::kUnvouched)};
  }
  Lookup look_up(const Accepts& accepts) {
    return t.cache.lookup(key_of(1), nullptr, t.clock.now(), accepts);
  }
  static KeepResult keep(Fill& fill, std::string_view bytes, const std::array<Dependency, 3>& dependencies) {
    return fill.keep({&bytes, 1}, 7, dependencies, kTtl, base::kMillisecond);
  }
  static std::string_view bytes_of(const Lookup& found) {  // the cache still has it
    return found.entry ? found.entry.bytes() : "";
  }
  void lose() { t.generations.bump(kTeller); }

  static constexpr Slot kRow = 3, kTeller = 4, kUnread = 5;
  static constexpr base::Nanos kTtl = 100 * kSecond, kStaleFor = 5 * kSecond;
  static constexpr Accepts kUntold{.untold = true}, kStale{.stale_for = kStaleFor};
  static constexpr Accepts kStaleUnvouched{.stale_for = kStaleFor, .vouched = false};
  TestCache t{exact_config()};
};

TEST_F(UntoldTest, AHitForWhoAcceptsIt) {
  lose();
  EXPECT_EQ(look_up(kUntold).outcome, Outcome::kHit);
  EXPECT_EQ(look_up({.untold = true, .vouched = false}).outcome, Outcome::kHit);
  t.clock.advance(kTtl);
  EXPECT_EQ(look_up(kUntold).outcome, Outcome::kMiss) << "within its ttl";
}

TEST_F(UntoldTest, AMissForOthers) {
  lose();
  const Lookup found = look_up({});
  EXPECT_EQ(found.outcome, Outcome::kMiss);
  EXPECT_EQ(found.miss_why, MissWhy::kInvalidated);
  EXPECT_EQ(t.stats().entries, 0U);
}

TEST_F(UntoldTest, WhileNobodyVouchesAllAre) {
  EXPECT_EQ(look_up({.vouched = false}).outcome, Outcome::kMiss);
}

TEST_F(UntoldTest, NotWhatHasMovedOrIsHeld) {
  lose();
  {
    const Hold hold(t.generations, std::array<Slot, 1>{kRow});
    EXPECT_EQ(look_up(kUntold).pass_why, PassWhy::kHeld);
    EXPECT_EQ(look_up(kStale).pass_why, PassWhy::kHeld);
  }
  const Lookup found = look_up(kUntold);
  EXPECT_EQ(found.outcome, Outcome::kMiss);
  EXPECT_EQ(look_up(kStale).outcome, Outcome::kPass) << "another fills, and there is nothing to answer with";
}

TEST_F(UntoldTest, WhatMovesOnlyWhileUntold) {
  t.generations.bump(kUnread);
  EXPECT_EQ(look_up(kStale).outcome, Outcome::kHit) << "who vouches would have told";
  EXPECT_EQ(look_up(kUntold).outcome, Outcome::kHit);
  lose();
  const Lookup filler = look_up(kStale);
  EXPECT_EQ(filler.outcome, Outcome::kMiss);
  EXPECT_EQ(look_up(kStale).outcome, Outcome::kPass) << "it has changed for all that is known";
  EXPECT_EQ(t.stats().entries, 0U);
}

TEST_F(UntoldTest, WhatMovesOnlyWhileUntoldMovesForWhoAcceptsThat) {
  t.generations.bump(kUnread);
  lose();
  EXPECT_EQ(look_up(kUntold).outcome, Outcome::kMiss);
}

TEST_F(UntoldTest, StaleWhileAnotherFillsForSoLongAfterItWasAskedFor) {
  lose();
  for (const Accepts& accepts : {kStale, kStaleUnvouched}) {
    const Lookup filler = look_up(accepts);
    ASSERT_EQ(filler.outcome, Outcome::kMiss);
    EXPECT_EQ(filler.miss_why, MissWhy::kInvalidated);
    const Lookup found = look_up(accepts);
    ASSERT_EQ(found.outcome, Outcome::kStale);
    EXPECT_EQ(found.entry.bytes(), "old");
  }
  const Lookup filler = look_up(kStale);
  t.clock.advance(kStaleFor - 1);
  EXPECT_EQ(look_up(kStale).outcome, Outcome::kStale);
  t.clock.advance(1);
  EXPECT_EQ(look_up(kStale).outcome, Outcome::kPass) << "its ttl is not over";
}

TEST_F(UntoldTest, StaleNoMoreOnceANewOneIsThere) {
  lose();
  Lookup filler = look_up(kStale);
  EXPECT_EQ(keep(filler.fill, "new", dependencies()), KeepResult::kKept);
  EXPECT_EQ(bytes_of(look_up(kStale)), "new");
  const Lookup again = look_up(kStaleUnvouched);
  EXPECT_EQ(again.outcome, Outcome::kMiss) << "and that is asked for anew while nobody vouches";
  EXPECT_EQ(bytes_of(look_up(kStaleUnvouched)), "new");
}

TEST_F(UntoldTest, WhatIsUntoldBeforeItIsKept) {
  t.generations.bump(kRow);
  Lookup filler = look_up({});
  const auto seen = dependencies();
  lose();
  EXPECT_EQ(keep(filler.fill, "new", seen), KeepResult::kKept);
  EXPECT_EQ(bytes_of(look_up(kUntold)), "new");
  EXPECT_EQ(look_up({}).outcome, Outcome::kMiss);
}

TEST_F(UntoldTest, KeepsItsPlaceAsOthersDo) {
  lose();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(look_up(kUntold).outcome, Outcome::kHit);
  t.clock.advance(kSecond);
  const std::string large(t.config.memory_bytes / 16, 'x');
  for (std::uint64_t number = 2; number < 18; ++number) t.get(number, large);
  EXPECT_EQ(look_up(kUntold).outcome, Outcome::kHit) << "it was used, and is not dead to everybody";
}

// Who can have a reply asked anew without waiting is answered all the same, and gets the ticket.
TEST_F(StaleTest, AnAnswerMayComeWithTheFill) {
  fill.abandon(FillEnd::kFailed);
  const Accepts accepts{.stale_for = kStaleFor, .refreshes = true};
  Lookup found = t.cache.lookup(key_of(1), waiter, t.clock.now(), accepts);
  ASSERT_EQ(found.outcome, Outcome::kStale);
  EXPECT_EQ(found.entry.bytes(), "old");
  EXPECT_EQ(found.miss_why, MissWhy::kExpired);
  ASSERT_TRUE(found.fill);
  EXPECT_FALSE(t.cache.lookup(key_of(1), waiter, t.clock.now(), accepts).fill) << "one ticket";
  found.entry.reset();
  EXPECT_EQ(t.keep_for(found.fill, "new", kSecond), KeepResult::kKept);
  EXPECT_EQ(look_up().entry.bytes(), "new");
}

// One entry whose ttl has just ended.
struct IfErrorTest : testing::Test {
  IfErrorTest() {
    Lookup first = t.lookup(1);
    EXPECT_EQ(t.keep_for(first.fill, "old", kSecond, {t.generations.depend(kSlot)}), KeepResult::kKept);
    t.clock.advance(kSecond);
  }
  Lookup look_up() { return t.cache.lookup(key_of(1), nullptr, t.clock.now(), {.if_error = 5 * kSecond}); }

  static constexpr Slot kSlot = 3;
  TestCache t{exact_config()};
};

TEST_F(IfErrorTest, AMissHasWhatMayAnswerIfItsFillFails) {
  for (int failed = 0; failed < 2; ++failed) {  // and has it again
    Lookup found = look_up();
    ASSERT_EQ(found.outcome, Outcome::kMiss);
    EXPECT_EQ(found.miss_why, MissWhy::kExpired);
    ASSERT_TRUE(found.entry);
    EXPECT_EQ(found.entry.bytes(), "old");
    found.fill.abandon(FillEnd::kFailed);
  }
}

TEST_F(IfErrorTest, NotOnceItsTimeIsOver) {
  t.clock.advance(5 * kSecond);
  EXPECT_FALSE(look_up().entry);
}

TEST_F(IfErrorTest, NotWhatHasMoved) {
  t.generations.bump(kSlot);
  const Lookup found = look_up();
  EXPECT_EQ(found.outcome, Outcome::kMiss);
  EXPECT_FALSE(found.entry);
}

TEST_F(IfErrorTest, NotForWhoDoesNotAcceptIt) {
  const Lookup found = t.lookup(1);
  EXPECT_EQ(found.outcome, Outcome::kMiss);
  EXPECT_FALSE(found.entry);
}

// Entries of a ttl of ten seconds whose fill costs one.
struct EarlyTest : testing::Test {
  static constexpr int kKeys = 1000;
  static CacheConfig config(double early_refresh) {
    CacheConfig config = exact_config(8 << 20);
    config.early_refresh = early_refresh;
    return config;
  }
  // How many are asked anew when `left` of their ttl is left.
  static int asked_anew(double early_refresh, base::Nanos left, base::Nanos cost = kSecond) {
    TestCache t{config(early_refresh)};
    for (int key = 0; key < kKeys; ++key) {
      const std::string_view part = "x";
      t.lookup(static_cast<std::uint64_t>(key)).fill.keep({&part, 1}, 0, {}, 10 * kSecond, cost);
    }
    t.clock.advance(10 * kSecond - left);
    int asked = 0;
    for (int key = 0; key < kKeys; ++key) {
      const Lookup found = t.lookup(static_cast<std::uint64_t>(key));
      EXPECT_TRUE(found.outcome == Outcome::kHit || found.miss_why == MissWhy::kEarly);
      asked += found.outcome == Outcome::kMiss;
    }
    return asked;
  }
};

// P(left < cost * beta * -ln u) = exp(-left / (cost * beta)).
TEST_F(EarlyTest, MoreLikelyTheNearerTheEndAndTheDearerTheFill) {
  EXPECT_NEAR(asked_anew(1, kSecond), kKeys * 0.368, kKeys * 0.05);
  EXPECT_NEAR(asked_anew(1, 2 * kSecond), kKeys * 0.135, kKeys * 0.05);
  EXPECT_NEAR(asked_anew(2, 2 * kSecond), kKeys * 0.368, kKeys * 0.05);
  EXPECT_NEAR(asked_anew(1, 2 * kSecond, 2 * kSecond), kKeys * 0.368, kKeys * 0.05);
  EXPECT_EQ(asked_anew(1, 5 * kSecond, kSecond / 1000), 0);
}

TEST_F(EarlyTest, NeverIfSwitchedOff) { EXPECT_EQ(asked_anew(0, 1), 0); }

TEST_F(EarlyTest, WhileOneAsksAnewOthersHit) {
  TestCache t{config(1000)};  // always due
  Lookup first = t.lookup(1);
  EXPECT_EQ(t.keep_for(first.fill, "old", kSecond), KeepResult::kKept);
  Lookup second = t.lookup(1);
  ASSERT_EQ(second.outcome, Outcome::kMiss);
  EXPECT_EQ(second.miss_why, MissWhy::kEarly);
  EXPECT_EQ(t.lookup(1).outcome, Outcome::kHit);
  EXPECT_EQ(t.keep_for(second.fill, "new", kSecond), KeepResult::kKept);
  EXPECT_EQ(t.stats().entries, 1U);
}

}  // namespace
}  // namespace pgweir::cache
