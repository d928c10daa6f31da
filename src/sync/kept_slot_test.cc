#include "sync/kept_slot.h"

#include <gtest/gtest.h>

#include <vector>

namespace pgweir::sync {
namespace {

struct KeptSlotTest : testing::Test {
  // A stream that has got to 1000.
  KeptSlotTest() {
    at(words, KeptWord::kSystem) = base::hash128(names.secret(), facts.system).lo;
    slot.confirming(1000);
    slot.vouch();
  }

  cache::Generations generations{10};
  const DatabaseSlots names{generations, {1, 2}, "shop"};
  cache::KeptWords words;
  KeptSlot slot{names, &words, true};
  SlotFacts facts{.wal_keep_size = "1GB",
                  .system = "7 1 5 150004",
                  .written = 2000,
                  .exists = true,
                  .is_ours = true,
                  .confirmed = 900};
};

TEST_F(KeptSlotTest, GoesOnFromWhereItWasOrBefore) {
  EXPECT_TRUE(slot.may_go_on(facts));
  facts.confirmed = 1000;
  facts.written = 1000;
  EXPECT_TRUE(slot.may_go_on(facts));
}

TEST_F(KeptSlotTest, NotIfSomethingMayHaveGoneBy) {
  facts.confirmed = 1001;
  EXPECT_FALSE(slot.may_go_on(facts)) << "somebody else has heard it";
}

TEST_F(KeptSlotTest, NotWithALogThatIsShorterThanItWas) {
  facts.written = 999;
  EXPECT_FALSE(slot.may_go_on(facts));
}

TEST_F(KeptSlotTest, NotWithoutItsSlot) {
  SlotFacts lost = facts, other = facts, gone = facts;
  lost.is_lost = true;
  other.is_ours = false;
  gone.exists = false;
  for (const SlotFacts& one : {lost, other, gone}) EXPECT_FALSE(slot.may_go_on(one));
}

TEST_F(KeptSlotTest, NotOnAnotherSystem) {
  for (const char* system : {"8 1 5 150004", "7 2 5 150004", "7 1 6 150004", "7 1 5 150005"}) {
    facts.system = system;
    EXPECT_FALSE(slot.may_go_on(facts)) << system;
  }
}

TEST_F(KeptSlotTest, NotWhatNobodyVouchesFor) {
  slot.forget();
  EXPECT_FALSE(slot.may_go_on(facts));
  slot.vouch();
  EXPECT_TRUE(slot.may_go_on(facts));
  EXPECT_FALSE(KeptSlot(names, &words, false).may_go_on(facts)) << "not asked for";
  EXPECT_FALSE(KeptSlot(names, nullptr, true).may_go_on(facts)) << "nothing is kept";
}

TEST_F(KeptSlotTest, ThePositionNeverGoesBack) {
  slot.confirming(500);
  facts.confirmed = 1000;
  EXPECT_TRUE(slot.may_go_on(facts)) << "more may have been confirmed";
}

TEST_F(KeptSlotTest, KnowsOtherDefinitions) {
  EXPECT_TRUE(slot.definitions_differ("a"));
  slot.set_definitions("a");
  EXPECT_FALSE(slot.definitions_differ("a"));
  EXPECT_TRUE(slot.definitions_differ("b"));
}

TEST(KeptSlot, ReadsPositions) {
  EXPECT_EQ(parse_lsn("16/B374D848"), 0x16'B374'D848U);
  EXPECT_EQ(parse_lsn("0/0"), 0U);
  for (const char* text : {"", "/", "16", "16/", "/1", "16/B374D848x", "123456789/1"})
    EXPECT_EQ(parse_lsn(text), 0U) << text;
}

TEST_F(KeptSlotTest, EachDatabaseAndEachPgweirHasItsOwn) {
  const DatabaseSlots other{generations, {1, 2}, "other"}, stranger{generations, {1, 3}, "shop"};
  EXPECT_NE(KeptSlot(other, &words, true).name(), slot.name());
  EXPECT_NE(KeptSlot(stranger, &words, true).name(), slot.name());
  EXPECT_LE(slot.name().size(), 63U);
}

}  // namespace
}  // namespace pgweir::sync
