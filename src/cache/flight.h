// A fill in progress. Lives in its shard's table from the miss to the end of the fill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "cache/entry.h"
#include "cache/fill.h"
#include "cache/memory.h"

namespace pgweir::cache {

// Only `waiters` changes after the start, under the shard's lock.
struct Flight {
  Flight(const Key& key, std::uint64_t at_epoch, base::Nanos now)
      : epoch(at_epoch), started_at(now), key_(key) {}

  const Key& key() const { return key_; }
  std::uint64_t bytes() const { return bytes_for(waiters.capacity()); }
  static std::uint64_t bytes_for(std::size_t waiters_capacity) {
    const std::uint64_t places =
        waiters_capacity == 0 ? 0 : allocation_bytes(waiters_capacity * sizeof(std::shared_ptr<Waiter>));
    return allocation_bytes(sizeof(Flight)) + places;
  }

  const std::uint64_t epoch;  // the shard's, so that invalidate_all() reaches what is in flight
  const base::Nanos started_at;
  std::vector<std::shared_ptr<Waiter>> waiters;

 private:
  const Key key_;
};

}  // namespace pgweir::cache
