#include "cache/entry.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "cache/slabs.h"

namespace pgweir::cache {
namespace {

using base::kSecond;

struct EntryTest : testing::Test {
  Entry& make(const Entry::Content& content) {
    size = Entry::size_for(content, content.bytes);
    handle = slabs.allocate(size);
    Entry& entry = Entry::construct(slabs.at(handle), content, 1, generations);
    entry.write_bytes(content.parts);
    return entry;
  }
  Slabs slabs{1 << 20};
  Generations generations{10};
  std::size_t size = 0;
  Handle handle = 0;
};

TEST_F(EntryTest, HasWhatItWasGiven) {
  const std::array<std::string_view, 2> parts{"hello ", "world"};
  const std::array dependencies{generations.depend(3), generations.depend(4, Dependency::Kind::kVoucher)};
  for (const std::uint32_t mark : {0U, 7U, UINT32_MAX}) {
    Entry& entry = make({.key = {.lo = 1, .hi = 2},
                         .parts = parts,
                         .bytes = Entry::bytes_of(parts),
                         .dependencies = dependencies,
                         .asked_at = 5 * kSecond,
                         .expires_at = 35 * kSecond,
                         .cost = 1000,
                         .mark = mark});
    EXPECT_EQ(entry.key(), (Key{.lo = 1, .hi = 2}));
    EXPECT_EQ(entry.bytes(), "hello world");
    EXPECT_EQ(entry.mark(), mark);
    EXPECT_EQ(entry.asked_at(), 5 * kSecond);
    EXPECT_EQ(entry.expires_at(), 35 * kSecond);
    EXPECT_EQ(entry.cost, 1000.0F);
    EXPECT_EQ(entry.size(), size);
    ASSERT_EQ(entry.dependencies().size(), 2U);
    EXPECT_EQ(generations.slot_of(entry.dependencies()[0]), 3U);
    EXPECT_EQ(generations.kind_of(entry.dependencies()[1]), Dependency::Kind::kVoucher);
    EXPECT_TRUE(entry.unref());
    slabs.free(handle, size);
  }
}

TEST_F(EntryTest, NeverSeemsYoungerThanItIs) {
  for (base::Nanos life = 0; life < 10LL * 365 * 24 * 3600 * kSecond; life = life * 9 / 8 + 1) {
    Entry& entry = make({.asked_at = kSecond, .expires_at = kSecond + life});
    EXPECT_LE(entry.asked_at(), kSecond);
    EXPECT_GE(entry.asked_at(), kSecond - (life >> 25) - 1) << life;
    slabs.free(handle, size);
  }
}

TEST_F(EntryTest, MovesWhole) {
  const std::array<std::string_view, 1> parts{"moved"};
  const std::array dependencies{generations.depend(3)};
  Entry& entry = make({.key = {.lo = 1, .hi = 2},
                       .parts = parts,
                       .bytes = Entry::bytes_of(parts),
                       .dependencies = dependencies,
                       .mark = 3});
  const Handle from = handle, to = slabs.allocate(size);
  Entry& moved = entry.move_to(slabs.at(to));
  slabs.free(from, size);
  EXPECT_EQ(moved.bytes(), "moved");
  EXPECT_EQ(moved.mark(), 3U);
  EXPECT_TRUE(moved.is_sole_reference());
  slabs.free(to, size);
}

}  // namespace
}  // namespace pgweir::cache
