#include "simulate/replay.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache.h"
#include "cache/page_array.h"

namespace pgweir::simulate {
namespace {

constexpr std::size_t kRequestsBetweenProgress = 1 << 16;
constexpr base::Nanos kForever = 10LL * 365 * 24 * 3600 * base::kSecond;

// The finalizer of SplitMix64: one to one, and even. Nobody chooses these keys, so they need no secret.
std::uint64_t scattered(std::uint64_t x) {
  x = (x + 1) * 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

using Keys = cache::PageArray<cache::Key>;

Keys keys_of(std::uint32_t count) {
  Keys keys(count);
  keys.prefer_huge_pages();
  for (std::uint32_t i = 0; i < count; ++i) {
    keys[i] = {.lo = scattered(2 * std::uint64_t{i}), .hi = scattered(2 * std::uint64_t{i} + 1)};
  }
  return keys;
}

cache::CacheConfig config_of(const Setup& setup) {
  cache::CacheConfig config;
  config.memory_bytes = setup.capacity;
  config.policy = setup.policy;
  config.ttl_jitter = 0;
  config.early_refresh = 0;
  config.entry_bytes_max = cache::Entry::kBytesMax;
  config.shards = 1;
  config.storage = setup.counts_entries ? cache::Storage::kCounted : cache::Storage::kCharged;
  return config;
}

// What is to come is known here: memory is slow, but it can fetch many things at once.
void prefetch(const Trace& trace, std::size_t i, const Keys& keys, const cache::Cache& cache) {
  constexpr std::size_t kKey = 24, kTables = 16, kEntry = 8;  // lookups ahead
  const auto& requests = trace.requests;
  if (i + kKey >= requests.size()) return;
  __builtin_prefetch(&keys[requests[i + kKey].key]);
  cache.prefetch(keys[requests[i + kTables].key]);
  cache.prefetch_entry(keys[requests[i + kEntry].key]);
}

struct Free {
  void operator()(char* bytes) const { std::free(bytes); }
};

}  // namespace

Point replay(const Trace& trace, const Setup& setup, const Progress& progress) {
  CHECK(setup.capacity > 0);
  Point point{.setup = setup, .requests = trace.requests.size()};
  const Keys keys = keys_of(trace.keys);
  // Replies have a size and nobody reads them: pages that are never touched take no memory.
  const std::size_t reply_bytes_max = cache::Entry::kBytesMax + 1;
  const std::unique_ptr<char, Free> reply(static_cast<char*>(std::calloc(reply_bytes_max, 1)));
  CHECK(reply != nullptr);
  base::ManualClock clock;
  cache::Generations generations(cache::Generations::kSlotsLog2Min);
  cache::Cache cache(config_of(setup), clock, generations);
  std::int64_t now_ms = trace.requests.front().time_ms;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    prefetch(trace, i, keys, cache);
    const Request& request = trace.requests[i];
    clock.advance((request.time_ms - now_ms) * base::kMillisecond);
    now_ms = request.time_ms;
    point.bytes += request.size_bytes;
    point.cost_us += request.cost_us;
    cache::Lookup lookup = cache.lookup(keys[request.key], nullptr);
    if (lookup.outcome == cache::Outcome::kHit) {
      ++point.hits;
      point.hit_bytes += request.size_bytes;
      point.hit_cost_us += request.cost_us;
    } else if (lookup.fill) {
      const std::size_t size = setup.counts_entries ? 0 : request.size_bytes;
      const std::string_view bytes(reply.get(), std::min(size, reply_bytes_max));
      const base::Nanos ttl =
          request.ttl_ms == Request::kForever ? kForever : request.ttl_ms * base::kMillisecond;
      const auto result = lookup.fill.keep({&bytes, 1}, 0, {}, ttl, request.cost_us * base::kMicrosecond);
      if (result == cache::KeepResult::kTooLarge || result == cache::KeepResult::kNoRoom) ++point.not_kept;
    } else {
      ++point.not_kept;  // known to be too large
    }
    if (progress && i % kRequestsBetweenProgress == 0)
      progress(static_cast<double>(i) / static_cast<double>(trace.requests.size()));
  }
  point.evictions = cache.stats().evictions;
  return point;
}

}  // namespace pgweir::simulate
