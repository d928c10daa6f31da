// A cache on a manual clock, for the tests of this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache.h"

namespace pgweir::cache {

inline Key key_of(std::uint64_t number) {
  base::SipHash128 hash({.k0 = 1, .k1 = 2});
  hash.update_u64(number);
  return hash.finish();
}

// Counters as if they had been bumped for years.
struct TurnedGenerations {
  static void set_bumps(Generations& generations, Slot slot, std::uint64_t bumps) {
    generations.slots_[slot].store(bumps << Generations::kHoldBits);
  }
  static unsigned count_bits(const Generations& generations) { return generations.count_bits(); }
};

class CountingWaiter final : public Waiter {
 public:
  void wake() noexcept override { wakes_.fetch_add(1); }
  int wakes() const { return wakes_.load(); }

 private:
  std::atomic<int> wakes_{0};
};

struct TestCache {
  explicit TestCache(CacheConfig cache_config = {})
      : config(cache_config), cache(config, clock, generations) {}

  Lookup lookup(std::uint64_t number, const std::shared_ptr<Waiter>& waiter = nullptr) {
    return cache.lookup(key_of(number), waiter);
  }
  KeepResult keep(Fill& fill, std::string_view bytes, std::initializer_list<Dependency> dependencies = {}) {
    return keep_for(fill, bytes, config.ttl, dependencies);
  }
  KeepResult keep_for(Fill& fill, std::string_view bytes, base::Nanos ttl,
                      std::initializer_list<Dependency> dependencies = {}) {
    const std::span<const Dependency> span(dependencies.begin(), dependencies.size());
    return fill.keep({&bytes, 1}, 7, span, ttl, base::kMillisecond);
  }
  // Looks up, and fills on a miss. True if it was a hit.
  bool get(std::uint64_t number, std::string_view bytes,
           std::initializer_list<Dependency> dependencies = {}) {
    Lookup found = lookup(number);
    if (found.outcome == Outcome::kMiss) keep(found.fill, bytes, dependencies);
    return found.outcome == Outcome::kHit;
  }
  CacheStats stats() const { return cache.stats(); }

  CacheConfig config;
  base::ManualClock clock;
  Generations generations{10};
  Cache cache;
};

// One shard, no jitter: what the tests of exact behaviour want.
inline CacheConfig exact_config(std::uint64_t memory_bytes = std::uint64_t{1} << 20) {
  CacheConfig config;
  config.memory_bytes = memory_bytes;
  config.shards = 1;
  config.ttl_jitter = 0;
  config.early_refresh = 0;
  return config;
}

}  // namespace pgweir::cache
