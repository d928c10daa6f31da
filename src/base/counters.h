// Counters and histograms that one thread writes and any thread reads. A FooStats struct holds
// them beside its Foo; observe/ only collects and prints.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/clock.h"

namespace pgweir::base {

// add() on one thread only (no locked instruction); get() on any thread.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Any thread adds.
class SharedCounter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// A level that goes up and down; any thread.
class Gauge {
 public:
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// A level that goes up and down; add() and remove() on one thread only, get() on any.
class Level {
 public:
  void add(std::uint64_t n) { value_.store(get() + n, std::memory_order_relaxed); }
  void remove(std::uint64_t n) { value_.store(get() - n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Part of a level for as long as this lives, on the level's thread. The level outlives it.
class Held {
 public:
  Held() = default;
  explicit Held(Level& level, std::uint64_t n = 0) : level_(&level) { set(n); }
  ~Held() { set(0); }
  Held(const Held& other) : level_(other.level_) { set(other.n_); }  // as much again
  Held(Held&& other) noexcept
      : level_(std::exchange(other.level_, nullptr)), n_(std::exchange(other.n_, 0)) {}
  Held& operator=(Held other) noexcept {
    std::swap(level_, other.level_);
    std::swap(n_, other.n_);
    return *this;
  }
  // Without a level nothing is counted.
  void set(std::uint64_t n) {
    if (level_ == nullptr || n == n_) return;
    level_->remove(n_);
    level_->add(n);
    n_ = n;
  }

 private:
  Level* level_ = nullptr;
  std::uint64_t n_ = 0;
};

// Durations in log-linear buckets: 8 per power of two from 1 us to 2^27 us (134 s), so a quantile
// is off by at most 1/8 of its value. record() on one thread only.
class Histogram {
 public:
  static constexpr std::size_t kSubBuckets = 8;
  static constexpr std::size_t kPowers = 28;
  static constexpr std::size_t kBuckets = kPowers * kSubBuckets;

  void record(Nanos duration, std::uint64_t times = 1) {
    buckets_[index_of(duration)].add(times);
    sum_.add(duration > 0 ? static_cast<std::uint64_t>(duration) * times : 0);
  }
  std::uint64_t bucket(std::size_t i) const { return buckets_[i].get(); }
  std::uint64_t sum_ns() const { return sum_.get(); }

  // The upper bound of bucket i, exclusive.
  static constexpr Nanos upper_bound(std::size_t i) {
    const std::size_t power = i / kSubBuckets, sub = i % kSubBuckets;
    const Nanos low = Nanos{1} << power;
    return (low * kMicrosecond) + (low * kMicrosecond * static_cast<Nanos>(sub + 1)) / Nanos{kSubBuckets};
  }
  static constexpr std::size_t index_of(Nanos duration) {
    if (duration < kMicrosecond) return 0;
    const auto us8 = static_cast<std::uint64_t>(duration) / (kMicrosecond / kSubBuckets);  // in 1/8 us
    const auto power = static_cast<std::size_t>(std::bit_width(us8)) - 4;
    if (power >= kPowers) return kBuckets - 1;
    return power * kSubBuckets + ((us8 >> power) & (kSubBuckets - 1));
  }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_;
};

}  // namespace pgweir::base
