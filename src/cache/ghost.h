// What has left the cache, and why: what its policy gives back to a key that returns (for S3-FIFO this is its
// ghost queue), and the reason of a later miss. As in the implementation of S3-FIFO's authors it is no queue
// but a table of fingerprints with the time of leaving, where time is counted in bytes that have left: a
// record older than the window is as good as gone, and nothing ever has to be moved or removed.
//
// A fingerprint has two sets to be in, and takes the emptier: of sets filled to two thirds next to none is
// ever full ("the power of two choices").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cache/entry.h"
#include "cache/outcome.h"
#include "cache/page_array.h"
#include "cache/policy.h"
#include "cache/prefetch.h"

namespace pgweir::cache {

// A false record (two keys with one fingerprint, or the clock come round after eight windows or more) costs a
// wrong reason or a wrong credit, nothing else. One thread at a time (the shard's lock).
class Ghost {
 public:
  struct Record {
    Eviction why = Eviction::kCapacity;
    Policy::Credit credit = 0;
  };
  // Where a record was found, for who takes it later.
  using Position = std::uint32_t;
  static constexpr Position kNowhere = UINT32_MAX;      // there was none
  static constexpr Position kUnknown = UINT32_MAX - 1;  // nobody has looked
  struct Found {
    std::optional<Record> record;
    Position position = kNowhere;
  };

  // How many bytes may leave before a record is forgotten. Forgets all if the unit of time changes with it.
  void set_window(std::uint64_t bytes);
  // Room for about `records`, rounded up to a multiple of eight. Keeps what fits.
  void resize(std::size_t records);
  static std::uint64_t bytes_for(std::size_t records) { return PageArray<Set>::bytes_for(sets_for(records)); }

  // Moves the clock on by the charge of an entry that left.
  void advance(std::uint64_t bytes) { clock_bytes_ += bytes; }
  void remember(const Key& key, const Record& record);
  std::optional<Record> find(const Key& key) const { return look_up(key).record; }
  Found look_up(const Key& key) const;
  // The same as find(), and forgets it. REQUIRES: unless the position is unknown, it is what look_up() said,
  // and nothing of this key has been remembered since.
  std::optional<Record> take(const Key& key, Position position = kUnknown);
  // Brings what find() and remember() read.
  void prefetch(const Key& key) const {
    if (sets_.size() == 0) return;
    for (const Set* const set : sets_of(fingerprint_of(key))) fetch_early(set);
  }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr unsigned kStampBits = 23, kStampShift = 32 - kStampBits;
  static constexpr std::uint32_t kUsed = 1U << 8;  // facts that are not 0
  static constexpr std::uint32_t kStampMask = (std::uint32_t{1} << kStampBits) - 1;
  static constexpr std::uint32_t kWindowMax = std::uint32_t{1} << (kStampBits - 3);  // in ticks

  // A line of the processor's cache: fingerprints beside each other, so that some are compared at once.
  struct Set {
    std::uint32_t fingerprints[kWays];
    std::uint32_t facts[kWays];  // from the lowest bit: why 2, credit 6, used 1, stamp 23
  };
  static_assert(Policy::kCreditMax < 1 << 6);
  struct Cell {
    Set* set = nullptr;
    unsigned way = 0;
    std::uint32_t& fingerprint() const { return set->fingerprints[way]; }
    std::uint32_t& facts() const { return set->facts[way]; }
  };
  using Pair = std::array<Set*, 2>;

  static std::size_t sets_for(std::size_t records) { return (records + kWays - 1) / kWays; }
  static std::uint32_t fingerprint_of(const Key& key) { return static_cast<std::uint32_t>(key.hi >> 32); }
  static Record record_of(std::uint32_t facts) {
    return {static_cast<Eviction>(facts & 3), static_cast<Policy::Credit>(facts >> 2 & 63)};
  }
  std::uint32_t now() const { return static_cast<std::uint32_t>(clock_bytes_ >> unit_log2_) & kStampMask; }
  std::uint32_t age(std::uint32_t facts) const { return (now() - (facts >> kStampShift)) & kStampMask; }
  bool is_live(std::uint32_t facts) const { return facts != 0 && age(facts) <= window_; }
  Pair sets_of(std::uint32_t fingerprint) const {
    const std::uint64_t sets = sets_.size();
    const std::uint32_t other = (fingerprint * 0x9E3779B97F4A7C15ULL) >> 32;
    return {&sets_[fingerprint * sets >> 32], &sets_[other * sets >> 32]};
  }
  static bool may_hold(const Pair& sets, std::uint32_t fingerprint);
  Cell find_cell(const Pair& sets, std::uint32_t fingerprint) const;
  // A bit for each way that is free or as good as that.
  unsigned free_ways(const Set& set) const;
  Cell oldest_of(const Pair& sets) const;
  void put(const Pair& sets, std::uint32_t fingerprint, std::uint32_t facts);
  void put_first(std::uint32_t fingerprint, std::uint32_t facts);

  PageArray<Set> sets_;
  unsigned unit_log2_ = 0;    // bytes of one tick
  std::uint32_t window_ = 0;  // in ticks
  std::uint64_t clock_bytes_ = 0;
};

}  // namespace pgweir::cache
