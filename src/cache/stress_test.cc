// Many threads on few keys, with a database of counters behind the cache. A reply carries its key and
// the version of each row it read, so a reply of another key, a torn one, or one older than what the
// database showed when the lookup began is noticed.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cache/cache.h"
#include "cache/disk_tier.h"
#include "cache/test_disk.h"

namespace pgweir::cache {
namespace {

constexpr std::uint64_t kKeys = 400;
constexpr std::uint64_t kRows = 50;
constexpr std::uint64_t kBytes = 256 << 10;
constexpr unsigned kReaders = 3;
constexpr int kReads = 40'000;
constexpr std::uint64_t kReadsPerBeat = 30;
constexpr int kWrites = 4'000;  // one in each beat

// A row's version; goes up when a write commits.
using Row = std::atomic<std::uint64_t>;

class SignalWaiter final : public Waiter {
 public:
  void wake() noexcept override {
    is_woken_.store(true);
    is_woken_.notify_one();
  }
  void wait() { is_woken_.wait(false); }

 private:
  std::atomic<bool> is_woken_{false};
};

struct Reply {
  std::uint64_t key = 0;
  std::array<std::uint64_t, 2> versions{};
  std::uint64_t check = 0;

  std::uint64_t expected_check() const { return key * 31 + versions[0] * 37 + versions[1] * 41; }
};

class Stress {
 public:
  // with_disk: what makes room goes to a disk that fails now and then, and is read from there.
  explicit Stress(bool with_disk) : cache_(config(), clock_, generations_) {
    if (!with_disk) return;
    device_.set_faults({.read_error = 0.001, .write_error = 0.01, .bit_flip = 0.001, .lost_write = 0.02});
    cache_.use_disk(disk_);
    disk_.start();
  }

  void run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kReaders; ++i) threads.emplace_back([this, i] { read_all(i); });
    threads.emplace_back([this] { write_all(); });
    threads.emplace_back([this] { disturb(); });
    for (unsigned i = 0; i <= kReaders; ++i) threads[i].join();
    is_done_.store(true);
    beat();
    threads.back().join();
  }
  CacheStats stats() const { return cache_.stats(); }
  DiskStats disk_stats() const { return disk_.stats(); }

 private:
  static CacheConfig config() {
    CacheConfig config;
    config.memory_bytes = kBytes;  // some of the keys, so that eviction is part of it
    config.entry_bytes_max = 4 << 10;
    config.shards = 4;
    config.fill_waiters_max = 2;
    config.ttl = 20 * base::kMillisecond;
    return config;
  }
  static DiskTierConfig disk_config() {
    DiskTierConfig config;
    config.store = small_store();
    config.store.segment_bytes = config.store.write_bytes = 1 << 13;
    config.admission = AdmissionKind::kAll;
    config.ttl_min = 0;
    config.read_wait = 20 * base::kMillisecond;
    config.breaker.failures_max = 1e9;  // it is to be used in spite of all
    config.breaker.stall = config.breaker.slow_write = 3600 * base::kSecond;
    return config;
  }
  static std::array<std::size_t, 2> rows_of(std::uint64_t key) {
    return {key % kRows, (key * 7 + 3) % kRows};
  }
  Slot slot_of(std::size_t row) const { return generations_.slot_of(row); }

  Reply query(std::uint64_t key) const {
    Reply reply;
    reply.key = key;
    const auto rows = rows_of(key);
    for (std::size_t i = 0; i < rows.size(); ++i) reply.versions[i] = rows_[rows[i]].load();
    reply.check = reply.expected_check();
    return reply;
  }

