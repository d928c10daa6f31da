// One of the cache's shards: a lock, and all that belongs to its part of the keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "cache/config.h"
#include "cache/entry.h"
#include "cache/expiry_map.h"
#include "cache/flight.h"
#include "cache/generations.h"
#include "cache/ghost.h"
#include "cache/key_table.h"
#include "cache/lookup.h"
#include "cache/pass_marks.h"
#include "cache/policy.h"
#include "cache/stats.h"

namespace pgweir::cache {

// Entries taken out of the cache, freed when this goes out of scope: declare it before the lock, so
// that memory is given back after the lock is.
class Retired {
 public:
  Retired() = default;
  Retired(const Retired&) = delete;
  Retired& operator=(const Retired&) = delete;
  ~Retired() {
    if (head_ != nullptr) free_all();
  }

  // Takes over the cache's reference. REQUIRES: the entry is in no queue and no table.
  void add(Entry& entry);
  // What the destructor will surely free; an entry that someone still reads does not count.
  std::uint64_t bytes() const { return bytes_; }

 private:
  void free_all();

  PolicyNode* head_ = nullptr;
  std::uint64_t bytes_ = 0;
};

// Any thread; one lock, held briefly, and never while waking, copying or freeing. Aligned so that two
// shards share no cache line.
class alignas(64) Shard {
 public:
  // `config` must outlive the shard; memory_bytes is this shard's part of the limit.
  Shard(const CacheConfig& config, std::uint64_t memory_bytes, const base::Clock& clock,
        const Generations& generations);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // As in Cache.
  Lookup lookup(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                const Accepts& accepts);
  void leave(const Key& key, const Waiter& waiter);
  void invalidate_all();
  void set_memory_bytes(std::uint64_t memory_bytes);
  CacheStats stats() const;

  // The ends of a fill; the flight is gone afterwards.
  KeepResult keep(Flight& flight, std::span<const std::string_view> parts, std::uint32_t mark,
                  std::span<const Dependency> dependencies, base::Nanos ttl, base::Nanos cost);
  void abandon(Flight& flight, FillEnd end);

 private:
  struct Freshness {
    bool is_expired = false;
    bool is_moved = false;
    bool is_held = false;
    bool is_untold = false;        // a voucher has moved, or is held
    bool is_moved_untold = false;  // and so would the content of an untold entry have
    Slot held_slot = 0;            // one of them, if is_held
    // From what holds for everybody to what does for this caller.
    void judge(const Accepts& accepts) {
      is_untold = is_untold || !accepts.vouched;
      is_moved = is_moved || (is_untold && is_moved_untold);
      is_untold = is_untold && !accepts.untold;
    }
    bool is_fresh() const { return !is_expired && !is_untold && !is_changed(); }
    bool is_changed() const { return is_moved || is_held; }
    // To everybody.
    bool is_dead() const { return is_expired || is_moved; }
    Eviction eviction() const {
      const bool in_time = is_untold && !is_expired;
      return is_moved || in_time ? Eviction::kInvalidated : Eviction::kExpired;
    }
  };

  // Without the lock: these read only atomics and what never changes, or take the lock themselves.
  Freshness freshness(std::span<const Dependency> dependencies, base::Nanos expires_at,
                      base::Nanos now) const;
  Freshness freshness(const Entry& entry, base::Nanos now) const {
    return freshness(entry.dependencies(), entry.expires_at(), now);
  }
  base::Nanos expiry(const Flight& flight, base::Nanos ttl) const;
  KeepResult examine(const Entry::Content& content, base::Nanos now) const;
  EntryRef allocate(Entry::Content& content, base::Nanos now);
  KeepResult settle(Flight& flight, const Entry::Content& content, KeepResult result, EntryRef entry);

  // With the lock.
  Lookup hit(Entry& entry);
  Lookup stale(Entry& entry, MissWhy why, base::Nanos now, Retired& retired);
  Lookup fill(const Key& key, MissWhy why, base::Nanos now, Retired& retired);
  Lookup miss(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now, Retired& retired);
  Lookup wait(Flight& flight, const std::shared_ptr<Waiter>& waiter, base::Nanos now, Retired& retired);
  Lookup pass(PassWhy why);
  // Null if there is no room.
  Flight* start_flight(const Key& key, base::Nanos now, Retired& retired);
  std::unique_ptr<Flight> take_flight(Flight& flight);

  // Gives back what the last fill of the key cost, 0 if that is not known any more.
  base::Nanos drop_predecessor(const Key& key, base::Nanos now, Retired& retired);
  KeepResult place(EntryRef& entry, base::Nanos now, Retired& retired);
  bool grow_index(base::Nanos now, Retired& retired);
  std::uint64_t tables_bytes(std::size_t index_capacity) const;
  // What counts of memory that is not an entry's.
  std::uint64_t overhead(std::uint64_t bytes) const {
    return config_.storage == Storage::kCounted ? 0 : bytes;
  }
  // Evicts until `bytes` more fit; false if they cannot.
  bool make_room(std::uint64_t bytes, base::Nanos now, Retired& retired);
  bool evict_one(base::Nanos now, Retired& retired);
  // What has expired goes before anything that lives. False if nothing has.
  bool drop_expired(base::Nanos now, Retired& retired);
  void drop_dead(Entry& entry, const Freshness& freshness, Retired& retired);
  void forget(Entry& entry, const Ghost::Record& record, Retired& retired);

  std::optional<PassWhy> find_mark(const Key& key, base::Nanos now);
  void put_mark(const PassMarks::Mark& mark, base::Nanos now, Retired& retired);

  const CacheConfig& config_;
  const base::Clock& clock_;
  const Generations& generations_;
  MemoryAccount account_;

  mutable std::mutex mutex_;
  std::uint64_t memory_bytes_;
  std::uint64_t epoch_ = 0;
  KeyTable<Entry> index_;
  ExpiryMap expiries_;  // of index_
  std::unique_ptr<Policy> policy_;
  KeyTable<Flight> flights_;
  PassMarks marks_;
  Ghost ghost_;
  CacheStats stats_;  // counters only
  std::uint64_t waiters_ = 0;
};

}  // namespace pgweir::cache
