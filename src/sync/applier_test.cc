#include "sync/applier.h"

#include <gtest/gtest.h>

#include "query/test_catalog.h"
#include "sync/test_stream.h"

namespace pgweir::sync {
namespace {

class ApplierTest : public testing::Test {
 protected:
  void apply(const std::string& message) { EXPECT_TRUE(applier.apply(message).has_value()); }
  // A transaction that inserts a row into relation 7.
  void insert(std::uint32_t xid, Lsn end = 100) {
    apply(begin_message(xid));
    apply(relation_message(7, {"id"}));
    apply("I" + u32(7) + "N" + row({"1"}));
    apply(commit_message(end));
  }
  std::uint64_t seen(query::Oid relation) const { return generations.observe(names.relation(relation)); }
  bool held(query::Oid relation) const { return cache::Generations::is_held(seen(relation)); }

  cache::Generations generations{16};
  DatabaseSlots names{generations, {1, 2}, "shop"};
  std::shared_ptr<const query::Catalog> catalog;
  int definitions = 0;
  ChangeSlots slots{names, [this] { return catalog; }};
  Applier applier{slots, [this] { ++definitions; }, "me"};
};

TEST_F(ApplierTest, ACommitHoldsWhatItTouchedUntilItIsSeenEnded) {
  const std::uint64_t before = seen(7);
  insert(50, 0x500);
  EXPECT_TRUE(held(7));
  EXPECT_TRUE(cache::Generations::has_moved(before, seen(7)));
  EXPECT_EQ(applier.position(), 0x500U);
  ASSERT_TRUE(applier.waits_for_snapshot());

  applier.take(*Snapshot::parse("50:51:50"));
  EXPECT_TRUE(held(7)) << "readers cannot see it yet";

  const std::uint64_t decoded = seen(7);
  applier.take(*Snapshot::parse("51:51:"));
  EXPECT_FALSE(held(7));
  EXPECT_TRUE(cache::Generations::has_moved(decoded, seen(7))) << "what was read meanwhile is old";
  EXPECT_FALSE(applier.waits_for_snapshot());
}

// What a stream that goes on from there would not tell again is in the generations for good.
TEST_F(ApplierTest, NothingIsSettledThatCannotBeSeen) {
  EXPECT_EQ(applier.settled(0), 0U);
  insert(50, 0x500);
  EXPECT_EQ(applier.settled(0x900), 1U) << "where its commit begins";
  insert(51, 0x600);
  applier.take(*Snapshot::parse("50:52:50"));
  EXPECT_EQ(applier.settled(0x900), 1U) << "the first still";
  applier.take(*Snapshot::parse("52:52:"));
  EXPECT_EQ(applier.settled(0x550), 0x600U);
  EXPECT_EQ(applier.settled(0x900), 0x900U);
}

TEST_F(ApplierTest, OthersAreLeftAlone) {
  const std::uint64_t before = seen(8);
  insert(50);
  applier.take(*Snapshot::parse("51:51:"));
  EXPECT_EQ(seen(8), before);
}

TEST_F(ApplierTest, NothingMovesBeforeTheCommit) {
  const std::uint64_t before = seen(7);
  apply(begin_message(50));
  apply(relation_message(7, {"id"}));
  apply("I" + u32(7) + "N" + row({"1"}));
  EXPECT_EQ(seen(7), before);
}

TEST_F(ApplierTest, TruncatesCountForEachRelation) {
  const std::uint64_t before7 = seen(7), before8 = seen(8);
  apply(begin_message(50));
  apply("T" + u32(2) + std::string(1, '\0') + u32(7) + u32(8));
  apply(commit_message(100));
  EXPECT_TRUE(cache::Generations::has_moved(before7, seen(7)));
  EXPECT_TRUE(cache::Generations::has_moved(before8, seen(8)));
}

TEST_F(ApplierTest, DefinitionsAreToldWhenDecodedAndWhenSeen) {
  apply(begin_message(50));
  apply(logical_message("pgweir.ddl", "ALTER TABLE"));
  EXPECT_EQ(definitions, 0);
  apply(commit_message(100));
  EXPECT_EQ(definitions, 1);
  applier.take(*Snapshot::parse("50:51:50"));
  EXPECT_EQ(definitions, 1);
  applier.take(*Snapshot::parse("51:51:"));
  EXPECT_EQ(definitions, 2);
}

TEST_F(ApplierTest, OnlyItsOwnBeatsCount) {
  for (const auto& [prefix, content] :
       {std::pair{"pgweir.heartbeat", "other:9"}, {"pgweir.heartbeat", "me"}, {"somebody", "me:9"}}) {
    apply(begin_message(50));
    apply(logical_message(prefix, content));
    apply(commit_message(100));
    EXPECT_EQ(applier.heartbeat(), 0U) << content;
  }
  apply(begin_message(51));
  apply(logical_message("pgweir.heartbeat", "me:9"));
  EXPECT_EQ(applier.heartbeat(), 0U) << "before its commit";
  apply(commit_message(110));
  EXPECT_EQ(applier.heartbeat(), 9U);
  EXPECT_FALSE(applier.waits_for_snapshot());
}

TEST_F(ApplierTest, AFailedTriggerEndsTheStream) {
  apply(begin_message(50));
  EXPECT_FALSE(applier.apply(logical_message("pgweir.lost", "why")).has_value());
}

TEST_F(ApplierTest, RowsNamedByAnotherCatalogTakeEverythingAlong) {
  catalog = query::TestCatalog(1).build();
  insert(50);
  const std::uint64_t before = generations.observe(names.everything());
  catalog = query::TestCatalog(2).build();
  applier.take(*Snapshot::parse("51:51:"));
  EXPECT_TRUE(cache::Generations::has_moved(before, generations.observe(names.everything())));
}

TEST_F(ApplierTest, WhatRanWhenTheStreamBeganIsNotToldWhenItEnds) {
  const auto stream = [this] { return generations.observe(names.stream()); };
  const std::uint64_t before = stream();
  applier.begin({50, 55});
  applier.take(*Snapshot::parse("50:61:50,55,60"));
  EXPECT_EQ(stream(), before) << "both still run";
  EXPECT_EQ(definitions, 0);
  applier.take(*Snapshot::parse("55:61:55,60"));
  const std::uint64_t after = stream();
  EXPECT_TRUE(cache::Generations::has_moved(before, after));
  EXPECT_EQ(definitions, 1) << "it may have been DDL";
  applier.take(*Snapshot::parse("55:62:55"));
  EXPECT_EQ(stream(), after) << "what began later is told by the stream";
  applier.take(*Snapshot::parse("62:62:"));
  EXPECT_TRUE(cache::Generations::has_moved(after, stream()));
  EXPECT_EQ(definitions, 2);
}

TEST_F(ApplierTest, WhatIsOutOfOrderIsRefused) {
  EXPECT_FALSE(applier.apply(commit_message(1)).has_value());
  EXPECT_FALSE(applier.apply("I" + u32(7) + "N" + row({"1"})).has_value());
  apply(begin_message(1));
  EXPECT_FALSE(applier.apply("I" + u32(7) + "N" + row({"1"})).has_value()) << "never described";
  EXPECT_FALSE(applier.apply(begin_message(2)).has_value());
}

TEST_F(ApplierTest, TheEndLeavesNothingHeld) {
  {
    Applier other{slots, [] {}, "me"};
    EXPECT_TRUE(other.apply(begin_message(50)).has_value());
    EXPECT_TRUE(other.apply("T" + u32(1) + std::string(1, '\0') + u32(7)).has_value());
    EXPECT_TRUE(other.apply(commit_message(100)).has_value());
    EXPECT_TRUE(held(7));
  }
  EXPECT_FALSE(held(7));
}

}  // namespace
}  // namespace pgweir::sync
