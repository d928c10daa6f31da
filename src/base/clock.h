// Time is injected: code that needs it takes a Clock&, tests turn a ManualClock by hand.
#pragma once

#include <atomic>
#include <cstdint>

namespace pgweir::base {

using Nanos = std::int64_t;  // a duration, or a point on the monotonic clock

inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic; the origin is unspecified.
  virtual Nanos now() const = 0;
  // Since the Unix epoch; may jump.
  virtual Nanos wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Nanos now() const override;
  Nanos wall() const override;
};

// now(): the CPU time that the calling thread has taken.
class ThreadCpuClock final : public Clock {
 public:
  Nanos now() const override;
  Nanos wall() const override;
};

class ManualClock final : public Clock {
 public:
  Nanos now() const override { return now_.load(std::memory_order_relaxed); }
  Nanos wall() const override { return now(); }
  void advance(Nanos by) { now_.fetch_add(by, std::memory_order_relaxed); }

 private:
  std::atomic<Nanos> now_{kSecond};
};

}  // namespace pgweir::base
