#include "cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace pgweir::freshness {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr Event event(Nanos at) { return {"acknowledged", "UPDATE", 1, at}; }

TEST(CellTest, AReadMayShowWhatWasAcknowledgedBeforeOrSentSince) {
  Cell cell("row");
  cell.acknowledge(cell.begin_write(false), event(10));
  const Floor floor = cell.floor(11);
  const Version next = cell.begin_write(false);
  EXPECT_EQ(cell.judge(floor, 1, event(12)), std::nullopt);
  EXPECT_EQ(cell.judge(floor, next, event(12)), std::nullopt);
  EXPECT_THAT(cell.judge(floor, 0, event(12)),
              Optional(HasSubstr("STALE: row shows version 0, but before the "
                                 "read began version 1 was acknowledged")));
  EXPECT_THAT(cell.judge(floor, next + 1, event(12)), Optional(HasSubstr("INVENTED")));
}

TEST(CellTest, WhatAnybodyHasReadIsTheFloorOfReadsThatBeginLater) {
  Cell cell("row");
  const Floor before = cell.floor(1);
  const Version sent = cell.begin_write(false);
  EXPECT_EQ(cell.judge(before, sent, {"read", "SELECT", 7, 5}), std::nullopt);
  EXPECT_EQ(cell.judge(before, kLoaded, event(6)), std::nullopt);
  EXPECT_THAT(cell.judge(cell.floor(7), kLoaded, event(8)),
              Optional(HasSubstr("read (SELECT) by session 7")));
}

TEST(CellTest, WhatIsRolledBackIsNeverRead) {
  Cell cell("row");
  const Version first = cell.begin_write(false);
  EXPECT_EQ(cell.roll_back(first), std::nullopt);
  EXPECT_THAT(cell.judge(cell.floor(1), first, event(2)), Optional(HasSubstr("ROLLED BACK")));
  const Version second = cell.begin_write(false);
  EXPECT_EQ(cell.judge(cell.floor(3), second, event(4)), std::nullopt);
  EXPECT_THAT(cell.roll_back(second), Optional(HasSubstr("was read and then rolled back")));
}

TEST(CellTest, ARowIsAbsentOnlyOnceItWasRemoved) {
  Cell cell("row");
  EXPECT_THAT(cell.judge(cell.floor(1), std::nullopt, event(2)), Optional(HasSubstr("shows no row")));
  const Version removed = cell.begin_write(true);
  const Floor before = cell.floor(3);
  EXPECT_EQ(cell.judge(before, std::nullopt, event(4)), std::nullopt);
  EXPECT_EQ(cell.floor(5).version, removed);
  EXPECT_FALSE(cell.is_present());
  EXPECT_THAT(cell.judge(cell.floor(5), removed, event(6)), Optional(HasSubstr("INVENTED")));
  EXPECT_THAT(cell.judge(cell.floor(5), kLoaded, event(6)), Optional(HasSubstr("STALE")));
  cell.acknowledge(cell.begin_write(false), event(7));
  EXPECT_TRUE(cell.is_present());
  EXPECT_THAT(cell.judge(cell.floor(8), std::nullopt, event(9)), Optional(HasSubstr("STALE")));
}

TEST(CellTest, AnUnknownOutcomeIsOpenUntilItIsSettled) {
  Cell cell("row");
  const Version lost = cell.begin_write(false);
  EXPECT_EQ(cell.judge(cell.floor(1), kLoaded, event(2)), std::nullopt);
  EXPECT_EQ(cell.settle(std::array{lost}, lost, event(3)), std::nullopt);
  EXPECT_THAT(cell.judge(cell.floor(4), kLoaded, event(5)), Optional(HasSubstr("STALE")));

  const Version undone = cell.begin_write(false);
  EXPECT_EQ(cell.settle(std::array{undone}, lost, event(6)), std::nullopt);
  EXPECT_THAT(cell.judge(cell.floor(7), undone, event(8)), Optional(HasSubstr("ROLLED BACK")));
}

TEST(CellTest, SettlingOnNoRowNeedsAWriteThatRemovedIt) {
  Cell cell("row");
  const Version written = cell.begin_write(false);
  EXPECT_THAT(cell.settle(std::array{written}, std::nullopt, event(1)), Optional(HasSubstr("no write that")));
  const Version removed = cell.begin_write(true);
  EXPECT_EQ(cell.settle(std::array{removed}, std::nullopt, event(2)), std::nullopt);
  EXPECT_EQ(cell.floor(3).version, removed);
}

TEST(CellTest, WithALagTheFloorFollowsLater) {
  Cell cell("row", 100);
  cell.acknowledge(cell.begin_write(false), event(1000));
  cell.acknowledge(cell.begin_write(false), event(1050));
  EXPECT_EQ(cell.floor(1099).version, kLoaded);
  EXPECT_EQ(cell.floor(1100).version, 1);
  EXPECT_EQ(cell.floor(1149).version, 1);
  EXPECT_EQ(cell.floor(1150).version, 2);
  EXPECT_EQ(cell.judge(cell.floor(1100), 2, event(1101)), std::nullopt);
  EXPECT_EQ(cell.floor(1102).version, 1) << "what one reply shows binds no other";
}

TEST(CellTest, ALeaseIsHeldByOne) {
  Cell cell("row");
  EXPECT_TRUE(cell.try_lease());
  EXPECT_FALSE(cell.try_lease());
  cell.release_lease();
  EXPECT_TRUE(cell.try_lease());
}

}  // namespace
}  // namespace pgweir::freshness
