// The settings of the cache. config/ reads and validates them; Cache clamps what would break it.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "cache/policy_kind.h"

namespace pgweir::cache {

// What an entry takes of the limit. All but kBytes are for simulations: their entries answer with nothing.
enum class Storage : std::uint8_t {
  kBytes,    // what it allocates
  kCharged,  // the same, but its bytes are not stored
  kCounted,  // one, whatever its size; nothing but entries counts
};

// What of that which makes room is written to the disk.
enum class AdmissionKind : std::uint8_t {
  kSecondSight,  // what makes room for the second time
  kAll,
};

struct DiskConfig {
  std::string path;  // of a file; empty: there is no disk
  std::uint64_t size_bytes = std::uint64_t{8} << 30;
  // Never more is written in any second, nor in any day.
  std::uint64_t write_bytes_per_second = std::uint64_t{32} << 20;
  std::uint64_t write_bytes_per_day = std::uint64_t{256} << 30;
  AdmissionKind admission = AdmissionKind::kSecondSight;
  bool direct = false;  // past the system's page cache
};

struct CacheConfig {
  // Limit of everything a Cache allocates: entries, index, ghosts, marks of uncacheable keys, fills. What a
  // disk tier takes comes on top; see DiskTier::memory_bytes_max().
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;
  // What leaves when room is needed.
  PolicyKind policy = PolicyKind::kS3Fifo;
  // The default for Fill::keep; the cache itself uses only the ttl given there.
  base::Nanos ttl = 30 * base::kSecond;
  // An entry lives ttl * (1 - ttl_jitter * u), u in [0, 1) by its key. In [0, 1].
  double ttl_jitter = 0.1;
  // How soon before the end of its ttl an entry is asked anew, in units of what its fill costs (XFetch's
  // beta; Vattani, Chierichetti & Lowenstein, "Optimal Probabilistic Cache Stampede Prevention"). 0: not
  // before.
  double early_refresh = 1.0;
  // Larger replies are not kept. At most half of a shard's share of the memory.
  std::uint64_t entry_bytes_max = std::uint64_t{1} << 20;
  // How long a waiter waits before it goes to the database (by the waiter's own timer). A lookup that
  // finds a fill older than this does not wait at all.
  base::Nanos fill_wait = 2 * base::kSecond;
  // Waiters per key; further lookups pass. Neither says anything of waiting for the disk.
  std::uint32_t fill_waiters_max = 256;
  // How long a key stays marked as uncacheable.
  base::Nanos uncacheable_ttl = 10 * base::kSecond;
  // For the Generations beside the cache: 2^n counters of 8 bytes.
  unsigned generation_slots_log2 = 20;
  // Rounded up to a power of two; fewer if a shard would hold fewer than four of the largest entries, or
  // little at all. 0: as many as are good for so much memory.
  unsigned shards = 0;
  Storage storage = Storage::kBytes;
  DiskConfig disk;  // for who makes the DiskTier
};

}  // namespace pgweir::cache
