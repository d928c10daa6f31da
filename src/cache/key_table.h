// An open-addressing table from Key to the number of what knows its own key. Linear probing, deletion by
// shifting back (no tombstones), at most three quarters full. A bucket has 32 bits of the key besides the
// number: enough to find its home in a table of any size, and to tell nearly all foreign keys without a look
// at what they belong to. Growth is the caller's decision, so that memory is made room for before it is
// taken.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/hash.h"
#include "cache/page_array.h"
#include "cache/prefetch.h"

namespace pgweir::cache {

// Owns nothing that it finds. `Items` has `const base::Hash128& key_of(std::uint32_t number) const` for every
// number in the table, never 0. One thread at a time (the shard's lock).
template <class Items>
class KeyTable {
 public:
  using Key = base::Hash128;
  static constexpr std::size_t kCapacityMin = 16;

  explicit KeyTable(const Items& items) : items_(items) {}

  // 0 if there is none.
  std::uint32_t find(const Key& key) const {
    if (size_ == 0) return 0;
    const std::uint32_t tag = tag_of(key);
    for (std::size_t i = home(tag);; i = next(i)) {
      const Bucket& bucket = buckets_[i];
      if (bucket.number == 0) return 0;
      if (bucket.tag == tag && items_.key_of(bucket.number) == key) return bucket.number;
    }
  }
  // Brings the bucket that find() begins with, or (once that has come) what it will most likely find.
  void prefetch(const Key& key) const { fetch_early(buckets_.data() + home(tag_of(key))); }
  // False: nothing.
  bool prefetch_item(const Key& key) const {
    if (size_ == 0) return false;
    const std::uint32_t tag = tag_of(key);
    for (std::size_t i = home(tag); buckets_[i].number != 0; i = next(i)) {
      if (buckets_[i].tag != tag) continue;
      items_.prefetch(buckets_[i].number);
      return true;
    }
    return false;
  }
  bool is_full() const { return size_ >= items_max_; }
  static std::size_t items_max(std::size_t capacity) { return capacity / 4 * 3; }
  // A quarter more.
  std::size_t next_capacity() const { return capacity_for(items_max(capacity()) + 1); }
  // For as many items and a quarter more.
  static std::size_t capacity_for(std::size_t items) {
    return std::max(kCapacityMin, (items * 5 / 3 + kCapacityMin) / kCapacityMin * kCapacityMin);
  }
  static std::uint64_t bytes_for(std::size_t capacity) { return PageArray<Bucket>::bytes_for(capacity); }

  // REQUIRES: the key is not in the table, and the table is not full.
  void insert(const Key& key, std::uint32_t number) {
    CHECK(!is_full());
    place({tag_of(key), number});
    ++size_;
  }
  // REQUIRES: it is in the table, here and in replace().
  void erase(const Key& key, std::uint32_t number) {
    std::size_t hole = find_bucket(key, number);
    for (std::size_t i = next(hole); buckets_[i].number != 0; i = next(i)) {
      // An item may fill the hole unless its home lies behind the hole.
      const std::size_t at = home(buckets_[i].tag);
      const bool is_behind = hole < i ? hole < at && at <= i : hole < at || at <= i;
      if (is_behind) continue;
      buckets_[hole] = buckets_[i];
      hole = i;
    }
    buckets_[hole] = {};
    --size_;
  }
  void replace(const Key& key, std::uint32_t from, std::uint32_t to) {
    buckets_[find_bucket(key, from)].number = to;
  }
  // REQUIRES: a capacity that is not too small.
  void resize(std::size_t capacity) {
    CHECK(size_ <= items_max(capacity));
    items_max_ = items_max(capacity);
    PageArray<Bucket> old(capacity);
    old.prefer_huge_pages();
    std::swap(old, buckets_);
    for (std::size_t i = 0; i < old.size(); ++i)
      if (old[i].number != 0) place(old[i]);
  }

  std::size_t home_of(const Key& key) const { return home(tag_of(key)); }
  // Calls visit(number) for each item whose home is in [begin, end). REQUIRES: visit changes nothing here.
  template <class Visit>
  void visit_homes(std::size_t begin, std::size_t end, Visit&& visit) const {
    for (std::size_t i = begin, seen = 0; seen < capacity(); i = next(i), ++seen) {
      const Bucket& bucket = buckets_[i];
      if (bucket.number == 0) {
        if (seen + begin >= end - 1) return;
        continue;
      }
      if (const std::size_t at = home(bucket.tag); at >= begin && at < end) visit(bucket.number);
    }
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return buckets_.size(); }

 private:
  struct Bucket {
    std::uint32_t tag = 0;
    std::uint32_t number = 0;
  };

  static std::uint32_t tag_of(const Key& key) { return static_cast<std::uint32_t>(key.hi); }
  // Tags are spread evenly, so homes need no power of two; and in order, so a resize reads and writes in
  // order.
  std::size_t home(std::uint32_t tag) const { return std::uint64_t{tag} * capacity() >> 32; }
  std::size_t next(std::size_t i) const { return i + 1 == capacity() ? 0 : i + 1; }
  std::size_t find_bucket(const Key& key, std::uint32_t number) const {
    std::size_t i = home(tag_of(key));
    for (; buckets_[i].number != number; i = next(i)) CHECK(buckets_[i].number != 0);
    return i;
  }
  void place(const Bucket& bucket) {
    std::size_t i = home(bucket.tag);
    while (buckets_[i].number != 0) i = next(i);
    buckets_[i] = bucket;
  }

  const Items& items_;
  PageArray<Bucket> buckets_;
  std::size_t size_ = 0;
  std::size_t items_max_ = 0;
};

}  // namespace pgweir::cache
