// The cache and the disk behind it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "cache/disk_tier.h"
#include "cache/test_disk.h"

namespace pgweir::cache {
namespace {

using base::kMillisecond;
using base::kSecond;

constexpr Slot kSlot = 3;
const std::string kLarge(20'000, 'x');  // eight of them make room of everything

CacheConfig small_cache() {
  CacheConfig config = exact_config(160 << 10);
  config.policy = PolicyKind::kLru;
  config.ttl = 1000 * kSecond;
  return config;
}

DiskTierConfig test_tier() {
  DiskTierConfig config;
  config.store = small_store();
  config.store.segment_bytes = 1 << 16;
  config.store.write_bytes = 1 << 16;
  config.admission = AdmissionKind::kAll;
  return config;
}

struct DiskCacheTest : testing::Test {
  DiskCacheTest() {
    cache.use_disk(tier);
    crank();
    fill(1, "one");
    evict();
  }
  // All that the tier's threads would do.
  void crank() {
    for (bool works = true; works;) {
      works = tier.read_step(0) == DiskTier::Step::kDone;
      works = tier.write_step() == DiskTier::Step::kDone || works;
    }
  }
  Lookup look_up(std::uint64_t number, Accepts accepts = {}) {
    return cache.lookup(key_of(number), waiter, clock.now(), accepts);
  }
  KeepResult keep(Fill& fill, std::string_view bytes) {
    const Dependency dependency = generations.depend(kSlot);
    return fill.keep({&bytes, 1}, 5, {&dependency, 1}, config.ttl, 7 * kMillisecond);
  }
  void fill(std::uint64_t number, std::string_view bytes) {
    Lookup found = cache.lookup(key_of(number), nullptr);
    ASSERT_EQ(found.outcome, Outcome::kMiss);
    ASSERT_EQ(keep(found.fill, bytes), KeepResult::kKept);
  }
  // Makes everything leave the memory that is there.
  void evict() {
    for (int i = 0; i < 12; ++i) {
      fill(next_other++, kLarge);
      crank();
    }
  }
  // Waits for the disk, if there is anything; what the next lookup then gives.
  Lookup look_up_with_disk(std::uint64_t number) {
    Lookup first = look_up(number);
    if (first.outcome != Outcome::kWaiting) return first;
    EXPECT_TRUE(first.waits_for_disk);
    const int before = waiter->wakes();
    crank();
    EXPECT_EQ(waiter->wakes(), before + 1);
    return look_up(number, {.disk_wait = false});
  }
  std::string get(std::uint64_t number) {
    Lookup found = look_up_with_disk(number);
    return found.outcome == Outcome::kHit ? std::string(found.entry.bytes()) : "";
  }

  CacheConfig config = small_cache();
  base::ManualClock clock;
  Generations generations{10};
  io::MockDevice device{disk::kSegmentsBegin + (32 << 16), 1, &clock};
  std::uint64_t next_other = 1000;
  const std::shared_ptr<CountingWaiter> waiter = std::make_shared<CountingWaiter>();
  DiskTier tier{test_tier(), device, clock, generations};
  Cache cache{config, clock, generations};
};

TEST_F(DiskCacheTest, WhatMadeRoomIsReadFromTheDisk) {
  Lookup waiting = look_up(1);
  ASSERT_EQ(waiting.outcome, Outcome::kWaiting);
  EXPECT_TRUE(waiting.waits_for_disk);
  EXPECT_EQ(waiting.wait, tier.read_wait());
  crank();
  EXPECT_EQ(waiter->wakes(), 1);
  const Lookup found = look_up(1);
  ASSERT_EQ(found.outcome, Outcome::kHit);
  EXPECT_EQ(found.entry.bytes(), "one");
  EXPECT_EQ(found.entry.mark(), 5U);
}

TEST_F(DiskCacheTest, OnceReadItIsWrittenNoMore) {
  EXPECT_EQ(get(1), "one");
  const auto appended = tier.stats().appended;
  const auto others = next_other;
  evict();
  EXPECT_EQ(tier.stats().appended, appended + next_other - others);
  EXPECT_EQ(get(1), "one");
}

TEST_F(DiskCacheTest, WhoDoesNotWaitFills) {
  EXPECT_EQ(cache.lookup(key_of(1), nullptr).outcome, Outcome::kMiss);
  EXPECT_EQ(look_up(1, {.disk_wait = false}).outcome, Outcome::kMiss);
  EXPECT_EQ(look_up(1, {.fill_wait = false}).outcome, Outcome::kWaiting)
      << "not for a fill, but for the disk";
}

TEST_F(DiskCacheTest, WhoDoesNotWaitForFillsWaitsForTheDisk) {
  CacheConfig impatient = config;
  impatient.fill_wait = 0;
  impatient.fill_waiters_max = 0;
  Cache other{impatient, clock, generations};
  other.use_disk(tier);
  Lookup first = other.lookup(key_of(1), waiter);
  Lookup second = other.lookup(key_of(1), waiter);
  EXPECT_EQ(first.outcome, Outcome::kWaiting);
  EXPECT_EQ(second.outcome, Outcome::kWaiting);
  crank();
  EXPECT_EQ(waiter->wakes(), 2);
  EXPECT_EQ(other.lookup(key_of(1), waiter).outcome, Outcome::kHit);
}

TEST_F(DiskCacheTest, OneReadForAllWhoAsk) {
  EXPECT_EQ(look_up(1).outcome, Outcome::kWaiting);
  EXPECT_EQ(look_up(1).outcome, Outcome::kWaiting);
  EXPECT_EQ(cache.lookup(key_of(1), nullptr).pass_why, PassWhy::kInFlight);
  const auto reads = device.calls().reads;
  crank();
  EXPECT_EQ(device.calls().reads, reads + 1);
  EXPECT_EQ(waiter->wakes(), 2);
}

TEST_F(DiskCacheTest, NotWhatHasMoved) {
  generations.bump(kSlot);
  EXPECT_EQ(look_up_with_disk(1).outcome, Outcome::kMiss);
  EXPECT_EQ(look_up(1).outcome, Outcome::kMiss) << "nor is it looked for again";
}

TEST_F(DiskCacheTest, NotWhatMovesWhileItIsRead) {
  EXPECT_EQ(look_up(1).outcome, Outcome::kWaiting);
  generations.bump(kSlot);
  crank();
  EXPECT_EQ(look_up(1).outcome, Outcome::kMiss);
}

TEST_F(DiskCacheTest, NotWhatIsHeld) {
  const Hold hold(generations, std::array<Slot, 1>{kSlot});
  const Lookup found = look_up_with_disk(1);
  EXPECT_NE(found.outcome, Outcome::kHit);
}

TEST_F(DiskCacheTest, NotWhatHasExpired) {
  clock.advance(config.ttl);
  EXPECT_EQ(look_up_with_disk(1).outcome, Outcome::kMiss);
}

TEST_F(DiskCacheTest, NothingAfterEverythingWasDropped) {
  EXPECT_EQ(look_up(1).outcome, Outcome::kWaiting);
  cache.invalidate_all();
  crank();
  EXPECT_EQ(look_up(1).outcome, Outcome::kMiss) << "nor what was being read";
  EXPECT_EQ(look_up_with_disk(1000).outcome, Outcome::kMiss);
}

TEST_F(DiskCacheTest, WhatIsDroppedIsNotOnTheDiskEither) {
  EXPECT_EQ(get(1), "one");
  cache.drop(key_of(1));
  EXPECT_EQ(look_up(1).outcome, Outcome::kMiss);
  cache.drop(key_of(99));  // nothing
}

// Whoever has filled has seen something newer, whether it was kept or not.
TEST_F(DiskCacheTest, NotOnceItWasFilledAgain) {
  Lookup found = look_up(1, {.disk_wait = false});
  EXPECT_EQ(keep(found.fill, "new"), KeepResult::kKept);
  EXPECT_EQ(get(1), "new");
  evict();
  EXPECT_EQ(get(1), "new");

  found = look_up(1, {.disk_wait = false});
  fill(2, "two");
  evict();
  found = look_up(2, {.disk_wait = false});
  const std::string_view newest = "newest";
  EXPECT_EQ(found.fill.keep({&newest, 1}, 0, {}, 0, 0), KeepResult::kExpired);
  EXPECT_EQ(look_up(2).outcome, Outcome::kMiss);

  fill(3, "three");
  evict();
  found = look_up(3, {.disk_wait = false});
  found.fill.abandon(FillEnd::kUncacheable);
  clock.advance(config.uncacheable_ttl);
  EXPECT_EQ(look_up(3).outcome, Outcome::kMiss);
}

// A cache whose replies are asked anew while they are fresh: the fill of one may have to make room at the
// cost of what it replaces.
struct RefreshedOnDisk {
  explicit RefreshedOnDisk(DiskCacheTest& other) : test(other) {
    cache.use_disk(tier);
    crank();
  }
  static CacheConfig config() {
    CacheConfig config = small_cache();
    config.early_refresh = 1e9;
    return config;
  }
  void crank() {
    for (bool works = true; works;) {
      works = tier.read_step(0) == DiskTier::Step::kDone;
      works = tier.write_step() == DiskTier::Step::kDone || works;
    }
  }
  Lookup look_up(std::uint64_t number) {
    return cache.lookup(key_of(number), test.waiter, test.clock.now(), {.refreshes = true});
  }
  void fill(std::uint64_t number, std::string_view bytes) {
    Lookup found = look_up(number);
    EXPECT_EQ(found.outcome, Outcome::kMiss);
    EXPECT_EQ(test.keep(found.fill, bytes), KeepResult::kKept);
    crank();
  }
  std::uint64_t evicted() const {
    return cache.stats().evictions[static_cast<std::size_t>(Eviction::kCapacity)];
  }

  DiskCacheTest& test;
  io::MockDevice device{disk::kSegmentsBegin + (32 << 16), 1, &test.clock};
  DiskTier tier{test_tier(), device, test.clock, test.generations};
  Cache cache{config(), test.clock, test.generations};
};

TEST_F(DiskCacheTest, NotWhatMadeRoomForWhatReplacesIt) {
  const std::string old = kLarge, filler(4000, 'f'), newest(4000, 'n');
  // The old one, asked anew; then others until nothing more fits without its place.
  const auto refresh = [&](RefreshedOnDisk& with, unsigned others) {
    with.fill(1, old);
    Lookup found = with.look_up(1);
    EXPECT_EQ(found.outcome, Outcome::kHit);
    for (unsigned i = 0; i < others; ++i) with.fill(2 + i, filler);
    return std::move(found.fill);
  };
  unsigned others = 0;
  for (bool fits = true; fits; others += fits ? 1 : 0) {
    RefreshedOnDisk trial(*this);
    refresh(trial, others + 1);
    fits = trial.evicted() == 0;
  }
  RefreshedOnDisk with(*this);
  Fill fill = refresh(with, others);
  EXPECT_EQ(with.evicted(), 0U);
  EXPECT_EQ(keep(fill, newest), KeepResult::kKept);
  EXPECT_EQ(with.evicted(), 1U) << "the old one";
  with.crank();
  for (unsigned i = 0; i < 100; ++i) with.fill(1000 + i, filler);
  ASSERT_EQ(with.look_up(1).outcome, Outcome::kWaiting);
  with.crank();
  const Lookup found = with.look_up(1);
  ASSERT_EQ(found.outcome, Outcome::kHit);
  EXPECT_EQ(found.entry.bytes().substr(0, 8), newest.substr(0, 8));
}

TEST_F(DiskCacheTest, AFailedFillHasSeenNothing) {
  Lookup found = look_up(1, {.disk_wait = false});
  found.fill.abandon(FillEnd::kFailed);
  EXPECT_EQ(get(1), "one");
}

TEST_F(DiskCacheTest, WhoeverComesTooLateTakesOver) {
  EXPECT_EQ(look_up(1).outcome, Outcome::kWaiting);
  clock.advance(tier.read_wait());
  Lookup found = look_up(1, {.disk_wait = false});
  ASSERT_EQ(found.outcome, Outcome::kMiss);
  EXPECT_EQ(look_up(1).outcome, Outcome::kWaiting);
  crank();
  EXPECT_EQ(waiter->wakes(), 0) << "what the disk says now is of no use";
  EXPECT_EQ(keep(found.fill, "new"), KeepResult::kKept);
  EXPECT_EQ(waiter->wakes(), 2);
  EXPECT_EQ(get(1), "new");
}

TEST_F(DiskCacheTest, AReadThatFailsEndsInAFill) {
  device.set_faults({.read_error = 1});
  EXPECT_EQ(look_up_with_disk(1).outcome, Outcome::kMiss);
}

TEST_F(DiskCacheTest, AFullQueueIsAMiss) {
  DiskTierConfig none = test_tier();
  none.queue_max = 0;
  DiskTier busy{none, device, clock, generations};
  Cache other{config, clock, generations};
  other.use_disk(busy);
  while (busy.write_step() == DiskTier::Step::kDone) {
  }
  for (std::uint64_t number = 1; number < 20; ++number) {
    Lookup found = other.lookup(key_of(number), nullptr);
    keep(found.fill, kLarge);
  }
  EXPECT_GT(busy.stats().appended, 0U);
  EXPECT_EQ(other.lookup(key_of(1), waiter).outcome, Outcome::kMiss);
  EXPECT_EQ(busy.stats().queue_full, 1U);
}

TEST_F(DiskCacheTest, OnlyWhatMadeRoomIsWritten) {
  const auto appended = tier.stats().appended;
  const auto replace_all = [&] {
    for (int i = 0; i < 7; ++i) fill(next_other++, kLarge);
  };
  clock.advance(config.ttl);
  replace_all();
  EXPECT_EQ(tier.stats().appended, appended) << "they had expired";
  generations.bump(kSlot);
  replace_all();
  EXPECT_EQ(tier.stats().appended, appended) << "they had changed";
  replace_all();
  EXPECT_GT(tier.stats().appended, appended);
}

TEST_F(DiskCacheTest, ItsEndLeavesNothingWaiting) {
  auto other = std::make_unique<Cache>(config, clock, generations);
  DiskTier own{test_tier(), device, clock, generations};
  other->use_disk(own);
  while (own.write_step() == DiskTier::Step::kDone) {
  }
  for (std::uint64_t number = 1; number < 20; ++number) {
    Lookup found = other->lookup(key_of(number), nullptr);
    keep(found.fill, kLarge);
  }
  EXPECT_EQ(other->lookup(key_of(1), waiter).outcome, Outcome::kWaiting);
  other.reset();
  EXPECT_EQ(waiter->wakes(), 1);
}

// One process after another, over one file and one set of counters.
class RestartTest : public testing::Test {
 protected:
  struct Process {
    explicit Process(RestartTest& test)
        : tier(test.tier_config(), test.device, test.clock, test.kept->generations()),
          cache(small_cache(), test.clock, test.kept->generations()) {
      cache.use_disk(tier);
      tier.start();
      while (!tier.stats().is_used) std::this_thread::yield();
    }
    DiskTier tier;
    Cache cache;
  };
  DiskTierConfig tier_config() const {
    DiskTierConfig config = test_tier();
    config.store.kept = &*kept;
    config.admission = AdmissionKind::kSecondSight;
    return config;
  }
  void fill(Process& process, std::uint64_t number, Slot slot) {
    Lookup found = process.cache.lookup(key_of(number), nullptr);
    ASSERT_EQ(found.outcome, Outcome::kMiss);
    const std::string bytes = kLarge.substr(0, 9'000) + std::to_string(number);
    const std::string_view part = bytes;
    const Dependency dependency = kept->generations().depend(slot);
    ASSERT_EQ(found.fill.keep({&part, 1}, 0, {&dependency, 1}, 1000 * kSecond, kMillisecond),
              KeepResult::kKept);
  }
  std::string get(Process& process, std::uint64_t number) {
    const auto waiter = std::make_shared<CountingWaiter>();
    Lookup found = process.cache.lookup(key_of(number), waiter);
    if (found.outcome == Outcome::kWaiting) {
      while (waiter->wakes() == 0) std::this_thread::yield();
      found = process.cache.lookup(key_of(number), nullptr);
    }
    return found.outcome == Outcome::kHit ? std::string(found.entry.bytes().substr(9'000)) : "";
  }

  TestKept kept;
  base::ManualClock clock;
  io::MockDevice device{disk::kSegmentsBegin + (32 << 16), 1, &clock};
};

// Whatever admission would say of it.
TEST_F(RestartTest, WhatIsInMemoryIsSavedAtTheEnd) {
  {
    Process first(*this);
    for (std::uint64_t number = 1; number <= 8; ++number) fill(first, number, number % 2 == 0 ? 4 : 5);
    EXPECT_EQ(first.tier.stats().appended, 0U) << "nothing has made room twice";
    kept->generations().bump(5);
    const SaveReport report = first.cache.save(3600 * kSecond);
    EXPECT_EQ(report.entries, 4U);
    EXPECT_EQ(report.left, 4U);
    EXPECT_EQ(first.cache.save(3600 * kSecond).entries, 4U) << "they are there";
    EXPECT_EQ(first.tier.stats().appended, 4U);
  }
  kept.reopen();
  Process second(*this);
  for (std::uint64_t number = 1; number <= 8; ++number)
    EXPECT_EQ(get(second, number), number % 2 == 0 ? std::to_string(number) : "") << number;
  kept->generations().bump(4);
  EXPECT_EQ(get(second, 2), "");
}

}  // namespace
}  // namespace pgweir::cache
