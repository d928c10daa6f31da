#include "cache/pass_marks.h"

#include <gtest/gtest.h>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

TEST(PassMarksTest, AMarkEndsInTime) {
  PassMarks marks(16);
  EXPECT_EQ(marks.find(key_of(1), 0), nullptr);
  marks.allocate();
  marks.put({.key = key_of(1), .ends_at = 100});
  ASSERT_NE(marks.find(key_of(1), 99), nullptr);
  EXPECT_EQ(marks.find(key_of(1), 100), nullptr);
  EXPECT_EQ(marks.find(key_of(2), 0), nullptr);
}

TEST(PassMarksTest, ANewMarkReplacesTheOld) {
  PassMarks marks(16);
  marks.allocate();
  marks.put({.key = key_of(1), .ends_at = 100});
  marks.put({.key = key_of(1), .ends_at = 200, .is_held = true, .held_slot = 9});
  ASSERT_NE(marks.find(key_of(1), 150), nullptr);
  EXPECT_TRUE(marks.find(key_of(1), 150)->is_held);
  EXPECT_EQ(marks.find(key_of(1), 150)->held_slot, 9U);
  marks.erase(key_of(1));
  EXPECT_EQ(marks.find(key_of(1), 50), nullptr) << "no older mark behind it";
}

TEST(PassMarksTest, IsBoundedAndDropsWhatEndsFirst) {
  PassMarks marks(PassMarks::kWays);
  marks.allocate();
  for (std::uint64_t i = 0; i < PassMarks::kWays + 1; ++i) {
    marks.put({.key = key_of(i), .ends_at = static_cast<base::Nanos>(100 + i)});
  }
  EXPECT_EQ(marks.find(key_of(0), 0), nullptr);
  for (std::uint64_t i = 1; i < PassMarks::kWays + 1; ++i) EXPECT_NE(marks.find(key_of(i), 0), nullptr) << i;
  marks.clear();
  EXPECT_EQ(marks.find(key_of(1), 0), nullptr);
}

}  // namespace
}  // namespace pgweir::cache
