#include "cache/disk_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace pgweir::cache::disk {
namespace {

Tag random_tag(std::mt19937_64& random, std::uint64_t among) {
  // Spread over all tables, many with the same home.
  const std::uint64_t x = random() % among;
  return (x % 7) << 33 | (x * 0x9E37'79B9 & 0xFFFF'FF00) >> (x % 3 == 0 ? 12 : 0);
}

TEST(Index, DoesWhatAMapDoes) {
  Index index;
  std::map<Tag, Index::Item> map;
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const Tag tag = random_tag(random, 2000);
    switch (random() % 4) {
      case 0:
      case 1: {
        const Index::Item item{.position = (1 + random() % 1'000'000) * kUnit,
                               .length = static_cast<std::uint32_t>(random() % 1000 * kUnit),
                               .expires = static_cast<std::uint32_t>(random() % 100)};
        index.put(tag, item);
        map[tag] = item;
        break;
      }
      case 2:
        EXPECT_EQ(index.erase(tag), map.erase(tag) != 0);
        break;
      default:
        break;
    }
    const auto found = index.find(tag);
    const auto it = map.find(tag);
    ASSERT_EQ(found.has_value(), it != map.end());
    if (!found) continue;
    ASSERT_EQ(found->position, it->second.position);
    ASSERT_EQ(found->length, it->second.length);
    ASSERT_EQ(found->expires, it->second.expires);
    ASSERT_EQ(index.size(), map.size());
  }
  for (const auto& [tag, item] : map) ASSERT_TRUE(index.find(tag).has_value());
}

TEST(Index, ErasesARange) {
  Index index;
  std::map<Tag, std::uint64_t> map;
  std::mt19937_64 random(2);
  for (int i = 0; i < 3000; ++i) {
    const Tag tag = random_tag(random, 1U << 30);
    const std::uint64_t position = (1 + random() % 1000) * kUnit;
    index.put(tag, {.position = position});
    map[tag] = position;
  }
  const std::uint64_t begin = 200 * kUnit, end = 700 * kUnit;
  const auto expected =
      std::erase_if(map, [&](const auto& item) { return item.second >= begin && item.second < end; });
  std::size_t erased = 0;
  for (std::size_t table = 0; table < Index::kTables; ++table) erased += index.erase_range(table, begin, end);
  EXPECT_EQ(erased, expected);
  EXPECT_EQ(index.size(), map.size());
  for (const auto& [tag, position] : map)
    EXPECT_EQ(index.find(tag).value_or(Index::Item{}).position, position);
}

TEST(Index, KnowsWhatWasAskedFor) {
  Index index;
  index.put(5, {.position = 8});
  EXPECT_FALSE(index.find(5)->is_hit);
  index.touch(5);
  EXPECT_TRUE(index.find(5)->is_hit);
  EXPECT_FALSE(index.erase(5, 12)) << "it is elsewhere";
  EXPECT_TRUE(index.erase(5, 8));
}

TEST(Index, HoldsWhatFitsItsFields) {
  Index index;
  const Tag tag = (Tag{1} << kTagBits) - 1;
  index.put(tag, {.position = Index::kPositionMax,
                  .length = Index::kLengthMax,
                  .expires = Index::kTickMax + 5,
                  .is_void = true});
  const auto found = index.find(tag);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->position, Index::kPositionMax);
  EXPECT_EQ(found->length, Index::kLengthMax);
  EXPECT_EQ(found->expires, Index::kTickMax);
  EXPECT_TRUE(found->is_void);
}

TEST(Index, TakesAtMost24BytesForEachEntry) {
  Index index;
  std::mt19937_64 random(3);
  std::uint64_t bytes_max = 0;
  for (int i = 1; i <= 400'000; ++i) {
    index.put(random() >> (64 - kTagBits), {.position = 4});
    if (i >= 20'000) bytes_max = std::max(bytes_max, index.bytes() * 1000 / index.size());
  }
  EXPECT_LE(bytes_max, 24'000U);
  EXPECT_GE(bytes_max, 18'000U) << "else it cannot be what it says";
}

}  // namespace
}  // namespace pgweir::cache::disk
