#include "cache/key_table.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>
#include <vector>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

struct Item {
  const Key& key() const { return key_; }
  Key key_;
};

TEST(KeyTableTest, EmptyTableFindsNothing) {
  const KeyTable<Item> table;
  EXPECT_EQ(table.find(key_of(1)), nullptr);
  EXPECT_TRUE(table.is_full());
  EXPECT_EQ(KeyTable<Item>::bytes_for(table.capacity()), 0U);
}

TEST(KeyTableTest, SameTagOtherKey) {
  KeyTable<Item> table;
  table.grow();
  Item a{{.lo = 1, .hi = 5}}, b{{.lo = 2, .hi = 5}};
  table.insert(a);
  EXPECT_EQ(table.find(b.key_), nullptr);
  table.insert(b);
  EXPECT_EQ(table.find(a.key_), &a);
  EXPECT_EQ(table.find(b.key_), &b);
  table.erase(a);
  EXPECT_EQ(table.find(a.key_), nullptr);
  EXPECT_EQ(table.find(b.key_), &b);
}

// Against a map, with keys that crowd around the wrap of a small table so that runs are long.
TEST(KeyTableTest, BehavesLikeAMap) {
  std::mt19937_64 random(42);
  std::vector<Item> items;
  for (std::uint64_t i = 0; i < 200; ++i) items.push_back({{.lo = i, .hi = random() % 24 - 12}});
  KeyTable<Item> table;
  std::unordered_map<Key, Item*> model;
  for (int step = 0; step < 50'000; ++step) {
    Item& item = items[random() % items.size()];
    // Slow waves between nearly empty and nearly all.
    const bool wants_in = random() % 100 < ((step / 2000) % 2 == 0 ? 80U : 20U);
    if (wants_in && !model.contains(item.key_)) {
      if (table.is_full()) table.grow();
      table.insert(item);
      model[item.key_] = &item;
    } else if (!wants_in && model.erase(item.key_) == 1) {
      table.erase(item);
    }
    const Item& probe = items[random() % items.size()];
    const auto expected = model.find(probe.key_);
    ASSERT_EQ(table.find(probe.key_), expected == model.end() ? nullptr : expected->second) << step;
    ASSERT_EQ(table.size(), model.size());
  }
  for (const Item& item : items) EXPECT_EQ(table.find(item.key_) != nullptr, model.contains(item.key_));
}

}  // namespace
}  // namespace pgweir::cache
