#include "cache/slabs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <unordered_map>
#include <vector>

namespace pgweir::cache {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// Things with a size and a pattern, in a Slabs.
class Things {
 public:
  explicit Things(std::uint64_t bytes_max) : slabs(bytes_max) {}
  ~Things() {
    while (!all.empty()) remove(0);
  }

  bool add(std::size_t bytes) {
    const std::uint64_t before = slabs.bytes(), growth = slabs.growth(bytes);
    const Handle handle = slabs.allocate(bytes);
    if (handle == 0) return false;
    EXPECT_LE(slabs.bytes(), before + growth) << bytes;
    all.push_back({handle, bytes, ++last_});
    fill(all.back());
    return true;
  }
  void remove(std::size_t i) {
    const Thing thing = all[i];
    all[i] = all.back();
    all.pop_back();
    if (Slabs::is_paged(thing.bytes)) Slabs::discard(slabs.at(thing.handle), thing.bytes);
    slabs.free(thing.handle, thing.bytes);
  }
  bool compact() {
    std::unordered_map<Handle, Thing*> by_handle;
    for (Thing& thing : all) by_handle[thing.handle] = &thing;
    return slabs.compact([&](Handle from, Handle to) {
      Thing& thing = *by_handle.at(from);
      if (is_pinned(thing)) return false;
      std::memcpy(slabs.at(to), slabs.at(from), thing.bytes);
      thing.handle = to;
      ++moves;
      return true;
    });
  }
  void verify() const {
    for (const Thing& thing : all) {
      const auto* const memory = reinterpret_cast<const unsigned char*>(slabs.at(thing.handle));
      const auto pattern = static_cast<unsigned char>(thing.number);
      ASSERT_EQ(std::count(memory, memory + thing.bytes, pattern), static_cast<std::ptrdiff_t>(thing.bytes));
    }
  }
  std::uint64_t taken() const {
    std::uint64_t taken = 0;
    for (const Thing& thing : all) taken += Slabs::taken_by(thing.bytes);
    return taken;
  }

  struct Thing {
    Handle handle;
    std::size_t bytes;
    unsigned number;
  };
  Slabs slabs;
  std::vector<Thing> all;
  unsigned pinned_every = 0;
  std::size_t moves = 0;

 private:
  bool is_pinned(const Thing& thing) const { return pinned_every != 0 && thing.number % pinned_every == 0; }
  void fill(const Thing& thing) {
    std::memset(slabs.at(thing.handle), static_cast<int>(thing.number & 255), thing.bytes);
  }
  unsigned last_ = 0;
};

TEST(SlabsTest, SlotsAreLittleLargerThanWhatIsInThem) {
  for (std::size_t bytes = 1; bytes <= 3 * kMiB; bytes = bytes * 33 / 32 + 1) {
    const std::uint64_t taken = Slabs::taken_by(bytes);
    EXPECT_GE(taken, bytes);
    EXPECT_EQ(taken % Slabs::kAlign, 0U);
    if (bytes < 64) continue;
    const std::uint64_t rest = bytes <= 4096 ? bytes / 16 + 16 : bytes <= 16384 ? bytes / 4 : 4096;
    EXPECT_LT(taken, bytes + rest) << bytes;
  }
}

TEST(SlabsTest, WhatIsFreedIsGivenBack) {
  Things things(64 * kMiB);
  const std::uint64_t before = things.slabs.bytes();
  for (std::size_t i = 0; i < 2'000; ++i) ASSERT_TRUE(things.add(1 + i * 37 % 20'000));
  EXPECT_GT(things.slabs.bytes(), things.taken());
  things.verify();
  while (!things.all.empty()) things.remove(things.all.size() / 2);
  things.slabs.trim();
  EXPECT_TRUE(things.slabs.empty());
  EXPECT_EQ(things.slabs.slack_bytes(), 0U);
  EXPECT_LE(things.slabs.bytes(), before + (256 << 10)) << "the books of spans are kept";
}

TEST(SlabsTest, AllButTheSlackIsInUse) {
  Things things(64 * kMiB);
  const std::uint64_t books = things.slabs.bytes() + (16 << 10);
  std::mt19937 random(1);
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 3 != 0) {
      things.add(1 + random() % 2'000);
    } else if (!things.all.empty()) {
      things.remove(random() % things.all.size());
    }
    const std::uint64_t accounted = things.taken() + things.slabs.slack_bytes() + books;
    if (step % 100 == 0) {
      ASSERT_LE(accounted, things.slabs.bytes() + books);
      ASSERT_GE(accounted, things.slabs.bytes() * 9 / 10) << "the rest is ends of spans, and books";
    }
  }
  things.verify();
}

// Nine of ten leave, at random: hardly a span is empty then.
TEST(SlabsTest, CompactingGivesBackWhatIsSparselyUsed) {
  Things things(64 * kMiB);
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) things.add(64 + random() % 1'000);
  const std::uint64_t full = things.slabs.bytes();
  while (things.all.size() > 2'000) things.remove(random() % things.all.size());
  EXPECT_GT(things.slabs.bytes(), full * 3 / 4);
  while (things.compact()) {
  }
  things.slabs.trim();
  things.verify();
  EXPECT_LT(things.slabs.bytes(), full / 5);
  EXPECT_GT(things.moves, 0U);
}

TEST(SlabsTest, WhatMayNotMoveStays) {
  Things things(64 * kMiB);
  things.pinned_every = 50;
  for (int i = 0; i < 10'000; ++i) things.add(100);
  std::mt19937 random(3);
  while (things.all.size() > 1'000) things.remove(random() % things.all.size());
  std::vector<Things::Thing> pinned;
  for (const auto& thing : things.all)
    if (thing.number % 50 == 0) pinned.push_back(thing);
  ASSERT_FALSE(pinned.empty());
  for (int i = 0; i < 1'000; ++i) things.compact();
  things.verify();
  for (const auto& thing : pinned) {
    const auto same = [&](const auto& other) {
      return other.number == thing.number && other.handle == thing.handle;
    };
    EXPECT_TRUE(std::any_of(things.all.begin(), things.all.end(), same));
  }
}

TEST(SlabsTest, WithoutAddressesThereIsNothing) {
  Things things(64 << 10);
  std::size_t added = 0;
  while (things.add(60'000)) ++added;
  EXPECT_EQ(added, 4U);
  things.remove(1);
  EXPECT_TRUE(things.add(60'000));
}

}  // namespace
}  // namespace pgweir::cache
