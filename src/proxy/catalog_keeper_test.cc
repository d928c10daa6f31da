#include "proxy/catalog_keeper.h"

#include <gtest/gtest.h>

#include "query/test_catalog.h"

namespace pgweir::proxy {
namespace {

using base::kSecond;

class CatalogKeeperTest : public testing::Test {
 protected:
  // One whole load that takes so long.
  bool load(base::Nanos duration) {
    const auto ticket = database.begin_load(clock.now());
    if (!ticket) return false;
    clock.advance(duration);
    database.publish(*ticket, {query::TestCatalog(ticket->version).build(), "fingerprint"}, clock.now());
    return true;
  }

  base::ManualClock clock;
  cache::Generations generations{20};
  std::atomic<std::uint64_t> epoch{1};
  DatabaseCatalog database{"shop", generations, base::HashSecret{1, 2}, epoch, nullptr, nullptr, clock};
};

TEST_F(CatalogKeeperTest, NothingAtFirst) {
  EXPECT_EQ(database.snapshot().catalog, nullptr);
  EXPECT_EQ(database.name(), "shop");
}

TEST_F(CatalogKeeperTest, ASnapshotIsAsOldAsTheBeginningOfItsLoad) {
  const base::Nanos began = clock.now();
  ASSERT_TRUE(load(kSecond / 10));
  const auto snapshot = database.snapshot();
  ASSERT_NE(snapshot.catalog, nullptr);
  EXPECT_EQ(snapshot.loaded_at, began);
  EXPECT_EQ(snapshot.epoch, database.epoch());
}

TEST_F(CatalogKeeperTest, OneLoadAtATime) {
  const auto ticket = database.begin_load(clock.now());
  ASSERT_TRUE(ticket.has_value());
  EXPECT_FALSE(database.begin_load(clock.now()).has_value());
  database.publish(*ticket, {query::TestCatalog().build(), "fingerprint"}, clock.now());
  EXPECT_TRUE(database.begin_load(clock.now()).has_value());
}

TEST_F(CatalogKeeperTest, VersionsAreNeverUsedTwice) {
  DatabaseCatalog other("other", generations, base::HashSecret{1, 2}, epoch, nullptr, nullptr, clock);
  const auto first = database.begin_load(clock.now());
  const auto second = other.begin_load(clock.now());
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->version, second->version);
}

TEST_F(CatalogKeeperTest, DdlDuringALoadShowsInTheEpoch) {
  const auto ticket = database.begin_load(clock.now());
  ASSERT_TRUE(ticket.has_value());
  database.invalidate();
  database.publish(*ticket, {query::TestCatalog().build(), "fingerprint"}, clock.now());
  EXPECT_NE(database.snapshot().epoch, database.epoch());
  EXPECT_TRUE(load(0)) << "the next may try at once";
  EXPECT_EQ(database.snapshot().epoch, database.epoch());
}

TEST_F(CatalogKeeperTest, AConfirmedSnapshotIsAsGoodAsANewOne) {
  ASSERT_TRUE(load(0));
  const auto before = database.snapshot();
  database.invalidate();
  clock.advance(kSecond);
  const auto ticket = database.begin_load(clock.now());
  ASSERT_TRUE(ticket.has_value());
  clock.advance(kSecond / 10);
  database.confirm(*ticket, clock.now());
  const auto after = database.snapshot();
  EXPECT_EQ(after.catalog, before.catalog);
  EXPECT_EQ(after.fingerprint, "fingerprint");
  EXPECT_EQ(after.epoch, database.epoch());
  EXPECT_EQ(after.loaded_at, ticket->started_at);
  EXPECT_TRUE(database.begin_load(clock.now()).has_value()) << "the load has ended";
}

TEST_F(CatalogKeeperTest, AnotherCatalogMakesOldWhatWasJudgedByTheLast) {
  ASSERT_TRUE(load(0));
  const auto before = database.snapshot();
  const cache::Dependency kept = generations.depend(database.everything());
  ASSERT_TRUE(load(0)) << "a look for a name that is missing, before anybody has told of the DDL";
  EXPECT_FALSE(generations.is_fresh(kept));
  EXPECT_NE(before.epoch, database.epoch()) << "sessions that hold the last snapshot could not tell";
  EXPECT_EQ(database.snapshot().epoch, database.epoch()) << "and the new one is not in doubt";
}

TEST_F(CatalogKeeperTest, AConfirmedCatalogLeavesWhatWasKept) {
  ASSERT_TRUE(load(0));
  const cache::Dependency kept = generations.depend(database.everything());
  database.invalidate();
  const auto ticket = database.begin_load(clock.now());
  ASSERT_TRUE(ticket.has_value());
  database.confirm(*ticket, clock.now());
  EXPECT_TRUE(generations.is_fresh(kept));
}

TEST_F(CatalogKeeperTest, WhoWaitsForALoadIsWokenOnce) {
  struct CountingWaiter final : cache::Waiter {
    void wake() noexcept override { ++wakes; }
    int wakes = 0;
  };
  const auto waiter = std::make_shared<CountingWaiter>();
  EXPECT_FALSE(database.wait_for_load(waiter)) << "nobody loads";
  const auto ticket = database.begin_load(clock.now());
  ASSERT_TRUE(ticket.has_value());
  EXPECT_TRUE(database.wait_for_load(waiter));
  EXPECT_EQ(waiter->wakes, 0);
  database.publish(*ticket, {query::TestCatalog().build(), "fingerprint"}, clock.now());
  EXPECT_EQ(waiter->wakes, 1);
  EXPECT_EQ(waiter.use_count(), 1);
  ASSERT_TRUE(database.begin_load(clock.now()).has_value());
  EXPECT_TRUE(database.wait_for_load(waiter));
  database.give_up(clock.now());
  EXPECT_EQ(waiter->wakes, 2);
}

TEST_F(CatalogKeeperTest, DdlAfterALoadShowsInTheEpoch) {
  ASSERT_TRUE(load(0));
  database.invalidate();
  EXPECT_NE(database.snapshot().epoch, database.epoch());
}

TEST_F(CatalogKeeperTest, DdlInOneDatabaseCountsInAll) {
  CatalogKeeper keeper(generations, base::HashSecret{1, 2}, clock);
  const auto shop = keeper.database("shop"), other = keeper.database("other");
  const std::uint64_t before = other->epoch();
  shop->invalidate();
  EXPECT_NE(other->epoch(), before);
}

TEST_F(CatalogKeeperTest, AfterAFailureASecondPasses) {
  ASSERT_TRUE(database.begin_load(clock.now()).has_value());
  database.give_up(clock.now());
  clock.advance(kSecond - 1);
  EXPECT_FALSE(database.begin_load(clock.now()).has_value());
  clock.advance(1);
  EXPECT_TRUE(database.begin_load(clock.now()).has_value());
}

TEST_F(CatalogKeeperTest, LoadsTakeATenthOfTheTimeAtMost) {
  clock.advance(100 * kSecond);
  const base::Nanos begin = clock.now();
  base::Nanos loading = 0;
  while (clock.now() - begin < 100 * kSecond) {
    if (load(kSecond / 4)) {
      loading += kSecond / 4;
    } else {
      clock.advance(kSecond / 100);
    }
  }
  EXPECT_GE(loading, 9 * kSecond);
  EXPECT_LE(loading, 12 * kSecond) << "a tenth, what was saved up before, and one load more";
}

TEST_F(CatalogKeeperTest, ALongLoadIsPaidForAfterwards) {
  ASSERT_TRUE(load(3 * kSecond));
  EXPECT_FALSE(load(0));
  clock.advance(6 * kSecond);
  EXPECT_FALSE(load(0));
  clock.advance(2 * kSecond);
  EXPECT_TRUE(load(0)) << "but not for more than a second's worth";
}

TEST_F(CatalogKeeperTest, QuietTimeIsSavedUpToALimit) {
  clock.advance(1000 * kSecond);
  ASSERT_TRUE(load(2 * kSecond));
  EXPECT_FALSE(load(0));
}

TEST_F(CatalogKeeperTest, SlotsDifferByDatabaseAndRelation) {
  DatabaseCatalog other("other", generations, base::HashSecret{1, 2}, epoch, nullptr, nullptr, clock);
  EXPECT_EQ(database.everything(), other.everything()) << "a role is the same one in all of them";
  EXPECT_NE(database.slot_of(1), database.slot_of(2));
  EXPECT_NE(database.slot_of(1), other.slot_of(1));
  EXPECT_NE(database.slot_of(0), database.everything());
  EXPECT_EQ(database.slot_of(7), database.slot_of(7));
}

TEST_F(CatalogKeeperTest, TheKeeperHasEachDatabaseOnce) {
  CatalogKeeper keeper(generations, base::HashSecret{1, 2}, clock);
  const auto shop = keeper.database("shop");
  EXPECT_EQ(keeper.database("shop"), shop);
  EXPECT_NE(keeper.database("Shop"), shop);
  EXPECT_EQ(keeper.database("")->name(), "");
}

}  // namespace
}  // namespace pgweir::proxy
