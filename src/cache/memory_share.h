// One limit for the cache and for what is around it: what that takes, the cache gives.
#pragma once

#include <cstdint>

#include "cache/cache.h"

namespace pgweir::cache {

// One thread's. The cache outlives it, was made with the limit, and is resized by nobody else.
class MemoryShare {
 public:
  MemoryShare(Cache& cache, std::uint64_t limit_bytes) : cache_(cache), limit_bytes_(limit_bytes) {}

  // Both may evict for a while, step by step.
  void set_limit(std::uint64_t limit_bytes);
  // What the others take now. Little changes are not passed on, and a quarter of the limit stays the cache's.
  void others_take(std::uint64_t bytes);

 private:
  void apply();

  Cache& cache_;
  std::uint64_t limit_bytes_;
  std::uint64_t others_bytes_ = 0;  // as applied
};

}  // namespace pgweir::cache
