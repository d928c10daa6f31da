#include "cache/memory_share.h"

#include <algorithm>

namespace pgweir::cache {

void MemoryShare::set_limit(std::uint64_t limit_bytes) {
  limit_bytes_ = limit_bytes;
  apply();
}

void MemoryShare::others_take(std::uint64_t bytes) {
  const std::uint64_t little = std::min<std::uint64_t>(1 << 20, limit_bytes_ / 64);
  const std::uint64_t change = bytes > others_bytes_ ? bytes - others_bytes_ : others_bytes_ - bytes;
  if (change < little) return;
  others_bytes_ = bytes;
  apply();
}

void MemoryShare::apply() {
  cache_.set_memory_bytes(limit_bytes_ - std::min(others_bytes_, limit_bytes_ / 4 * 3));
}

}  // namespace pgweir::cache
