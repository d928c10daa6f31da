// The memory tier: opaque keys to opaque bytes, within a memory limit, fresh by generations, with one
// fill per key. Knows neither SQL nor the protocol.
//
//   Lookup lookup = cache.lookup(key, waiter);
//   kHit:     send lookup.entry.bytes()
//   kStale:   the same; the ttl is over, or it is untold, not for longer than the caller accepts, and another
//             fills
//   kMiss:    observe the generations, send the query, then lookup.fill.keep(...) or .abandon(...)
//   kWaiting: on waiter->wake(), or after lookup.wait, look up again. Wait for a fill once per request, and
//             once for the disk (Accepts), or a row of failing fills makes the waiters go one by one.
//   kPass:    send the query; nothing is kept
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "cache/config.h"
#include "cache/entry.h"
#include "cache/fill.h"
#include "cache/generations.h"
#include "cache/lookup.h"
#include "cache/outcome.h"
#include "cache/stats.h"

namespace pgweir::cache {

class DiskTier;
class Shard;

struct SaveReport {
  std::uint64_t entries = 0;  // are on the disk
  std::uint64_t left = 0;     // are not: have changed, are nearly over, or there was no time
};

// Any thread. Its Fills and EntryRefs must be gone before it; the clock and the generations must
// outlive it.
class Cache {
 public:
  Cache(const CacheConfig& config, const base::Clock& clock, Generations& generations);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // Never blocks but for the shard's lock; a hit allocates nothing. With a null waiter the outcome is
  // never kWaiting.
  Lookup lookup(const Key& key, const std::shared_ptr<Waiter>& waiter) {
    return lookup(key, waiter, clock_.now());
  }
  // For who has just read the clock.
  Lookup lookup(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                const Accepts& accepts = {});
  // Switched off, every lookup passes (kOff): nothing is answered, waited for or filled. What is there stays,
  // and is as fresh as its generations say once the cache is on again. Any thread.
  void switch_off(bool off) { is_off_.store(off, std::memory_order_relaxed); }
  bool is_off() const { return is_off_.load(std::memory_order_relaxed); }

  // Hints that the key will be looked up soon: prefetch() a few lookups before, prefetch_entry() a few later.
  // They look without the lock. REQUIRES: no other thread uses the cache meanwhile.
  void prefetch(const Key& key) const;
  void prefetch_entry(const Key& key) const;
  // The waiter gives up: its place is free again and its reference dropped. A wake() that is already
  // on its way may still come.
  void leave(const Key& key, const Waiter& waiter);

  // Entries that make room go there, and are looked for there. REQUIRES: before the first lookup; the tier
  // outlives the cache, which stops it at its end.
  void use_disk(DiskTier& disk);

  // Drops the entry, on disk too, if there is one.
  void drop(const Key& key);
  // Copies to the disk what is in memory, as far as it gets in this time and within the disk's budget, for
  // the next process. REQUIRES: a disk that runs, and nobody looks up or fills any more.
  SaveReport save(base::Nanos time);

  // Drops every entry and mark, on disk too; fills in progress will not be kept.
  void invalidate_all();
  // Evicts down to the new limit, step by step, so that nobody waits for it but the caller. The number of
  // shards and the largest entry stay as they were configured, so a much lower limit than at the start serves
  // large entries worse than a new Cache; nor is there room for more than four times as much as then.
  // What a disk takes of it stays as it is.
  void set_memory_bytes(std::uint64_t memory_bytes);

  CacheStats stats() const;
  const CacheConfig& config() const { return config_; }
  Generations& generations() { return generations_; }
  // The largest reply that can be kept: the configured one, or less in a small cache.
  std::uint64_t entry_bytes_max() const { return config_.entry_bytes_max; }

 private:
  Shard& shard_of(const Key& key) const;

  CacheConfig config_;  // as clamped
  const base::Clock& clock_;
  Generations& generations_;
  unsigned shards_log2_ = 0;
  DiskTier* disk_ = nullptr;
  std::atomic<bool> is_off_{false};
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace pgweir::cache
