#include "cache/stats.h"

#include <cstddef>

namespace pgweir::cache {
namespace {

template <std::size_t kSize>
void add_all(std::array<std::uint64_t, kSize>& to, const std::array<std::uint64_t, kSize>& from) {
  for (std::size_t i = 0; i < kSize; ++i) to[i] += from[i];
}

}  // namespace

void CacheStats::add(const CacheStats& other) {
  hits += other.hits;
  stales += other.stales;
  hit_bytes += other.hit_bytes;
  hit_cost += other.hit_cost;
  add_all(misses, other.misses);
  add_all(passes, other.passes);
  waits += other.waits;
  add_all(keeps, other.keeps);
  add_all(abandons, other.abandons);
  add_all(evictions, other.evictions);
  entries += other.entries;
  bytes += other.bytes;
  content_bytes += other.content_bytes;
  bytes_max += other.bytes_max;
  fills_in_flight += other.fills_in_flight;
  waiters += other.waiters;
}

}  // namespace pgweir::cache
