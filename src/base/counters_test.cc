#include "base/counters.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/buffer.h"

namespace pgweir::base {
namespace {

TEST(HeldTest, CountsWhatItHoldsWhileItLives) {
  Level level;
  {
    Held held(level, 3);
    EXPECT_EQ(level.get(), 3U);
    held.set(10);
    EXPECT_EQ(level.get(), 10U);
    held.set(4);
    EXPECT_EQ(level.get(), 4U);
  }
  EXPECT_EQ(level.get(), 0U);
}

TEST(HeldTest, GoesAlongWithItsOwner) {
  Level level;
  Held second;
  {
    Held first(level, 3);
    second = std::move(first);
    EXPECT_EQ(level.get(), 3U);
    const Held third(std::move(second));
    EXPECT_EQ(level.get(), 3U);
  }
  EXPECT_EQ(level.get(), 0U);
  second.set(7);
  EXPECT_EQ(level.get(), 0U) << "has no level any more";
}

TEST(HeldTest, ACopyHoldsAsMuchAgain) {
  Level level;
  const Held first(level, 3);
  {
    Held second;
    second = first;
    EXPECT_EQ(level.get(), 6U);
  }
  EXPECT_EQ(level.get(), 3U);
}

TEST(HeldTest, ABufferHoldsWhatItHasAllocated) {
  Level level;
  {
    Buffer buffer(level);
    buffer.append("bytes");
    EXPECT_EQ(level.get(), buffer.capacity());
    buffer.append(std::string(100'000, 'x'));
    EXPECT_EQ(level.get(), buffer.capacity());
    buffer.clear();
    EXPECT_GT(level.get(), 0U) << "the memory is kept";
    buffer.release();
    EXPECT_EQ(level.get(), 0U);
    buffer.append("again");
  }
  EXPECT_EQ(level.get(), 0U);
}

}  // namespace
}  // namespace pgweir::base
