// Finds what has expired without looking at what has not: for each block of 64 homes in a KeyTable the time
// before which nothing in it expires. Four bytes for each block; nothing is moved when an entry leaves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "cache/page_array.h"

namespace pgweir::cache {

// One thread at a time (the shard's lock).
class ExpiryMap {
 public:
  static constexpr std::size_t kBlock = 64;  // homes
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  static std::uint64_t bytes_for(std::size_t capacity) {
    return PageArray<Tick>::bytes_for(blocks_for(capacity));
  }
  // For a table of this many homes from now on. What had its home at h of H has it at h' of H', where
  // h / H = h' / H' but for rounding, so a new block may be told the time of a neighbour: too early, not too
  // late.
  void resize(std::size_t capacity) {
    PageArray<Tick> old(blocks_for(capacity));
    std::swap(old, earliest_);
    std::fill_n(earliest_.data(), earliest_.size(), kNever);
    for (std::size_t i = 0; i < old.size(); ++i) {
      if (old[i] == kNever) continue;
      const std::size_t begin = i * kBlock * capacity / capacity_,
                        end = (i + 1) * kBlock * capacity / capacity_ + 1;
      for (std::size_t at = begin / kBlock; at <= end / kBlock && at < earliest_.size(); ++at)
        earliest_[at] = std::min(earliest_[at], old[i]);
    }
    capacity_ = capacity;
  }
  void add(std::size_t home, base::Nanos expires_at) {
    const Tick tick = tick_of(expires_at) + 1;
    Tick& block = earliest_[home / kBlock];
    block = std::min(block, tick);
    earliest_of_all_ = std::min(earliest_of_all_, tick);
  }
  // Whether find() is worth the while.
  bool may_have_expired(base::Nanos now) const { return tick_of(now) >= earliest_of_all_; }
  // A block in which something may have expired, or kNone. It is to be cleared, looked through, and what has
  // not expired to be added again. Something that has expired within the last tick may be missed.
  std::size_t find(base::Nanos now) {
    const Tick tick = tick_of(now);
    if (tick < earliest_of_all_) return kNone;
    Tick least = kNever;
    for (std::size_t i = 0; i < earliest_.size(); ++i) {
      if (earliest_[i] <= tick) return i;
      least = std::min(least, earliest_[i]);
    }
    earliest_of_all_ = least;
    return kNone;
  }
  void clear(std::size_t block) { earliest_[block] = kNever; }

 private:
  using Tick = std::uint32_t;  // 2^26 ns, a fifteenth of a second: for nine years
  static constexpr unsigned kTickLog2 = 26;
  static constexpr Tick kNever = std::numeric_limits<Tick>::max();

  static std::size_t blocks_for(std::size_t capacity) { return (capacity + kBlock - 1) / kBlock; }
  static Tick tick_of(base::Nanos time) {
    const auto ticks = static_cast<std::uint64_t>(std::max<base::Nanos>(time, 0)) >> kTickLog2;
    return static_cast<Tick>(std::min<std::uint64_t>(ticks, kNever - 2));
  }

  PageArray<Tick> earliest_;
  std::size_t capacity_ = 0;
  Tick earliest_of_all_ = kNever;
};

}  // namespace pgweir::cache
