#include "cache/key_table.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

struct Items {
  const Key& key_of(std::uint32_t number) const { return keys[number - 1]; }
  std::vector<Key> keys;
};

TEST(KeyTableTest, EmptyTableFindsNothing) {
  const Items items;
  const KeyTable<Items> table(items);
  EXPECT_EQ(table.find(key_of(1)), 0U);
  EXPECT_TRUE(table.is_full());
  EXPECT_EQ(table.bytes_for(table.capacity()), 0U);
}

TEST(KeyTableTest, SameTagOtherKey) {
  const Items items{{{.lo = 1, .hi = 5}, {.lo = 2, .hi = 5}}};
  const Key a = items.keys[0], b = items.keys[1];
  KeyTable<Items> table(items);
  table.resize(table.next_capacity());
  table.insert(a, 1);
  EXPECT_EQ(table.find(b), 0U);
  table.insert(b, 2);
  EXPECT_EQ(table.find(a), 1U);
  EXPECT_EQ(table.find(b), 2U);
  table.erase(a, 1);
  EXPECT_EQ(table.find(a), 0U);
  EXPECT_EQ(table.find(b), 2U);
}

TEST(KeyTableTest, WhatMovesIsFoundThere) {
  Items items{{{.lo = 1, .hi = 5}, {.lo = 2, .hi = 5}, {.lo = 1, .hi = 5}}};
  KeyTable<Items> table(items);
  table.resize(table.next_capacity());
  table.insert(items.keys[0], 1);
  table.insert(items.keys[1], 2);
  table.replace(items.keys[0], 1, 3);
  EXPECT_EQ(table.find(items.keys[0]), 3U);
  EXPECT_EQ(table.find(items.keys[1]), 2U);
}

// Against a map, with keys that crowd around the wrap of a small table so that runs are long.
TEST(KeyTableTest, BehavesLikeAMap) {
  std::mt19937_64 random(42);
  Items items;
  constexpr std::uint32_t kItems = 200;
  for (std::uint64_t i = 0; i < kItems; ++i)
    items.keys.push_back({.lo = i, .hi = random() % 24 * 0x1000000 - 12 * 0x1000000});
  KeyTable<Items> table(items);
  std::unordered_map<Key, std::uint32_t> model;
  for (int step = 0; step < 50'000; ++step) {
    const auto number = static_cast<std::uint32_t>(1 + random() % kItems);
    const Key& key = items.key_of(number);
    // Slow waves between nearly empty and nearly all.
    const bool wants_in = random() % 100 < ((step / 2000) % 2 == 0 ? 80U : 20U);
    if (wants_in && !model.contains(key)) {
      if (table.is_full()) table.resize(table.next_capacity());
      table.insert(key, number);
      model[key] = number;
    } else if (!wants_in && model.erase(key) == 1) {
      table.erase(key, number);
      if (random() % 50 == 0) table.resize(table.capacity_for(table.size()));
    }
    const Key& probe = items.key_of(static_cast<std::uint32_t>(1 + random() % kItems));
    const auto expected = model.find(probe);
    ASSERT_EQ(table.find(probe), expected == model.end() ? 0 : expected->second) << step;
    ASSERT_EQ(table.size(), model.size());
  }
  for (const Key& key : items.keys) EXPECT_EQ(table.find(key) != 0, model.contains(key));
}

}  // namespace
}  // namespace pgweir::cache
