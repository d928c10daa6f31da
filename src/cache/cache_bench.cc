// What a lookup costs. Time per operation; run with --benchmark_filter=... for one of them.
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cache/cache.h"
#include "cache/test_cache.h"

namespace pgweir::cache {
namespace {

constexpr std::size_t kReplyBytes = 400;

struct BenchCache {
  explicit BenchCache(std::uint64_t memory_bytes) : cache(config_of(memory_bytes), clock, generations) {}
  static CacheConfig config_of(std::uint64_t memory_bytes) {
    CacheConfig config;
    config.memory_bytes = memory_bytes;
    config.entry_bytes_max = 64 << 10;
    return config;
  }
  bool get(const Key& key, char* out) {
    const Lookup found = cache.lookup(key, nullptr);
    if (found.outcome != Outcome::kHit) return false;
    std::memcpy(out, found.entry.bytes().data(), found.entry.bytes().size());
    benchmark::DoNotOptimize(*out);
    return true;
  }
  bool get_or_fill(const Key& key, char* out) {
    Lookup found = cache.lookup(key, nullptr);
    if (found.outcome == Outcome::kHit) {
      std::memcpy(out, found.entry.bytes().data(), found.entry.bytes().size());
      return true;
    }
    if (found.outcome != Outcome::kMiss) return false;
    const auto slot = generations.slot_of(key.lo);
    const std::array<Dependency, 2> dependencies{generations.depend(slot), generations.depend(1)};
    const std::string_view reply(bytes);
    found.fill.keep({&reply, 1}, 0, dependencies, 3600 * base::kSecond, base::kMillisecond);
    return false;
  }

  base::SystemClock clock;
  Generations generations;
  std::string bytes = std::string(kReplyBytes, 'x');
  Cache cache;
};

std::vector<Key> keys_of(std::size_t count) {
  std::vector<Key> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(key_of(i));
  return keys;
}

std::vector<std::uint32_t> zipf_of(std::size_t keys, std::size_t count) {
  std::vector<double> weights;
  for (std::size_t rank = 1; rank <= keys; ++rank) {
    weights.push_back(std::pow(static_cast<double>(rank), -0.99));
  }
  std::discrete_distribution<std::uint32_t> zipf(weights.begin(), weights.end());
  std::mt19937_64 random(1);
  std::vector<std::uint32_t> picks;
  for (std::size_t i = 0; i < count; ++i) picks.push_back(zipf(random));
  return picks;
}

// All keys are in the cache; range(0) of them.
void bench_hit(benchmark::State& state) {
  static std::unique_ptr<BenchCache> bench;
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<Key> keys = keys_of(count);
  std::array<char, kReplyBytes> out;
  if (state.thread_index() == 0) {
    bench = std::make_unique<BenchCache>(std::uint64_t{256} << 20);
    for (const Key& key : keys) bench->get_or_fill(key, out.data());
  }
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * count / 2, hits = 0;
  for (auto _ : state) {
    hits += bench->get(keys[i], out.data()) ? 1 : 0;
    if (++i == count) i = 0;
  }
  state.counters["hit_ratio"] = benchmark::Counter(
      static_cast<double>(hits) / static_cast<double>(state.iterations()), benchmark::Counter::kAvgThreads);
  if (state.thread_index() == 0) bench.reset();
}
BENCHMARK(bench_hit)->Arg(1)->Arg(1000)->Arg(100'000)->Threads(1)->Threads(2)->UseRealTime();

// Each key is new: a miss, a fill, and an eviction once the cache is full.
void bench_miss_and_keep(benchmark::State& state) {
  BenchCache bench(std::uint64_t{64} << 20);
  std::array<char, kReplyBytes> out;
  std::mt19937_64 random(1);
  for (auto _ : state) bench.get_or_fill({.lo = random(), .hi = random()}, out.data());
}
BENCHMARK(bench_miss_and_keep);

// Zipf interest in a million keys, of which the cache holds about a tenth.
void bench_zipf(benchmark::State& state) {
  static std::unique_ptr<BenchCache> bench;
  static std::vector<Key> keys;
  static std::vector<std::uint32_t> picks;
  constexpr std::size_t kPicks = std::size_t{1} << 20;
  if (state.thread_index() == 0) {
    bench = std::make_unique<BenchCache>(std::uint64_t{64} << 20);
    keys = keys_of(1'000'000);
    picks = zipf_of(keys.size(), kPicks);
    std::array<char, kReplyBytes> warm;
    for (const std::uint32_t pick : picks) bench->get_or_fill(keys[pick], warm.data());
  }
  std::array<char, kReplyBytes> out;
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * kPicks / 2, hits = 0;
  for (auto _ : state) {
    hits += bench->get_or_fill(keys[picks[i]], out.data()) ? 1 : 0;
    i = (i + 1) % kPicks;
  }
  state.counters["hit_ratio"] = benchmark::Counter(
      static_cast<double>(hits) / static_cast<double>(state.iterations()), benchmark::Counter::kAvgThreads);
  if (state.thread_index() == 0) {
    bench.reset();
    keys.clear();
    picks.clear();
  }
}
BENCHMARK(bench_zipf)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace pgweir::cache
