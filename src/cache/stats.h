// A snapshot of the cache's counters; observe/ and admin/ collect and print it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "cache/disk_stats.h"
#include "cache/outcome.h"

namespace pgweir::cache {

// Each lookup counts once: hits + stales + sum(misses) + sum(passes) + waits. A waiter looks up again when it
// is woken or gives up, so a request that waited counts as a wait and as what it ended in.
struct CacheStats {
  std::uint64_t hits = 0;
  std::uint64_t stales = 0;
  std::uint64_t hit_bytes = 0;
  base::Nanos hit_cost = 0;                       // database time that the hits saved
  std::array<std::uint64_t, kMissWhys> misses{};  // by MissWhy
  std::array<std::uint64_t, kPassWhys> passes{};  // by PassWhy
  std::uint64_t waits = 0;

  std::array<std::uint64_t, kKeepResults> keeps{};    // by KeepResult
  std::array<std::uint64_t, kFillEnds> abandons{};    // by FillEnd
  std::array<std::uint64_t, kEvictions> evictions{};  // by Eviction

  // Levels.
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;          // of everything allocated
  std::uint64_t content_bytes = 0;  // of that, keys and replies of entries
  std::uint64_t bytes_max = 0;
  std::uint64_t fills_in_flight = 0;
  std::uint64_t waiters = 0;

  std::optional<DiskStats> disk;  // whose memory is part of bytes and bytes_max

  void add(const CacheStats& other);
};

}  // namespace pgweir::cache
