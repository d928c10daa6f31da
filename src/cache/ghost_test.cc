#include "cache/ghost.h"

#include <gtest/gtest.h>

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

TEST(GhostTest, WithoutRoomNothingIsRemembered) {
  Ghost ghost;
  ghost.set_window(1 << 20);
  ghost.remember(key_of(1), {});
  EXPECT_FALSE(ghost.find(key_of(1)).has_value());
  EXPECT_FALSE(ghost.take(key_of(1)).has_value());
}

}  // namespace
}  // namespace pgweir::cache
