// One of the cache's shards: a lock, and all that belongs to its part of the keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/spin_mutex.h"
#include "cache/config.h"
#include "cache/disk_format.h"
#include "cache/disk_stats.h"
#include "cache/entry.h"
#include "cache/expiry_map.h"
#include "cache/flight.h"
#include "cache/generations.h"
#include "cache/ghost.h"
#include "cache/key_table.h"
#include "cache/lookup.h"
#include "cache/pass_marks.h"
#include "cache/policy.h"
#include "cache/prefetch.h"
#include "cache/slabs.h"
#include "cache/stats.h"

namespace pgweir::cache {

class DiskTier;
struct DiskPlace;
struct DiskRequest;
class Shard;

// Large entries taken out of the cache, whose pages are given back when this goes out of scope: declare it
// before the lock, so that the system is called without it. Those that made room are offered to the disk
// before.
class Retired {
 public:
  explicit Retired(Shard& shard) : shard_(shard) {}
  Retired(const Retired&) = delete;
  Retired& operator=(const Retired&) = delete;
  ~Retired() {
    if (head_ != nullptr) free_all();
  }

  // is_current: it made room, and there is a disk. REQUIRES: it is paged, and there is no reference to it any
  // more; the shard's lock.
  void add(Entry& entry, bool is_current);
  // What was added under this key is not current any more. REQUIRES: the shard's lock.
  void keep_off_disk(const Key& key);
  std::uint64_t bytes() const { return bytes_; }

 private:
  void free_all();

  Shard& shard_;
  Entry* head_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint64_t settled_ = 0;     // the shard's, when the first that is current was added
  std::uint64_t disk_epoch_ = 0;  // likewise; 0: none was
};

// Any thread; one lock, held briefly, and never while waking, or while copying or freeing what is large.
// Aligned so that two shards share no cache line.
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
  void prefetch(const Key& key) const { index_.prefetch(key); }
  void prefetch_entry(const Key& key) const {
    if (!index_.prefetch_item(key)) ghost_.prefetch(key);
  }
  void leave(const Key& key, const Waiter& waiter);
  void drop(const Key& key);
  void invalidate_all();
  // shrink() takes a step to a lower limit; false if there is nothing more to do.
  void set_memory_bytes(std::uint64_t memory_bytes);
  bool shrink();
  CacheStats stats();
  void use_disk(DiskTier& disk) { disk_ = &disk; }
  // Copies entries to the disk, from there in the index on, until it has no room for one; false: that was
  // all. Counts those that are on the disk then.
  bool save(std::size_t& from, std::uint64_t& saved);
  // Null: there is nothing. Nothing happens if nobody waits for it any more.
  void read_ended(const DiskRequest& request, const disk::Record* record);

  // The ends of a fill; the flight is gone afterwards.
  KeepResult keep(Flight& flight, std::span<const std::string_view> parts, std::uint32_t mark,
                  std::span<const Dependency> dependencies, base::Nanos ttl, base::Nanos cost);
  void abandon(Flight& flight, FillEnd end);

 private:
  friend class Retired;
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

  // What a content takes: of the slabs, and of the limit.
  struct Size {
    std::size_t stored = 0;
    std::uint64_t charge = 0;
  };
  // What index_ finds.
  class Entries {
   public:
    explicit Entries(const Slabs& slabs) : slabs_(slabs) {}
    Entry& operator[](Handle handle) const { return *reinterpret_cast<Entry*>(slabs_.at(handle)); }
    const Key& key_of(Handle handle) const { return (*this)[handle].key(); }
    void prefetch(Handle handle) const { fetch_early(slabs_.at(handle)); }

   private:
    const Slabs& slabs_;
  };
  // What is larger is copied without the lock.
  static constexpr std::uint64_t kLockedCopyBytesMax = 4 << 10;
  enum class Room : std::uint8_t { kMade, kUnfinished, kNone };
  friend class Retired;

  // Without the lock: these read only atomics and what never changes, or take the lock themselves.
  static void judge(Freshness& state, Dependency::Kind kind, bool is_moved, bool is_held, Slot slot);
  bool is_unchanged(const Entry& entry, base::Nanos now) const;  // what freshness() says most of the time
  Freshness freshness(const Entry& entry, base::Nanos now) const;
  Freshness freshness(const Entry::Content& content, base::Nanos now) const;
  base::Nanos expiry(const Flight& flight, base::Nanos ttl) const;
  KeepResult examine(const Entry::Content& content, const Freshness& state) const;
  // For what is too large to be copied under the lock. Empty if there is no room.
  EntryRef make_large(const Entry::Content& content, base::Nanos now);
  // Ends a fill: false if room is still to be made, by calling it again.
  bool settle(Flight& flight, const Entry::Content& content, KeepResult& result, EntryRef& large,
              base::Nanos now);
  void free_retired(Entry& entry);

