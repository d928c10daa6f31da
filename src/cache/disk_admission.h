// What is worth writing to the disk: what will be fresh for a while, costs the database more than it costs to
// read it, and has been asked for before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/config.h"
#include "cache/entry.h"

namespace pgweir::cache {

// Remembers which keys were offered lately, by 32 bits of each. One thread at a time.
class Sightings {
 public:
  // Room for about so many keys, four bytes each.
  explicit Sightings(std::size_t keys);

  // Whether it was seen before; now it has been.
  bool see(const Key& key);
  std::uint64_t bytes() const { return cells_.size() * sizeof(Cell); }

 private:
  static constexpr std::size_t kWays = 8;
  using Cell = std::uint32_t;

  std::vector<Cell> cells_;  // sets of kWays, the newest first
};

}  // namespace pgweir::cache
