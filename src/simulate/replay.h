// A trace through the real cache engine on a virtual clock.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "cache/outcome.h"
#include "cache/policy_kind.h"
#include "simulate/trace.h"

namespace pgweir::simulate {

struct Setup {
  cache::PolicyKind policy = cache::PolicyKind::kS3Fifo;
  std::uint64_t capacity = 0;    // bytes, all overhead included
  bool counts_entries = false;   // capacity is a number of entries; sizes are ignored
  std::uint64_t disk_bytes = 0;  // of a disk behind the memory, with the defaults of cache.disk; 0: none

  // Below these a disk is of no use: for its buffers, and for its segments.
  static constexpr std::uint64_t kMemoryWithDiskMin = std::uint64_t{64} << 20;
  static constexpr std::uint64_t kDiskMin = std::uint64_t{64} << 20;
};

struct Point {
  Setup setup;
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
  std::uint64_t disk_hits = 0;           // of these
  std::uint64_t disk_written_bytes = 0;  // to the device, all told
  std::uint64_t bytes = 0;               // of all replies
  std::uint64_t hit_bytes = 0;
  std::uint64_t cost_us = 0;  // of all requests, had none hit
  std::uint64_t hit_cost_us = 0;
  std::uint64_t not_kept = 0;                                // too large for the cache
  std::array<std::uint64_t, cache::kEvictions> evictions{};  // by cache::Eviction

  double hit_ratio() const { return share(hits, requests); }
  double byte_hit_ratio() const { return share(hit_bytes, bytes); }
  double cost_saved() const { return share(hit_cost_us, cost_us); }

 private:
  static double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

// Each miss is filled before the next request comes. Memory: about 100 bytes for each entry, whatever its
// size; replies themselves are not stored, but with a disk they are, as zeros.
// REQUIRES: capacity > 0; with a disk the capacity is in bytes, and both are large enough.
Point replay(const Trace& trace, const Setup& setup, const Progress& progress);

}  // namespace pgweir::simulate
