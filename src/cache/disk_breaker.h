// Takes a device out of the path while it fails or is slow, and back once it answers again.
//
//   closed     used; failures fill a score that successes empty again
//   open       not used; after a pause, longer each time, one probe
//   half open  the probe is on its way
//
// Whoever is in a call for too long makes it count as stalled, whatever the state: nobody else is sent after
// it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace pgweir::cache {

struct DiskBreakerConfig {
  base::Nanos slow_read = 100 * base::kMillisecond;  // longer counts as a failure
  base::Nanos slow_write = 2 * base::kSecond;
  base::Nanos stall = base::kSecond / 2;
  double failures_max = 4;     // in a row, or nearly so
  double forgiven = 1.0 / 16;  // of a failure, by each success
  base::Nanos pause_min = base::kSecond;
  base::Nanos pause_max = 60 * base::kSecond;
};

struct DiskBreakerStats {
  bool is_closed = true;
  bool is_stalled = false;
  std::uint64_t opened = 0;
  std::uint64_t slow_reads = 0;
  std::uint64_t slow_writes = 0;
};

// Any thread.
class DiskBreaker {
 public:
  enum class Kind : std::uint8_t { kRead, kWrite };
  static constexpr std::size_t kCallers = 16;

  DiskBreaker(const DiskBreakerConfig& config, const base::Clock& clock) : config_(config), clock_(clock) {}

  // Whether the device is to be used.
  bool allows() const;
  // Whether it is time for a probe, which whoever is told so must make: begin(), then end().
  bool wants_probe();
  // A call begins. REQUIRES: caller < kCallers, in one call at a time.
  void begin(std::size_t caller, Kind kind);
  // How long it took.
  base::Nanos end(std::size_t caller, bool succeeded);
  // It cannot be used at all.
  void open();
  DiskBreakerStats stats() const;

 private:
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };
  static constexpr base::Nanos kIdle = -1;
  struct Call {
    base::Nanos began_at = kIdle;
    Kind kind = Kind::kRead;
  };

  bool is_stalled(base::Nanos now) const;
  void open(base::Nanos now);

  const DiskBreakerConfig config_;
  const base::Clock& clock_;
  mutable std::mutex mutex_;
  State state_ = State::kClosed;
  double score_ = 0;
  base::Nanos pause_ = 0;
  base::Nanos probe_at_ = 0;
  std::array<Call, kCallers> calls_;
  DiskBreakerStats stats_;
};

}  // namespace pgweir::cache