  void read_all(unsigned seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < kReads; ++i) {
      read(random() % 4 == 0 ? random() % 8 : random() % kKeys, random);
      if (reads_.fetch_add(1) % kReadsPerBeat == 0) beat();
    }
  }

  void read(std::uint64_t key, std::mt19937_64& random) {
    std::array<std::uint64_t, 2> oldest{};
    const auto rows = rows_of(key);
    for (std::size_t i = 0; i < rows.size(); ++i) oldest[i] = rows_[rows[i]].load();
    auto waiter = std::make_shared<SignalWaiter>();
    const base::Nanos stale_for = random() % 2 == 0 ? base::kSecond : 0;
    Lookup found = cache_.lookup(key_of(key), waiter, clock_.now(), {.stale_for = stale_for});
    if (found.outcome == Outcome::kWaiting && found.waits_for_disk) {
      waiter->wait();
      waiter = std::make_shared<SignalWaiter>();
      found = cache_.lookup(key_of(key), waiter, clock_.now(), {.disk_wait = false});
    }
    if (found.outcome == Outcome::kWaiting) {
      waiter->wait();
      found = cache_.lookup(key_of(key), nullptr);
    }
    if (found.outcome == Outcome::kHit || found.outcome == Outcome::kStale) {
      verify(found.entry.bytes(), found.entry.mark(), key, oldest);
    } else if (found.outcome == Outcome::kMiss) {
      fill(found.fill, key, random);
    }
  }

  static void verify(std::string_view bytes, std::uint32_t mark, std::uint64_t key,
                     const std::array<std::uint64_t, 2>& oldest) {
    Reply reply;
    ASSERT_GE(bytes.size(), sizeof(reply));
    std::memcpy(&reply, bytes.data(), sizeof(reply));
    ASSERT_EQ(reply.key, key);
    ASSERT_EQ(mark, static_cast<std::uint32_t>(key));
    ASSERT_EQ(reply.check, reply.expected_check());
    ASSERT_GE(reply.versions[0], oldest[0]) << "older than the database was before the lookup";
    ASSERT_GE(reply.versions[1], oldest[1]) << "older than the database was before the lookup";
    const std::string_view padding = bytes.substr(sizeof(reply));
    ASSERT_EQ(padding.find_first_not_of(static_cast<char>('a' + key % 26)), std::string_view::npos);
  }

  void fill(Fill& fill, std::uint64_t key, std::mt19937_64& random) {
    const std::uint64_t fate = random() % 100;
    if (fate < 5) return;  // the destructor ends it
    if (fate < 6) return fill.abandon(FillEnd::kUncacheable);
    std::array<Dependency, 2> dependencies;
    const auto rows = rows_of(key);
    for (std::size_t i = 0; i < rows.size(); ++i) dependencies[i] = generations_.depend(slot_of(rows[i]));
    const Reply reply = query(key);
    if (fate < 30) linger();
    const std::string padding(key * 13 % 2300, static_cast<char>('a' + key % 26));
    const std::array<std::string_view, 2> parts{
        std::string_view(reinterpret_cast<const char*>(&reply), sizeof(reply)), padding};
    fill.keep(parts, static_cast<std::uint32_t>(key), dependencies,
              random() % 2 == 0 ? config().ttl : base::kMillisecond, base::kSecond);
  }

  // Writes and time go by with the reads: were they faster, nothing would live until it is asked for;
  // were they slower, nothing would change.
  void beat() {
    beats_.fetch_add(1);
    beats_.notify_all();
  }

  // So long that others ask for the same meanwhile, and time goes by.
  void linger() const {
    const std::uint64_t since = beats_.load();
    for (int i = 0; i < 100 && beats_.load() == since; ++i) std::this_thread::yield();
  }

  void write_all() {
    std::mt19937_64 random(99);
    for (int i = 0; i < kWrites; ++i) {
      beats_.wait(static_cast<std::uint64_t>(i));
      const std::size_t row = random() % kRows;
      Hold hold(generations_, std::array<Slot, 1>{slot_of(row)});
      rows_[row].fetch_add(1);
      if (random() % 4 == 0) std::this_thread::yield();
      hold.release();
      if (random() % 8 == 0) std::this_thread::yield();
    }
  }

  void disturb() {
    for (std::uint64_t seen = 0; !is_done_.load(); seen = beats_.load()) {
      beats_.wait(seen);
      clock_.advance(base::kMillisecond);
      cache_.set_memory_bytes(clock_.now() / base::kMillisecond % 2 == 0 ? kBytes : kBytes / 3 * 2);
      if (clock_.now() / base::kMillisecond % 64 == 0) cache_.invalidate_all();
      const CacheStats stats = cache_.stats();
      EXPECT_LE(stats.entries, kKeys);
    }
  }

  base::ManualClock clock_;
  Generations generations_{8};
  io::MockDevice device_{disk::kSegmentsBegin + (16 << 13), 1};
  DiskTier disk_{disk_config(), device_, clock_, generations_};
  Cache cache_;
  std::array<Row, kRows> rows_{};
  std::atomic<std::uint64_t> reads_{0};
  std::atomic<std::uint64_t> beats_{0};
  std::atomic<bool> is_done_{false};
};

struct StressTest : testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Disk, StressTest, testing::Bool());

TEST_P(StressTest, NoReplyIsWrongOrOlderThanItsLookup) {
  Stress stress(GetParam());
  stress.run();
  const std::uint64_t disk_hits = stress.disk_stats().reads[static_cast<std::size_t>(DiskRead::kFound)];
  EXPECT_EQ(disk_hits > 0, GetParam());
  const CacheStats stats = stress.stats();
  std::uint64_t lookups = stats.hits + stats.stales, fills = 0, misses = 0;
  for (const std::uint64_t n : stats.misses) misses += n;
  for (const std::uint64_t n : stats.passes) lookups += n;
  for (const std::uint64_t n : stats.keeps) fills += n;
  for (const std::uint64_t n : stats.abandons) fills += n;
  EXPECT_EQ(lookups + misses, std::uint64_t{kReaders} * kReads) << "each read ends in one outcome";
  EXPECT_EQ(fills, misses) << "each miss ends in one fill";
  EXPECT_EQ(stats.fills_in_flight, 0U);
  EXPECT_EQ(stats.waiters, 0U);
  EXPECT_GT(stats.hits, 0U);
  EXPECT_GT(stats.stales, 0U);
  EXPECT_GT(stats.evictions[static_cast<std::size_t>(Eviction::kInvalidated)], 0U);
}

}  // namespace
}  // namespace pgweir::cache
