#include "cache/entry.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "base/check.h"

namespace pgweir::cache {

static_assert(sizeof(Entry) % alignof(Dependency) == 0, "dependencies follow the header");

std::uint64_t Entry::bytes_of(std::span<const std::string_view> parts) {
  std::uint64_t bytes = 0;
  for (const std::string_view part : parts) bytes += part.size();
  return bytes;
}

std::uint64_t Entry::charge_of(std::uint64_t bytes, std::size_t dependencies) {
  return allocation_bytes(sizeof(Entry) + dependencies * sizeof(Dependency) + bytes);
}

Entry::Entry(const Content& content, std::uint64_t size, MemoryAccount& account)
    : size_(static_cast<std::uint32_t>(size)),
      key_(content.key),
      asked_at_(content.asked_at),
      expires_at_(content.expires_at),
      account_(&account),
      mark_(content.mark),
      dependencies_(static_cast<std::uint32_t>(content.dependencies.size())) {
  charge_bytes = static_cast<std::uint32_t>(content.charge);
  cost = content.cost;
}

EntryRef Entry::make(const Content& content, MemoryAccount& account) {
  const auto parts = content.stores_bytes ? content.parts : std::span<const std::string_view>();
  const std::uint64_t size = bytes_of(parts);
  const std::size_t count = content.dependencies.size();
  CHECK(size <= kBytesMax && count <= kDependenciesMax);
  void* memory = std::malloc(sizeof(Entry) + count * sizeof(Dependency) + size);
  if (memory == nullptr) return {};
  auto* entry = new (memory) Entry(content, size, account);
  auto* dependencies = reinterpret_cast<Dependency*>(entry + 1);
  std::uninitialized_copy(content.dependencies.begin(), content.dependencies.end(), dependencies);
  char* tail = reinterpret_cast<char*>(dependencies + count);
  for (const std::string_view part : parts) tail = std::copy(part.begin(), part.end(), tail);
  return EntryRef::adopt(entry);
}

void Entry::free() {
  MemoryAccount& account = *account_;
  const std::uint64_t charge = charge_bytes;
  this->~Entry();
  std::free(this);
  account.subtract(charge);
}

}  // namespace pgweir::cache
