// Brings what will be read soon from memory.
#pragma once

namespace pgweir::cache {

// The address may be anything. GCC takes a function that only prefetches for one that does nothing, and drops
// the calls of it: hence the statement that it must keep.
[[gnu::always_inline]] inline void fetch_early(const void* memory) {
  __builtin_prefetch(memory);
  asm volatile("" : : "r"(memory));
}

}  // namespace pgweir::cache
