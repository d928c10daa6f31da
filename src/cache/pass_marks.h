// Keys that are not worth a fill for a while: what came out uncacheable, and what a write is holding.
// Bounded, set-associative: under pressure the mark that ends first gives way, and its key is tried
// again early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "cache/entry.h"
#include "cache/generations.h"
#include "cache/memory.h"

namespace pgweir::cache {

// One thread at a time (the shard's lock).
class PassMarks {
 public:
  struct Mark {
    Key key;
    base::Nanos ends_at = 0;
    bool is_held = false;  // counts only while held_slot is held; else the key is uncacheable
    Slot held_slot = 0;
  };
  static constexpr std::size_t kWays = 4;

  // At most `capacity` marks: a power of two, at least kWays. Allocates nothing yet.
  explicit PassMarks(std::size_t capacity);

  bool is_allocated() const { return marks_ != nullptr; }
  void allocate();
  std::uint64_t bytes_allocated() const { return allocation_bytes(capacity_ * sizeof(Mark)); }

  // Null if there is none that still counts. Valid until the next non-const call.
  const Mark* find(const Key& key, base::Nanos now) const;
  // Replaces an older mark of the same key. REQUIRES: is_allocated().
  void put(const Mark& mark);
  void erase(const Key& key);
  void clear();

 private:
  Mark* set_of(const Key& key) const;

  std::size_t capacity_;
  std::unique_ptr<Mark[]> marks_;
};

}  // namespace pgweir::cache
