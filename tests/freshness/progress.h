// What all threads share about the run: how far it is, what went wrong, and when to stop. Writers and
// faults are paced by the number of reads, so the mixture does not depend on the machine.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

namespace pgweir::freshness {

// Any thread.
class Progress {
 public:
  Progress(std::uint64_t reads_wanted, std::uint64_t violations_max);

  // Since the start.
  base::Nanos now() const { return clock_.now() - started_at_; }

  void read_checked();
  std::uint64_t reads() const { return reads_.load(std::memory_order_relaxed); }
  // pgweir compares catalogs after each write that runs code, answers nothing from its cache until it has,
  // and does it only so often. So such writes keep a distance, but for the last part of a run.
  bool is_storm() const { return reads() >= reads_wanted_ / 32 * 31; }
  // Until so many reads have been checked. False: the run is over.
  bool wait_for_reads(std::uint64_t reads);
  // The run is over: all reads done, too many violations, or stopped.
  bool is_over() const { return is_over_.load(std::memory_order_relaxed); }
  void stop();
  // Until the run is over. False: no read was checked for so long.
  bool wait_until_over(base::Nanos silence_max);

  // The first are printed, with evidence; all are counted.
  void violation(const std::string& text);
  std::uint64_t violations() const { return violations_.load(); }

  // For the evidence of violations.
  void fault(const std::string& what);
  std::string last_fault() const;

  struct Totals {
    std::atomic<std::uint64_t> writes_acknowledged{0}, writes_rolled_back{0}, writes_unknown{0};
    std::atomic<std::uint64_t> reads_failed{0}, sessions_lost{0}, faults{0}, refusals_checked{0};
  };
  Totals totals;

 private:
  const base::SystemClock clock_;
  const base::Nanos started_at_;
  const std::uint64_t reads_wanted_;
  const std::uint64_t violations_max_;
  std::atomic<std::uint64_t> reads_{0};
  std::atomic<std::uint64_t> violations_{0};
  std::atomic<bool> is_over_{false};
  mutable std::mutex mutex_;
  std::string last_fault_;         // guarded by mutex_
  base::Nanos last_fault_at_ = 0;  // guarded by mutex_
  std::condition_variable moved_;
};

}  // namespace pgweir::freshness
