#include "cache/page_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <vector>

namespace pgweir::cache {
namespace {

constexpr std::size_t kPage = PageSpace::kPageBytes;

TEST(PageSpaceTest, TheLowestAddressesAreTaken) {
  PageSpace space(64 * kPage);
  EXPECT_EQ(space.take(0), 0U);
  EXPECT_EQ(space.take(2), 4U);
  EXPECT_EQ(space.take(1), 2U);
  EXPECT_EQ(space.take(0), 1U);
  EXPECT_EQ(space.take(5), 32U);
  space.give(2, 1);
  EXPECT_EQ(space.take(0), 2U);
}

TEST(PageSpaceTest, WhatIsGivenBackIsWholeAgain) {
  PageSpace space(64 * kPage);
  std::vector<PageSpace::Page> pages;
  while (const auto page = space.take(0)) pages.push_back(*page);
  EXPECT_EQ(pages.size(), 64U);
  EXPECT_EQ(space.take(0), std::nullopt);
  std::shuffle(pages.begin(), pages.end(), std::mt19937(1));
  for (const auto page : pages) space.give(page, 0);
  EXPECT_EQ(space.take(6), 0U) << "all of it in one run";
}

// Against a map of pages.
TEST(PageSpaceTest, RunsNeverOverlap) {
  constexpr std::size_t kPages = 1 << 14;
  PageSpace space(kPages * kPage);
  ASSERT_EQ(space.pages(), kPages);
  std::vector<bool> is_taken(kPages);
  struct Run {
    PageSpace::Page first;
    unsigned order;
  };
  std::vector<Run> runs;
  std::mt19937 random(7);
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const unsigned order = random() % 10;
      const auto first = space.take(order);
      if (!first) continue;
      ASSERT_EQ(*first % (1U << order), 0U);
      for (std::size_t i = *first; i < *first + (1U << order); ++i) {
        ASSERT_FALSE(is_taken[i]) << step;
        is_taken[i] = true;
      }
      runs.push_back({*first, order});
    } else if (!runs.empty()) {
      std::swap(runs[random() % runs.size()], runs.back());
      const Run run = runs.back();
      runs.pop_back();
      std::fill_n(is_taken.begin() + run.first, 1U << run.order, false);
      space.give(run.first, run.order);
    }
  }
  for (const Run& run : runs) space.give(run.first, run.order);
  EXPECT_EQ(space.take(14), 0U);
}

TEST(PageSpaceTest, WhatIsDiscardedIsZeroAgain) {
  PageSpace space(16 * kPage);
  const auto page = *space.take(1);
  std::memset(space.at(page), 'x', 2 * kPage);
  space.discard(page, 2);
  EXPECT_EQ(std::count(space.at(page), space.at(page) + 2 * kPage, std::byte{0}),
            static_cast<std::ptrdiff_t>(2 * kPage));
}

}  // namespace
}  // namespace pgweir::cache
