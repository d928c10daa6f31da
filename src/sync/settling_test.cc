#include "sync/settling.h"

#include <gtest/gtest.h>

#include <array>

namespace pgweir::sync {
namespace {

using Relations = std::array<query::Oid, 2>;

TEST(SettlingTest, ATableWaitsForTheTransactionsThatWereOpenWhenItJoined) {
  Settling settling;
  settling.published(Relations{1, 2}, 100);
  EXPECT_FALSE(settling.is_settled(1));
  settling.ended_below(99);
  EXPECT_FALSE(settling.is_settled(1));
  settling.ended_below(100);
  EXPECT_TRUE(settling.is_settled(1));
  EXPECT_TRUE(settling.all_settled());
}

TEST(SettlingTest, OnlyNewOnesWait) {
  Settling settling;
  settling.published(std::array<query::Oid, 1>{1}, 100);
  settling.ended_below(100);
  settling.published(Relations{1, 2}, 200);
  EXPECT_TRUE(settling.is_settled(1));
  EXPECT_FALSE(settling.is_settled(2));
}

TEST(SettlingTest, OneThatLeavesAndJoinsAgainBeginsAgain) {
  Settling settling;
  settling.published(Relations{1, 2}, 100);
  settling.ended_below(100);
  settling.published(std::array<query::Oid, 1>{1}, 150);
  settling.published(Relations{1, 2}, 200);
  EXPECT_FALSE(settling.is_settled(2));
}

TEST(SettlingTest, ANewStreamSettlesNothing) {
  Settling settling;
  settling.published(Relations{1, 2}, 100);
  settling.ended_below(100);
  settling.restart();
  settling.published(Relations{1, 2}, 100);
  EXPECT_FALSE(settling.is_settled(1));
}

}  // namespace
}  // namespace pgweir::sync