  // With the lock.
  void count_hit(const Entry& entry);
  Lookup fresh(Entry& entry, base::Nanos now, const Accepts& accepts, Retired& retired);
  // Whether a reply that is still fresh is better asked anew.
  bool is_due(const Entry& entry, base::Nanos now);
  Lookup answer_and_fill(Entry& entry, Outcome outcome, MissWhy why, base::Nanos now, const Accepts& accepts,
                         Retired& retired);
  // why: unless it is what the ghost tells.
  Lookup miss(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now, const Accepts& accepts,
              Retired& retired, std::optional<MissWhy> why = {});
  Lookup wait(Flight& flight, const std::shared_ptr<Waiter>& waiter, base::Nanos now, const Accepts& accepts,
              Retired& retired);
  // Empty if there is nothing on the disk. REQUIRES: there is a disk.
  std::optional<Lookup> read(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                             const Accepts& accepts, Retired& retired);
  Lookup fill(Flight& flight, MissWhy why);
  // The disk has not answered in time.
  Lookup take_over(Flight& flight, base::Nanos now);
  Flight* reading_flight(const DiskRequest& request);
  Lookup pass(PassWhy why);
  // Null if there is no room.
  Flight* start_flight(const Key& key, base::Nanos now, Retired& retired);
  // Who waited for it, to be woken without the lock.
  std::vector<std::shared_ptr<Waiter>> end_flight(Flight& flight);

  // Gives back what the last fill of the key cost, 0 if that is not known any more.
  float drop_predecessor(const Flight& flight, base::Nanos now, Retired& retired);
  float drop_earlier(const Flight& flight, base::Nanos now, Retired& retired);
  // Null if there is no room; the bytes are still to be written.
  Entry* allocate(const Entry::Content& content, const Size& size, base::Nanos now, Retired& retired);
  Room make_room_for(const Size& size, bool is_made, base::Nanos now, Retired& retired);
  // What is known of earlier entries of a key.
  struct Past {
    float last_cost = 0;  // 0: none
    Ghost::Position ghost = Ghost::kUnknown;
  };
  KeepResult place(const Entry::Content& content, const Size& size, EntryRef& large, const Past& past,
                   base::Nanos now, Retired& retired);
  bool shrink_index();
  void resize_tables(std::size_t index_capacity);
  std::uint64_t tables_bytes(std::size_t index_capacity) const;
  std::size_t ghost_records(std::size_t index_capacity) const;
  // What counts of memory that is not an entry's.
  std::uint64_t overhead(std::uint64_t bytes) const {
    return config_.storage == Storage::kCounted ? 0 : bytes;
  }
  bool counts_pages() const { return config_.storage == Storage::kBytes; }
  Size size_of(const Entry::Content& content) const;
  std::uint64_t used_bytes() const {
    return other_bytes_ + (counts_pages() ? slabs_.bytes() : charged_bytes_);
  }
  // Evicts until as many more bytes fit as needed() says then, in so many steps.
  template <class Needed>
  Room make_room(Needed&& needed, base::Nanos now, Retired& retired, unsigned steps_max);
  bool make_room(std::uint64_t bytes, base::Nanos now, Retired& retired);
  // One step towards less memory, from what costs nobody anything to evictions. False if nothing is left to
  // do.
  bool give_back(base::Nanos now, Retired& retired);
  bool compact();
  bool evict_one(base::Nanos now, Retired& retired);
  // What has expired goes before anything that lives. False if nothing has.
  bool drop_expired(base::Nanos now, Retired& retired);
  void drop_dead(Entry& entry, const Freshness& freshness, Retired& retired);
  void forget(Entry& entry, const Ghost::Record& record, Retired& retired);
  void free(Entry& entry);
  void drain_freed();
  void drop_all(Retired& retired);
  // To the disk, what is current and makes room.
  void offer(const Entry& entry);
  // Without the lock; published only if nothing has been settled since.
  void offer(const Entry& entry, std::uint64_t disk_epoch, std::uint64_t settled);
  std::optional<DiskPlace> copy_to_disk(const Entry& entry, std::uint64_t disk_epoch);
  Admission save(const Entry& entry);

  std::optional<PassWhy> find_mark(const Key& key, base::Nanos now);
  void put_mark(const PassMarks::Mark& mark, base::Nanos now, Retired& retired);

  const CacheConfig& config_;
  const base::Clock& clock_;
  const Generations& generations_;

  mutable base::SpinMutex mutex_;
  std::uint64_t memory_bytes_;
  std::uint64_t epoch_ = 0;
  std::uint64_t era_;                // the generations', of all entries
  std::uint64_t charged_bytes_ = 0;  // of all entries that are not free
  std::uint64_t reply_bytes_ = 0;    // of all entries that are placed
  std::uint64_t other_bytes_ = 0;    // of all that does not lie in slabs_
  Slabs slabs_;
  FreedEntries freed_;
  Entries entries_;
  KeyTable<Entries> index_;
  ExpiryMap expiries_;  // of index_
  std::unique_ptr<Policy> policy_;
  Flights flights_;
  KeyTable<Flights> flight_index_;
  PassMarks marks_;
  Ghost ghost_;
  CacheStats stats_;  // counters only
  std::uint64_t waiters_ = 0;
  DiskTier* disk_ = nullptr;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t settled_ = 0;  // goes up whenever what had left may not be the newest any more
  std::uint64_t draws_ = 0;    // of is_due()
};

}  // namespace pgweir::cache
