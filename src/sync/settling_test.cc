#include "sync/settling.h"

#include <gtest/gtest.h>

#include <array>

namespace pgweir::sync {
namespace {

using Followed = query::Catalog::Followed;
const std::array<Followed, 1> kOne{{{1, 11}}};
const std::array<Followed, 2> kTwo{{{1, 11}, {2, 12}}};

TEST(SettlingTest, ATableWaitsForTheTransactionsThatWereOpenWhenItJoined) {
  Settling settling;
  settling.published(kTwo, 100);
  EXPECT_FALSE(settling.is_settled(1));
  settling.ended_below(99);
  EXPECT_FALSE(settling.is_settled(1));
  settling.ended_below(100);
  EXPECT_TRUE(settling.is_settled(1));
  EXPECT_TRUE(settling.all_settled());
}

TEST(SettlingTest, OnlyNewOnesWait) {
  Settling settling;
  settling.published(kOne, 100);
  settling.ended_below(100);
  settling.published(kTwo, 200);
  EXPECT_TRUE(settling.is_settled(1));
  EXPECT_FALSE(settling.is_settled(2));
}

TEST(SettlingTest, OneThatLeavesAndJoinsAgainBeginsAgain) {
  Settling settling;
  settling.published(kTwo, 100);
  settling.ended_below(100);
  settling.published(kOne, 150);
  settling.published(kTwo, 200);
  EXPECT_FALSE(settling.is_settled(2));
}

TEST(SettlingTest, LeavingAndJoiningUnseenShowsInTheMembership) {
  Settling settling;
  settling.published(kTwo, 100);
  settling.ended_below(100);
  settling.published(std::array<Followed, 2>{{{1, 11}, {2, 13}}}, 200);
  EXPECT_TRUE(settling.is_settled(1));
  EXPECT_FALSE(settling.is_settled(2));
}

TEST(SettlingTest, ANewStreamSettlesNothing) {
  Settling settling;
  settling.published(kTwo, 100);
  settling.ended_below(100);
  settling.restart();
  settling.published(kTwo, 100);
  EXPECT_FALSE(settling.is_settled(1));
}

}  // namespace
}  // namespace pgweir::sync
