// An open-addressing table from Key to objects that know their own key. Linear probing, deletion by
// shifting back (no tombstones), power-of-two capacity at most three quarters full. Growth is the
// caller's decision, so that memory is made room for before it is taken.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/check.h"
#include "cache/entry.h"
#include "cache/memory.h"

namespace pgweir::cache {

// T has `const Key& key() const`. Owns no T. One thread at a time (the shard's lock).
template <class T>
class KeyTable {
 public:
  static constexpr std::size_t kCapacityMin = 16;

  T* find(const Key& key) const {
    if (size_ == 0) return nullptr;
    for (std::size_t i = home(key.hi);; i = next(i)) {
      const Bucket& bucket = buckets_[i];
      if (bucket.item == nullptr) return nullptr;
      if (bucket.tag == key.hi && bucket.item->key() == key) return bucket.item;
    }
  }
  bool is_full() const { return (size_ + 1) * 4 > capacity_ * 3; }
  std::size_t next_capacity() const { return std::max(kCapacityMin, capacity_ * 2); }
  static std::uint64_t bytes_for(std::size_t capacity) {
    return capacity == 0 ? 0 : allocation_bytes(capacity * sizeof(Bucket));
  }

  // REQUIRES: the key is not in the table, and the table is not full.
  void insert(T& item) {
    CHECK(!is_full());
    place(item);
    ++size_;
  }
  // REQUIRES: the item is in the table.
  void erase(const T& item) {
    std::size_t hole = home(item.key().hi);
    while (buckets_[hole].item != &item) {
      CHECK(buckets_[hole].item != nullptr);
      hole = next(hole);
    }
    for (std::size_t i = next(hole); buckets_[i].item != nullptr; i = next(i)) {
      // An item may fill the hole unless its home lies behind the hole.
      if (((i - home(buckets_[i].tag)) & mask()) >= ((i - hole) & mask())) {
        buckets_[hole] = buckets_[i];
        hole = i;
      }
    }
    buckets_[hole] = {};
    --size_;
  }
  void grow() {
    const std::size_t old_capacity = capacity_;
    capacity_ = next_capacity();
    auto old = std::exchange(buckets_, std::make_unique<Bucket[]>(capacity_));
    for (std::size_t i = 0; i < old_capacity; ++i) {
      if (old[i].item != nullptr) place(*old[i].item);
    }
  }

  std::size_t home_of(const Key& key) const { return home(key.hi); }
  // Calls visit(item) for each item whose home is in [begin, end). REQUIRES: visit changes nothing here.
  template <class Visit>
  void visit_homes(std::size_t begin, std::size_t end, Visit&& visit) const {
    for (std::size_t i = begin, seen = 0; seen < capacity_; i = next(i), ++seen) {
      const Bucket& bucket = buckets_[i];
      if (bucket.item == nullptr) {
        if (seen + begin >= end - 1) return;
        continue;
      }
      if (const std::size_t at = home(bucket.tag); at >= begin && at < end) visit(*bucket.item);
    }
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }

 private:
  struct Bucket {
    std::uint64_t tag = 0;  // key.hi, so that a foreign key rarely costs a look at the item
    T* item = nullptr;
  };

  std::size_t mask() const { return capacity_ - 1; }
  std::size_t home(std::uint64_t tag) const { return static_cast<std::size_t>(tag) & mask(); }
  std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  void place(T& item) {
    std::size_t i = home(item.key().hi);
    while (buckets_[i].item != nullptr) i = next(i);
    buckets_[i] = {item.key().hi, &item};
  }

  std::unique_ptr<Bucket[]> buckets_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

}  // namespace pgweir::cache
