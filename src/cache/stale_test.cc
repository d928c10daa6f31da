// Entries whose ttl is over, for who accepts them while another fills.
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
  Lookup look_up() { return t.cache.lookup(key_of(1), waiter, t.clock.now(), kStaleFor); }

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

}  // namespace
}  // namespace pgweir::cache
