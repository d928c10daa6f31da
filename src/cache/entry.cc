#include "cache/entry.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "cache/slabs.h"

namespace pgweir::cache {

std::uint64_t Entry::bytes_of(std::span<const std::string_view> parts) {
  std::uint64_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size();
  return bytes;
}

void Entry::write_bytes(std::span<const std::string_view> parts) {
  if (stored_bytes() == 0) return;
  char* out = reinterpret_cast<char*>(dependency_data() + dependencies_);
  for (const std::string_view part : parts) out = std::copy(part.begin(), part.end(), out);
}

Entry& Entry::move_to(std::byte* memory) {
  static_assert(sizeof(Entry) == kHeaderBytes);
  static_assert(kHeaderBytes % alignof(PackedDependency) == 0 && alignof(Entry) <= Slabs::kAlign);
  std::memcpy(memory, static_cast<const void*>(this), size());
  return *std::launder(reinterpret_cast<Entry*>(memory));
}

// The first page has the header, which the shard needs.
void FreedEntries::add(Entry& entry) {
  constexpr std::size_t kPage = PageSpace::kPageBytes;
  if (Slabs::is_paged(entry.size()))
    Slabs::discard(reinterpret_cast<std::byte*>(&entry) + kPage, entry.size() - kPage);
  const std::uint32_t number = nodes_.number_of(entry);
  entry.older = head_.load(std::memory_order_relaxed);
  while (!head_.compare_exchange_weak(entry.older, number, std::memory_order_release,
                                      std::memory_order_relaxed)) {
  }
}

}  // namespace pgweir::cache
