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
    database.publish(*ticket, query::TestCatalog(ticket->version).build(), clock.now());
    return true;
  }

  base::ManualClock clock;
  cache::Generations generations{20};
  DatabaseCatalog database{"shop", generations, base::HashSecret{1, 2}};
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
  database.publish(*ticket, query::TestCatalog().build(), clock.now());
  EXPECT_TRUE(database.begin_load(clock.now()).has_value());
}

TEST_F(CatalogKeeperTest, VersionsAreNeverUsedTwice) {
  DatabaseCatalog other("other", generations, base::HashSecret{1, 2});
  const auto first = database.begin_load(clock.now());
  const auto second = other.begin_load(clock.now());
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->version, second->version);
}

TEST_F(CatalogKeeperTest, DdlDuringALoadMakesItWorthless) {
  const auto ticket = database.begin_load(clock.now());
  ASSERT_TRUE(ticket.has_value());
  database.invalidate();
  database.publish(*ticket, query::TestCatalog().build(), clock.now());
  EXPECT_EQ(database.snapshot().catalog, nullptr);
  EXPECT_TRUE(load(0)) << "the next may try at once";
  EXPECT_NE(database.snapshot().catalog, nullptr);
}

TEST_F(CatalogKeeperTest, DdlAfterALoadShowsInTheEpoch) {
  ASSERT_TRUE(load(0));
  database.invalidate();
  EXPECT_NE(database.snapshot().epoch, database.epoch());
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
  clock.advance(10 * kSecond);
  EXPECT_FALSE(load(0));
  clock.advance(10 * kSecond);
  EXPECT_TRUE(load(0));
}

TEST_F(CatalogKeeperTest, QuietTimeIsSavedUpToALimit) {
  clock.advance(1000 * kSecond);
  ASSERT_TRUE(load(2 * kSecond));
  EXPECT_FALSE(load(0));
}

TEST_F(CatalogKeeperTest, SlotsDifferByDatabaseAndRelation) {
  DatabaseCatalog other("other", generations, base::HashSecret{1, 2});
  EXPECT_NE(database.everything(), other.everything());
  EXPECT_NE(database.slot_of(1), database.slot_of(2));
  EXPECT_NE(database.slot_of(1), other.slot_of(1));
  EXPECT_NE(database.slot_of(0), database.everything());
  EXPECT_EQ(database.slot_of(7), database.slot_of(7));
}

TEST_F(CatalogKeeperTest, TheKeeperHasEachDatabaseOnce) {
  CatalogKeeper keeper(generations, base::HashSecret{1, 2});
  const auto shop = keeper.database("shop");
  EXPECT_EQ(keeper.database("shop"), shop);
  EXPECT_NE(keeper.database("Shop"), shop);
  EXPECT_EQ(keeper.database("")->name(), "");
}

}  // namespace
}  // namespace pgweir::proxy
