// How much may be written in any second and in any day. A window is cut into slices, and what was written in
// the slice that is half out of it still counts: the limit holds for every window, wherever it begins.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace pgweir::cache {

// One thread at a time.
class WindowBudget {
 public:
  // limit: 0: none.
  WindowBudget(base::Nanos window, std::size_t slices, std::uint64_t limit_bytes)
      : slice_(window / static_cast<base::Nanos>(slices)), limit_bytes_(limit_bytes), bytes_(slices + 1, 0) {}

  bool allows(std::uint64_t bytes, base::Nanos now) {
    advance(now);
    return limit_bytes_ == 0 || used_bytes_ + bytes <= limit_bytes_;
  }
  void add(std::uint64_t bytes, base::Nanos now) {
    advance(now);
    bytes_[static_cast<std::size_t>(current_) % bytes_.size()] += bytes;
    used_bytes_ += bytes;
  }
  // What was written so long ago, before this began to count.
  void add_earlier(std::uint64_t bytes, base::Nanos age, base::Nanos now) {
    advance(now);
    const std::int64_t slices = std::max<base::Nanos>(age, 0) / slice_;
    if (slices >= static_cast<std::int64_t>(bytes_.size())) return;
    bytes_[static_cast<std::size_t>(current_ + std::ssize(bytes_) - slices) % bytes_.size()] += bytes;
    used_bytes_ += bytes;
  }
  // In the window that ends now, at most.
  std::uint64_t used_bytes() const { return used_bytes_; }

 private:
  void advance(base::Nanos now) {
    const std::int64_t slice = now / slice_;
    const std::int64_t steps = std::min<std::int64_t>(slice - current_, std::ssize(bytes_));
    for (std::int64_t i = 0; i < steps; ++i) {
      auto& oldest = bytes_[static_cast<std::size_t>(slice - i) % bytes_.size()];
      used_bytes_ -= oldest;
      oldest = 0;
    }
    current_ = std::max(current_, slice);
  }

  base::Nanos slice_;
  std::uint64_t limit_bytes_;
  std::vector<std::uint64_t> bytes_;  // by slice
  std::int64_t current_ = 0;          // slice
  std::uint64_t used_bytes_ = 0;
};

// One thread at a time.
class WriteBudget {
 public:
  WriteBudget(std::uint64_t bytes_per_second, std::uint64_t bytes_per_day)
      : second_(base::kSecond, kSecondSlices, bytes_per_second), day_(kDay, kDaySlices, bytes_per_day) {}

  bool take(std::uint64_t bytes, base::Nanos now) {
    if (!second_.allows(bytes, now) || !day_.allows(bytes, now)) return false;
    second_.add(bytes, now);
    day_.add(bytes, now);
    return true;
  }
  void add_earlier(std::uint64_t bytes, base::Nanos age, base::Nanos now) {
    day_.add_earlier(bytes, age, now);
  }
  std::uint64_t day_used_bytes() const { return day_.used_bytes(); }

  static constexpr base::Nanos kDay = 24 * 3600 * base::kSecond;
  static constexpr std::size_t kSecondSlices = 20;
  static constexpr std::size_t kDaySlices = 24;

 private:
  WindowBudget second_;
  WindowBudget day_;
};

}  // namespace pgweir::cache
