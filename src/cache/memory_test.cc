// The memory limit, and what S3-FIFO keeps within it.
#include "cache/memory.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <list>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

using base::kMillisecond;

constexpr std::uint64_t kBeyondTheCache = 2 << 20;  // what the test itself may take

std::uint64_t resident_bytes() {
  unsigned long total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// Replies of all sizes, then of a few, and so on: nothing of one sort fits where another was.
struct Sizes {
  std::size_t from, to;
};
constexpr std::array kSizes{Sizes{100, 256 << 10}, Sizes{200, 1'000},           Sizes{8 << 10, 64 << 10},
                            Sizes{100, 3'000},     Sizes{128 << 10, 256 << 10}, Sizes{1'000, 20 << 10}};

// Asks for each key once, and for some again, until twice the limit was filled.
void turn_over(TestCache& t, const Sizes& sizes, std::mt19937_64& random, const auto& visit) {
  const std::string replies(256 << 10, 'x');
  std::uint64_t filled = 0;
  while (filled < 2 * t.config.memory_bytes) {
    const std::uint64_t number = random();
    const double share = std::ldexp(static_cast<double>(random() >> 11), -53);
    const double ratio = static_cast<double>(sizes.to) / static_cast<double>(sizes.from);
    const auto size = static_cast<std::size_t>(static_cast<double>(sizes.from) * std::pow(ratio, share));
    t.get(number, std::string_view(replies).substr(0, size));
    for (std::uint64_t hits = random() % 8; hits > 5; --hits) t.lookup(number);
    filled += size;
    visit();
  }
}

class TurnoverTest : public testing::TestWithParam<PolicyKind> {};

TEST_P(TurnoverTest, TheLimitHoldsAndIsFilledWhateverCameBefore) {
  CacheConfig config;
  config.memory_bytes = 16 << 20;
  config.entry_bytes_max = 256 << 10;
  config.shards = 1;
  config.policy = GetParam();
  TestCache t(config);
  std::mt19937_64 random(5);
  [[maybe_unused]] const std::uint64_t before = resident_bytes();
  for (const Sizes& sizes : kSizes) {
    std::uint64_t step = 0;
    turn_over(t, sizes, random, [&] {
      if (++step % 64 != 0) return;
      ASSERT_LE(t.stats().bytes, config.memory_bytes);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they need memory of their own
      ASSERT_LE(resident_bytes(), before + config.memory_bytes + kBeyondTheCache);
#endif
    });
    const double fill =
        static_cast<double>(t.stats().content_bytes) / static_cast<double>(config.memory_bytes);
    EXPECT_GT(fill, 0.7) << sizes.from << " to " << sizes.to;
  }
  t.cache.invalidate_all();
  EXPECT_EQ(t.stats().content_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(Policies, TurnoverTest,
                         testing::Values(PolicyKind::kS3Fifo, PolicyKind::kLru, PolicyKind::kCost));

// Sanitizers bring an allocator of their own; the release build has this test.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// malloc leaves up to `kUnsplit` bytes with a block that it cuts from a larger one; of several blocks at
// once some are cut exactly.
TEST(MemoryTest, AllocationBytesAreWhatMallocTakes) {
  constexpr std::size_t kUnsplit = 16, kPage = 4096, kMapped = 128 << 10;
  for (std::size_t n = 1; n < (3U << 20); n = n * 9 / 8 + 1) {
    std::array<void*, 16> blocks{};
    std::size_t least = SIZE_MAX;
    for (void*& memory : blocks) {
      memory = std::malloc(n);
      const std::size_t taken = malloc_usable_size(memory) + sizeof(std::size_t);
      EXPECT_LE(taken, allocation_bytes(n) + kUnsplit) << n;
      EXPECT_GE(taken + kPage, allocation_bytes(n)) << n;
      least = std::min(least, taken);
    }
    if (n < kMapped) {
      EXPECT_EQ(least, allocation_bytes(n)) << n;
    }
    for (void* memory : blocks) std::free(memory);
  }
}
#endif

// Whatever the load does, the account is never above the limit.
class MemoryLimitTest : public testing::TestWithParam<unsigned> {};

TEST_P(MemoryLimitTest, HoldsUnderRandomLoad) {
  std::mt19937_64 random(GetParam());
  CacheConfig config;
  config.memory_bytes = std::uint64_t{256} << (10 + random() % 5);
  config.entry_bytes_max = 64 << (random() % 10);
  config.shards = 1U << (random() % 4);
  config.policy = static_cast<PolicyKind>(GetParam() % kPolicyNames.size());
  TestCache t(config);
  std::uint64_t limit = config.memory_bytes;
  std::vector<Lookup> open;
  std::vector<EntryRef> pinned;
  const std::string bytes(config.entry_bytes_max * 2, 'x');
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t number = static_cast<std::uint64_t>(std::exp(std::ldexp(random() >> 11, -53) * 8));
    const auto slot = static_cast<Slot>(number % 32);
    Lookup found = t.lookup(number, random() % 8 == 0 ? std::make_shared<CountingWaiter>() : nullptr);
    if (found.outcome == Outcome::kHit && random() % 64 == 0) pinned.push_back(std::move(found.entry));
    if (found.outcome == Outcome::kMiss && random() % 16 == 0) {
      open.push_back(std::move(found));
    } else if (found.fill) {
      const std::string_view part(bytes.data(), random() % (config.entry_bytes_max * 5 / 4));
      t.keep_for(found.fill, part, static_cast<base::Nanos>(random() % 400) * kMillisecond,
                 {t.generations.depend(slot)});
    }
    if (open.size() > 20) open.erase(open.begin());
    if (pinned.size() > 3) pinned.erase(pinned.begin());
    if (random() % 16 == 0) t.generations.bump(static_cast<Slot>(random() % 32));
    if (random() % 16 == 0) t.clock.advance(kMillisecond * 10);
    if (random() % 5000 == 0) t.cache.invalidate_all();
    if (random() % 2000 == 0) {
      limit = config.memory_bytes / (1 + random() % 3);
      pinned.clear();
      open.clear();
      t.cache.set_memory_bytes(limit);
    }
    ASSERT_LE(t.stats().bytes, limit) << "seed " << GetParam() << " step " << step;
  }
  EXPECT_GT(t.stats().hits, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MemoryLimitTest, testing::Range(0U, 24U));

TEST(MemoryTest, UsesWhatItMayUse) {
  TestCache t(exact_config(1 << 20));
  const std::string bytes(500, 'x');
  for (std::uint64_t i = 0; i < 10'000; ++i) t.get(i, bytes);
  EXPECT_GT(t.stats().bytes, (1U << 20) - (16U << 10)) << "but for a span at most";
  EXPECT_GT(t.stats().entries * bytes.size(), (1U << 20) * 70 / 100) << "little overhead";
}

TEST(MemoryTest, ALowerLimitEvicts) {
  TestCache t(exact_config(1 << 20));
  const std::string bytes(500, 'x');
  for (std::uint64_t i = 0; i < 2'000; ++i) t.get(i, bytes);
  t.cache.set_memory_bytes(256 << 10);
  EXPECT_LE(t.stats().bytes, 256U << 10);
  EXPECT_GT(t.stats().entries, 100U);
  t.cache.set_memory_bytes(1 << 20);
  for (std::uint64_t i = 0; i < 2'000; ++i) t.get(i, bytes);
  EXPECT_GT(t.stats().bytes, 900U << 10);
}

// The tables are a fifth of the memory here, and would alone be more than what is left.
TEST(MemoryTest, TablesShrinkToo) {
  constexpr std::uint64_t kBefore = 8 << 20, kAfter = 512 << 10;
  TestCache t(exact_config(kBefore));
  for (std::uint64_t i = 0; i < 100'000; ++i) t.get(i, "x");
  ASSERT_GT(t.stats().entries, 40'000U);
  t.cache.set_memory_bytes(kAfter);
  EXPECT_LE(t.stats().bytes, kAfter);
  for (std::uint64_t i = 1'000'000; i < 1'010'000; ++i) t.get(i, "x");
  EXPECT_LE(t.stats().bytes, kAfter);
  EXPECT_GT(t.stats().entries, kAfter / 250);
  t.cache.set_memory_bytes(kBefore);
  for (std::uint64_t i = 0; i < 100'000; ++i) t.get(i, "x");
  EXPECT_GT(t.stats().entries, 40'000U);
}

TEST(MemoryTest, WhatCannotFitDoesNotEmptyTheCache) {
  CacheConfig config = exact_config(1 << 20);
  TestCache t(config);
  const std::string small(500, 'x'), large(400 << 10, 'x');
  for (std::uint64_t i = 0; i < 500; ++i) t.get(i, small);
  t.cache.set_memory_bytes(300 << 10);
  Lookup found = t.lookup(9999);
  const std::uint64_t entries = t.stats().entries;
  EXPECT_EQ(t.keep(found.fill, large), KeepResult::kNoRoom);
  EXPECT_EQ(t.stats().entries, entries);
}

TEST(MemoryTest, WithoutRoomForAFillThereIsNone) {
  TestCache t(exact_config(64));
  const Lookup found = t.lookup(1);
  EXPECT_EQ(found.outcome, Outcome::kPass);
  EXPECT_EQ(found.pass_why, PassWhy::kNoRoom);
}

TEST(MemoryTest, AScanDoesNotFlushWhatIsUsed) {
  TestCache t(exact_config(1 << 20));
  const std::string bytes(1000, 'x');
  constexpr std::uint64_t kUsed = 300;
  for (int round = 0; round < 5; ++round) {
    for (std::uint64_t i = 0; i < kUsed; ++i) t.get(i, bytes);
  }
  for (std::uint64_t i = 0; i < 10'000; ++i) t.get(100'000 + i, bytes);
  std::uint64_t survivors = 0;
  for (std::uint64_t i = 0; i < kUsed; ++i) survivors += t.lookup(i).outcome == Outcome::kHit ? 1 : 0;
  EXPECT_EQ(survivors, kUsed) << "least-recently-used would have kept none";
}

TEST(MemoryTest, AnExpiredEntryOfMainReturnsToMain) {
  TestCache t(exact_config(256 << 10));
  const std::string bytes(1000, 'x');
  for (int i = 0; i < 4; ++i) t.get(1, bytes);
  t.clock.advance(t.config.ttl);
  EXPECT_FALSE(t.get(1, bytes));
  for (std::uint64_t i = 0; i < 1000; ++i) t.get(1000 + i, bytes);
  EXPECT_TRUE(t.get(1, bytes)) << "a scan after its refill does not flush it";
}

class LeastRecentlyUsed {
 public:
  explicit LeastRecentlyUsed(std::size_t entries_max) : entries_max_(entries_max) {}
  bool get(std::uint64_t number) {
    const auto it = where_.find(number);
    if (it != where_.end()) {
      order_.splice(order_.begin(), order_, it->second);
      return true;
    }
    order_.push_front(number);
    where_[number] = order_.begin();
    if (order_.size() > entries_max_) {
      where_.erase(order_.back());
      order_.pop_back();
    }
    return false;
  }

 private:
  std::size_t entries_max_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> where_;
};

// Zipf interest, as users have, with a nightly report in between: the same entries in each policy.
TEST(MemoryTest, HitsMoreThanLeastRecentlyUsed) {
  TestCache t(exact_config(512 << 10));
  const std::string bytes(1000, 'x');
  for (std::uint64_t i = 0; i < 2000; ++i) t.get(1'000'000 + i, bytes);
  LeastRecentlyUsed lru(t.stats().entries);
  std::vector<double> weights;
  for (int rank = 1; rank <= 10'000; ++rank) weights.push_back(std::pow(rank, -0.9));
  std::discrete_distribution<std::uint64_t> zipf(weights.begin(), weights.end());
  std::mt19937_64 random(7);
  std::uint64_t hits = 0, lru_hits = 0, scanned = 2'000'000;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t number = i % 10'000 < 1000 ? ++scanned : zipf(random);
    hits += t.get(number, bytes) ? 1 : 0;
    lru_hits += lru.get(number) ? 1 : 0;
  }
  EXPECT_GT(hits, lru_hits * 115 / 100);
}

}  // namespace
}  // namespace pgweir::cache
