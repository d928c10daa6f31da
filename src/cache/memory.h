// What a shard has allocated, as the allocator sees it.
#pragma once

#include <atomic>
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

// Any thread: entries may be freed outside the shard's lock by whoever drops the last reference.
class MemoryAccount {
 public:
  void add(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void subtract(std::uint64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace pgweir::cache
