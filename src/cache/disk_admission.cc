#include "cache/disk_admission.h"

#include <algorithm>
#include <bit>
#include <span>

namespace pgweir::cache {

Sightings::Sightings(std::size_t keys) : cells_(std::bit_ceil(std::max(keys, kWays)), 0) {}

bool Sightings::see(const Key& key) {
  const auto fingerprint = static_cast<Cell>(key.hi >> 32) | 1;
  const std::span<Cell> set(&cells_[(key.lo * kWays) & (cells_.size() - 1)], kWays);
  auto found = std::find(set.begin(), set.end(), fingerprint);
  const bool was_seen = found != set.end();
  if (!was_seen) found = set.end() - 1;  // the oldest leaves
  std::rotate(set.begin(), found, found + 1);
  set.front() = fingerprint;
  return was_seen;
}

}  // namespace pgweir::cache
