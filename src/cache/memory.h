// What the heap takes for an allocation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgweir::cache {

// Bytes that malloc(n) takes: its header and rounding, whole pages where it maps them. 128 KiB is the
// lowest value of its threshold for that, so large sizes err on the high side; 16 bytes more are taken
// where the rest of a free chunk would be too small to be one.
constexpr std::uint64_t allocation_bytes(std::size_t n) {
  constexpr std::size_t kHeader = 8, kAlign = 16, kMin = 32;
  constexpr std::size_t kMapped = 128 << 10, kPage = 4096;
  const std::size_t align = n >= kMapped ? kPage : kAlign;
  const std::size_t header = n >= kMapped ? 2 * kHeader : kHeader;
  const std::size_t rounded = (n + header + align - 1) / align * align;
  return rounded < kMin ? kMin : rounded;
}

}  // namespace pgweir::cache
