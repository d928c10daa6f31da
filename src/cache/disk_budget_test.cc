#include "cache/disk_budget.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <utility>

namespace pgweir::cache {
namespace {

// Whoever asks for all it can get, at odd moments.
TEST(WindowBudget, HoldsInEveryWindow) {
  constexpr std::uint64_t kLimit = 10'000;
  WindowBudget budget(base::kSecond, 20, kLimit);
  std::mt19937_64 random(1);
  std::deque<std::pair<base::Nanos, std::uint64_t>> written;
  base::Nanos now = 7 * base::kSecond;
  std::uint64_t in_window = 0, total = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<base::Nanos>(random() % (20 * base::kMillisecond));
    const std::uint64_t bytes = 1 + random() % 500;
    while (!written.empty() && written.front().first <= now - base::kSecond) {
      in_window -= written.front().second;
      written.pop_front();
    }
    if (!budget.allows(bytes, now)) continue;
    budget.add(bytes, now);
    written.emplace_back(now, bytes);
    in_window += bytes;
    total += bytes;
    ASSERT_LE(in_window, kLimit);
  }
  const double seconds = static_cast<double>(now) / base::kSecond - 7;
  EXPECT_GT(static_cast<double>(total), 0.85 * kLimit * seconds) << "and is nearly used up";
}

TEST(WindowBudget, WithoutALimitAllowsAll) {
  WindowBudget budget(base::kSecond, 20, 0);
  EXPECT_TRUE(budget.allows(std::uint64_t{1} << 60, base::kSecond));
}

TEST(WindowBudget, ForgetsAfterAPause) {
  WindowBudget budget(base::kSecond, 20, 100);
  budget.add(100, base::kSecond);
  EXPECT_FALSE(budget.allows(1, base::kSecond));
  EXPECT_TRUE(budget.allows(100, 100 * base::kSecond));
  EXPECT_EQ(budget.used_bytes(), 0U);
}

TEST(WriteBudget, HoldsForTheDayToo) {
  WriteBudget budget(1000, 5000);
  base::Nanos now = WriteBudget::kDay;
  std::uint64_t written = 0;
  for (int i = 0; i < 80'000; ++i, now += base::kSecond) written += budget.take(500, now) ? 500 : 0;
  EXPECT_EQ(written, 5000U);
  now += WriteBudget::kDay;
  EXPECT_TRUE(budget.take(500, now));
}

TEST(WriteBudget, CountsWhatWasWrittenBeforeTheStart) {
  constexpr base::Nanos kHour = WriteBudget::kDay / 24;
  WriteBudget budget(0, 1000);
  const base::Nanos now = 10 * base::kSecond;
  budget.add_earlier(600, 2 * kHour, now);
  budget.add_earlier(600, 30 * kHour, now);
  EXPECT_EQ(budget.day_used_bytes(), 600U);
  EXPECT_FALSE(budget.take(500, now));
  EXPECT_TRUE(budget.take(400, now));
  EXPECT_FALSE(budget.take(500, now + 21 * kHour));
  EXPECT_TRUE(budget.take(500, now + 24 * kHour));
}

}  // namespace
}  // namespace pgweir::cache
