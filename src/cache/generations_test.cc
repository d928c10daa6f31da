#include "cache/generations.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

TEST(GenerationsTest, ABumpMovesOnlyItsSlot) {
  Generations generations(8);
  const Dependency a = generations.depend(3), b = generations.depend(4);
  generations.bump(3);
  EXPECT_FALSE(generations.is_fresh(a));
  EXPECT_TRUE(generations.is_fresh(b));
  EXPECT_FALSE(generations.is_fresh(std::array{b, a}));
  EXPECT_TRUE(generations.is_fresh(std::array{b}));
}

TEST(GenerationsTest, AHeldSlotIsNotFreshAndNotMoved) {
  Generations generations(8);
  const Dependency before = generations.depend(3);
  generations.hold(3);
  const Dependency during = generations.depend(3);
  EXPECT_FALSE(generations.is_fresh(before));
  EXPECT_FALSE(generations.is_fresh(during)) << "what was observed under a hold is never fresh";
  EXPECT_TRUE(Generations::is_held(generations.observe(3)));
  EXPECT_FALSE(Generations::has_moved(before.seen, during.seen));
}

TEST(GenerationsTest, PackedIsWhatItWas) {
  for (const unsigned slots_log2 : {4U, 10U, 20U, 28U}) {
    Generations generations(slots_log2);
    const auto last = static_cast<Slot>(generations.size() - 1);
    for (const Slot slot : {Slot{3}, last}) {
      for (const auto kind :
           {Dependency::Kind::kContent, Dependency::Kind::kVoucher, Dependency::Kind::kUnvouched}) {
        TurnedGenerations::set_bumps(generations, slot, 0x8123456789);
        const PackedDependency packed = generations.pack(generations.depend(slot, kind));
        EXPECT_EQ(generations.slot_of(packed), slot);
        EXPECT_EQ(generations.kind_of(packed), kind);
        EXPECT_FALSE(generations.has_moved(packed, generations.observe(slot)));
        generations.hold(slot);
        EXPECT_FALSE(generations.has_moved(packed, generations.observe(slot)));
        generations.release(slot);
        EXPECT_TRUE(generations.has_moved(packed, generations.observe(slot)));
      }
    }
  }
}

TEST(GenerationsTest, WhatWasSeenUnderAHoldIsPackedAsMoved) {
  Generations generations(8);
  for (const std::uint64_t bumps : {0ULL, 7ULL}) {
    TurnedGenerations::set_bumps(generations, 3, bumps);
    generations.hold(3);
    const PackedDependency during = generations.pack(generations.depend(3));
    generations.release_unmoved(3);
    EXPECT_TRUE(generations.has_moved(during, generations.observe(3)));
  }
}

TEST(GenerationsTest, AnEraBeginsEachHalfOfTheWayRound) {
  for (const unsigned slots_log2 : {8U, 26U}) {
    Generations generations(slots_log2);
    const unsigned bits = TurnedGenerations::count_bits(generations);
    EXPECT_EQ(bits, slots_log2 == 8 ? 40U : 36U);
    const std::uint64_t half = std::uint64_t{1} << (bits - 1);
    TurnedGenerations::set_bumps(generations, 3, half - 2);
    generations.bump(3);
    EXPECT_EQ(generations.era(), 0U);
    generations.bump(3);
    EXPECT_EQ(generations.era(), 1U);
    generations.bump(3);
    EXPECT_EQ(generations.era(), 1U);
    TurnedGenerations::set_bumps(generations, 3, 2 * half - 1);
    generations.hold(3);
    EXPECT_EQ(generations.era(), 1U);
    generations.release(3);
    EXPECT_EQ(generations.era(), 2U);
  }
}

TEST(GenerationsTest, ReleaseBumpsAndTheLastOneFrees) {
  Generations generations(8);
  const Dependency before = generations.depend(3);
  generations.hold(3);
  generations.hold(3);
  generations.release(3);
  EXPECT_TRUE(Generations::is_held(generations.observe(3)));
  EXPECT_TRUE(Generations::has_moved(before.seen, generations.observe(3)));
  generations.release(3);
  EXPECT_FALSE(Generations::is_held(generations.observe(3)));
  EXPECT_FALSE(generations.is_fresh(before));
  EXPECT_EQ(generations.observe(3), before.seen + 2 * Generations::kBump);
  EXPECT_TRUE(generations.is_fresh(generations.depend(3)));
}

