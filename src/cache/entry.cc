#include "cache/entry.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "base/check.h"
#include "cache/slabs.h"

namespace pgweir::cache {

std::uint64_t Entry::bytes_of(std::span<const std::string_view> parts) {
  std::uint64_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size();
  return bytes;
}

std::size_t Entry::size_for(const Content& content, std::uint64_t bytes) {
  CHECK(bytes <= kBytesMax && content.dependencies.size() <= kDependenciesMax);
  return kHeaderBytes + (content.mark != 0 ? sizeof(std::uint64_t) : 0) +
         content.dependencies.size() * sizeof(PackedDependency) + bytes;
}

// Rounded up, so that the entry never seems younger than it is.
std::uint32_t Entry::packed_life(base::Nanos life) {
  const auto bits =
      static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(std::max<base::Nanos>(life, 0))));
  unsigned shift = bits > kLifeBits ? bits - kLifeBits : 0;
  std::uint64_t mantissa = (static_cast<std::uint64_t>(life) + (std::uint64_t{1} << shift) - 1) >> shift;
  if (mantissa >> kLifeBits != 0) {
    mantissa >>= 1;
    ++shift;
  }
  return static_cast<std::uint32_t>(mantissa | std::uint64_t{shift} << kLifeBits);
}

Entry::Entry(const Content& content, std::uint64_t bytes, std::uint64_t charge)
    : dependencies_(static_cast<std::uint8_t>(content.dependencies.size())),
      bytes_(static_cast<std::uint32_t>(bytes) | (content.mark != 0 ? kHasMark : 0)),
      life_(packed_life(content.expires_at - content.asked_at)),
      key_(content.key),
      expires_at_(content.expires_at) {
  static_assert(sizeof(Entry) == kHeaderBytes);
  static_assert(kHeaderBytes % alignof(PackedDependency) == 0 && alignof(Entry) <= Slabs::kAlign);
  charge_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(charge, UINT32_MAX));
  cost = static_cast<float>(content.cost);
}

Entry& Entry::construct(std::byte* memory, const Content& content, std::uint64_t charge,
                        const Generations& generations) {
  auto* entry = new (memory) Entry(content, content.stores_bytes ? content.bytes : 0, charge);
  if (content.mark != 0) std::memcpy(entry->tail(), &content.mark, sizeof(content.mark));
  PackedDependency* dependency = entry->dependency_data();
  for (const Dependency& one : content.dependencies) *dependency++ = generations.pack(one);
  return *entry;
}

void Entry::write_bytes(std::span<const std::string_view> parts) {
  if (stored_bytes() == 0) return;
  char* out = reinterpret_cast<char*>(dependency_data() + dependencies_);
  for (const std::string_view part : parts) out = std::copy(part.begin(), part.end(), out);
}

Entry& Entry::move_to(std::byte* memory) {
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
