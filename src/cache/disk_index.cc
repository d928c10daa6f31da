#include "cache/disk_index.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pgweir::cache::disk {

static_assert(kTagBits == 32 + 8, "a table for each value of the first eight bits");

Index::Bucket* Index::Table::find(std::uint64_t tag) const {
  if (size == 0) return nullptr;
  for (std::size_t i = home(tag); buckets[i].position != 0; i = next(i))
    if (buckets[i].tag == tag) return &buckets[i];
  return nullptr;
}

void Index::Table::place(const Bucket& bucket) {
  std::size_t i = home(bucket.tag);
  while (buckets[i].position != 0) i = next(i);
  buckets[i] = bucket;
}

// Shifts back, so that nothing marks what was here.
void Index::Table::erase(std::size_t hole) {
  for (std::size_t i = next(hole); buckets[i].position != 0; i = next(i)) {
    if (distance(home(buckets[i].tag), i) >= distance(hole, i)) {
      buckets[hole] = buckets[i];
      hole = i;
    }
  }
  buckets[hole] = {};
  --size;
}

void Index::grow(Table& table) {
  const std::uint32_t before = table.capacity;
  table.capacity = std::max<std::uint32_t>(kCapacityMin, before + before / 4);
  auto old = std::exchange(table.buckets, std::make_unique<Bucket[]>(table.capacity));
  for (std::uint32_t i = 0; i < before; ++i)
    if (old[i].position != 0) table.place(old[i]);
  bytes_ += allocation_bytes(table.capacity * sizeof(Bucket));
  if (before != 0) bytes_ -= allocation_bytes(before * sizeof(Bucket));
}

void Index::put(Tag tag, const Item& item) {
  CHECK(item.position != 0 && item.position <= kPositionMax && item.length <= kLengthMax);
  const Bucket bucket{.tag = low(tag),
                      .length = item.length / kUnit,
                      .position = item.position / kUnit,
                      .expires = std::min(item.expires, kTickMax),
                      .is_hit = item.is_hit ? 1U : 0U,
                      .is_void = item.is_void ? 1U : 0U};
  Table& table = table_of(tag);
  if (Bucket* old = table.find(low(tag))) {
    *old = bucket;
    return;
  }
  if ((table.size + 1) * 8 > table.capacity * 7) grow(table);
  table.place(bucket);
  ++table.size;
  ++size_;
}

std::optional<Index::Item> Index::find(Tag tag) const {
  const Bucket* bucket = table_of(tag).find(low(tag));
  if (bucket == nullptr) return std::nullopt;
  return Item{.position = bucket->position * kUnit,
              .length = static_cast<std::uint32_t>(bucket->length * kUnit),
              .expires = static_cast<std::uint32_t>(bucket->expires),
              .is_hit = bucket->is_hit != 0,
              .is_void = bucket->is_void != 0};
}

void Index::touch(Tag tag) {
  Bucket* bucket = table_of(tag).find(low(tag));
  CHECK(bucket != nullptr);
  bucket->is_hit = 1;
}

bool Index::erase(Tag tag, const Bucket* bucket) {
  if (bucket == nullptr) return false;
  Table& table = table_of(tag);
  table.erase(static_cast<std::size_t>(bucket - table.buckets.get()));
  --size_;
  return true;
}

bool Index::erase(Tag tag) { return erase(tag, table_of(tag).find(low(tag))); }

bool Index::erase(Tag tag, std::uint64_t position) {
  const Bucket* bucket = table_of(tag).find(low(tag));
  if (bucket != nullptr && bucket->position * kUnit != position) return false;
  return erase(tag, bucket);
}

std::size_t Index::erase_range(std::size_t number, std::uint64_t begin, std::uint64_t end) {
  const std::size_t before = size_;
  Table& table = tables_[number];
  for (std::size_t i = 0; i < table.capacity;) {
    const std::uint64_t position = table.buckets[i].position * kUnit;
    if (position >= begin && position < end && position != 0) {
      table.erase(i);  // another may have taken its place: look again
      --size_;
    } else {
      ++i;
    }
  }
  return before - size_;
}

void Index::clear() {
  tables_ = {};
  size_ = 0;
  bytes_ = 0;
}

}  // namespace pgweir::cache::disk