TEST(GenerationsTest, HoldsNeverReachTheCounter) {
  Generations generations(4);
  for (std::uint64_t i = 0; i < Generations::kHoldMask; ++i) generations.hold(1);
  EXPECT_EQ(generations.observe(1), Generations::kHoldMask) << "all holds, no bump";
  EXPECT_DEATH(generations.hold(1), "CHECK failed");
  for (std::uint64_t i = 0; i < Generations::kHoldMask; ++i) generations.release(1);
  EXPECT_EQ(generations.observe(1), Generations::kHoldMask * Generations::kBump);
}

TEST(GenerationsTest, ReleaseWithoutAHoldDies) {
  Generations generations(4);
  EXPECT_DEATH(generations.release(1), "CHECK failed");
}

TEST(GenerationsTest, SlotsAreInRangeAndSpread) {
  Generations generations(10);
  std::set<Slot> slots;
  for (std::uint64_t name = 0; name < 1000; ++name) {
    const Slot slot = generations.slot_of(name);
    EXPECT_LT(slot, generations.size());
    EXPECT_EQ(slot, generations.slot_of(name));
    slots.insert(slot);
  }
  EXPECT_GT(slots.size(), 500U) << "neighbouring names must not share few slots";
}

TEST(GenerationsTest, SizeIsClamped) {
  EXPECT_EQ(Generations(0).size(), std::size_t{1} << Generations::kSlotsLog2Min);
  EXPECT_EQ(Generations(12).size(), std::size_t{1} << 12);
  EXPECT_EQ(Generations(12).bytes(), std::size_t{8} << 12);
}

TEST(HoldTest, ReleasesOnDestruction) {
  Generations generations(8);
  const auto before = generations.observe(5);
  {
    const Hold hold(generations, std::array<Slot, 2>{5, 6});
    EXPECT_TRUE(Generations::is_held(generations.observe(5)));
    EXPECT_TRUE(Generations::is_held(generations.observe(6)));
  }
  EXPECT_EQ(generations.observe(5), before + Generations::kBump);
}

TEST(HoldTest, DuplicatesAreHeldOnce) {
  Generations generations(8);
  Hold hold(generations, std::array<Slot, 4>{5, 6, 5, 5});
  EXPECT_EQ(generations.observe(5) & Generations::kHoldMask, 1U);
  EXPECT_EQ(hold.slots().size(), 2U);
  hold.release();
  EXPECT_TRUE(hold.empty());
  EXPECT_EQ(generations.observe(5), Generations::kBump);
  hold.release();
  EXPECT_EQ(generations.observe(5), Generations::kBump) << "a second release does nothing";
}

TEST(HoldTest, MovesWithoutReleasing) {
  Generations generations(8);
  Hold a(generations, std::array<Slot, 1>{5});
  Hold b = std::move(a);
  EXPECT_TRUE(Generations::is_held(generations.observe(5)));
  b = Hold(generations, std::array<Slot, 1>{6});
  EXPECT_FALSE(Generations::is_held(generations.observe(5))) << "assignment releases what was held";
  EXPECT_TRUE(Generations::is_held(generations.observe(6)));
}

TEST(HoldTest, NobodySeesASlotReleasedButNotBumped) {
  constexpr std::uint64_t kRounds = 200'000;
  Generations generations(4);
  std::atomic<std::uint64_t> begun{0};  // holds that were taken
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= kRounds; ++i) {
      generations.hold(2);
      begun.store(i);
      generations.release(2);
    }
  });
  std::uint64_t round = 0, wrong = 0;
  while (round < kRounds) {
    round = begun.load();
    const std::uint64_t value = generations.observe(2);
    if (!Generations::is_held(value) && value / Generations::kBump < round) ++wrong;
  }
  writer.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(HoldTest, ThreadsLoseNoBump) {
  constexpr unsigned kRounds = 20'000, kThreads = 3;
  Generations generations(4);
  std::array<std::thread, kThreads> threads;
  for (auto& thread : threads) {
    thread = std::thread([&] {
      for (unsigned i = 0; i < kRounds; ++i) {
        const Dependency seen = generations.depend(2);
        const Hold hold(generations, std::array<Slot, 1>{2});
        EXPECT_FALSE(generations.is_fresh(seen));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(generations.observe(2), kThreads * kRounds * Generations::kBump);
}

}  // namespace
}  // namespace pgweir::cache
