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
  std::uint64_t capacity = 0;   // bytes, all overhead included
  bool counts_entries = false;  // capacity is a number of entries; sizes are ignored
};

struct Point {
  Setup setup;
  std::uint64_t requests = 0;
  std::uint64_t hits = 0;
  std::uint64_t bytes = 0;  // of all replies
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

// Each miss is filled before the next request comes. Memory: about 100 bytes for each entry and 16 for each
// key, whatever their sizes; replies themselves are not stored. REQUIRES: capacity > 0.
Point replay(const Trace& trace, const Setup& setup, const Progress& progress);

}  // namespace pgweir::simulate
