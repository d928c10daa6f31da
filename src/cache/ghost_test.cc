#include "cache/ghost.h"

#include <gtest/gtest.h>

#include <array>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

TEST(GhostTest, RemembersWhyAndWhere) {
  Ghost ghost;
  ghost.set_window(1 << 20);
  ghost.resize(64);
  ghost.remember(key_of(1), {.why = Eviction::kExpired, .credit = 63});
  ghost.remember(key_of(2), {.why = Eviction::kCapacity, .credit = 0});
  ASSERT_TRUE(ghost.find(key_of(1)).has_value());
  EXPECT_EQ(ghost.find(key_of(1))->why, Eviction::kExpired);
  EXPECT_EQ(ghost.find(key_of(1))->credit, 63);
  ASSERT_TRUE(ghost.find(key_of(2)).has_value());
  EXPECT_EQ(ghost.find(key_of(2))->why, Eviction::kCapacity);
  EXPECT_EQ(ghost.find(key_of(2))->credit, 0);
  EXPECT_FALSE(ghost.find(key_of(3)).has_value());
  EXPECT_EQ(ghost.take(key_of(1))->credit, 63);
  EXPECT_FALSE(ghost.find(key_of(1)).has_value());
}

TEST(GhostTest, ForgetsBeyondTheWindow) {
  Ghost ghost;
  ghost.set_window(10'240);
  ghost.resize(64);
  ghost.remember(key_of(1), {});
  ghost.advance(10'240);
  EXPECT_TRUE(ghost.find(key_of(1)).has_value());
  ghost.advance(256);
  EXPECT_FALSE(ghost.find(key_of(1)).has_value());
}

TEST(GhostTest, TheLastRecordOfAKeyCounts) {
  Ghost ghost;
  ghost.set_window(1 << 20);
  ghost.resize(8);
  ghost.remember(key_of(1), {.why = Eviction::kCapacity});
  ghost.remember(key_of(1), {.why = Eviction::kInvalidated});
  EXPECT_EQ(ghost.find(key_of(1))->why, Eviction::kInvalidated);
  ghost.take(key_of(1));
  EXPECT_FALSE(ghost.find(key_of(1)).has_value()) << "one record per key";
}

TEST(GhostTest, AFullTableDropsTheOldest) {
  Ghost ghost;
  ghost.set_window(1 << 20);
  ghost.resize(8);
  for (std::uint64_t i = 0; i < 9; ++i) {
    ghost.remember(key_of(i), {});
    ghost.advance(256);
  }
  EXPECT_FALSE(ghost.find(key_of(0)).has_value());
  for (std::uint64_t i = 1; i < 9; ++i) EXPECT_TRUE(ghost.find(key_of(i)).has_value()) << i;
}

TEST(GhostTest, ResizeKeepsTheRecords) {
  Ghost ghost;
  ghost.set_window(1 << 20);
  ghost.resize(16);
  for (std::uint64_t i = 0; i < 6; ++i) ghost.remember(key_of(i), {});
  for (const std::size_t records : {32U, 64U, 1024U}) {
    ghost.resize(records);
    for (std::uint64_t i = 0; i < 6; ++i) EXPECT_TRUE(ghost.find(key_of(i)).has_value()) << i;
  }
}

TEST(GhostTest, WhatWasFoundIsTakenWhereverItIsByThen) {
  Ghost ghost;
  ghost.set_window(1 << 20);
  ghost.resize(64);
  for (std::uint64_t i = 0; i < 6; ++i)
    ghost.remember(key_of(i), {.credit = static_cast<Policy::Credit>(i + 1)});
  const Ghost::Position position = ghost.look_up(key_of(3)).position;
  EXPECT_EQ(ghost.take(key_of(3), position)->credit, 4);
  EXPECT_FALSE(ghost.find(key_of(3)).has_value());
  EXPECT_FALSE(ghost.take(key_of(3), position).has_value());

  std::array<Ghost::Position, 6> before{};
  for (std::uint64_t i = 0; i < 6; ++i) before[i] = ghost.look_up(key_of(i)).position;
  EXPECT_EQ(before[3], Ghost::kNowhere);
  ghost.resize(16);
  for (std::uint64_t i = 0; i < 6; ++i) {
    const auto taken = ghost.take(key_of(i), before[i]);
    EXPECT_EQ(taken.has_value(), i != 3) << i;
    EXPECT_FALSE(ghost.find(key_of(i)).has_value()) << i;
  }
}

// Whatever came before.
TEST(GhostTest, UpToHalfOfTheRoomNothingIsLost) {
  constexpr std::uint64_t kRecords = 6'000;
  Ghost ghost;
  ghost.set_window(kRecords);
  ghost.resize(kRecords * 2);
  for (std::uint64_t i = 0; i < 20 * kRecords; ++i) {
    ghost.remember(key_of(i), {});
    ghost.advance(1);
    if (i >= kRecords) {
      ASSERT_TRUE(ghost.find(key_of(i - kRecords + 1)).has_value()) << i;
    }
  }
}

TEST(GhostTest, WithoutRoomNothingIsRemembered) {
  Ghost ghost;
  ghost.set_window(1 << 20);
  ghost.remember(key_of(1), {});
  EXPECT_FALSE(ghost.find(key_of(1)).has_value());
  EXPECT_FALSE(ghost.take(key_of(1)).has_value());
}

}  // namespace
}  // namespace pgweir::cache
