// What all threads share about the run: how far it is, what went wrong, what was done, and when to stop.
// Writes, faults and changes of settings are paced by the number of reads, so the mixture does not depend on
// the machine.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace pgweir::freshness {

// How often each thing was done. Any thread.
class Tally {
 public:
  // Shown even if it is never done.
  void expect(std::string_view what) { add(what, 0); }
  void add(std::string_view what, std::uint64_t times = 1);
  std::uint64_t of(std::string_view what) const;
  // An object.
  std::string json() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> times_;  // guarded by mutex_
};

// What is to be done once in so many reads, whoever does it. Any thread.
class Pace {
 public:
  explicit Pace(std::uint64_t reads_each) : reads_each_(reads_each) {}
  bool is_due(std::uint64_t reads) const { return due_.load() <= reads; }
  // True: the caller is to do it.
  bool take(std::uint64_t reads) {
    std::uint64_t due = due_.load();
    return due <= reads && due_.compare_exchange_strong(due, reads + reads_each_);
  }

 private:
  const std::uint64_t reads_each_;
  std::atomic<std::uint64_t> due_{0};
};

// Any thread.
class Progress {
 public:
  Progress(std::uint64_t reads_wanted, std::uint64_t violations_max);

  // Since the start.
  base::Nanos now() const { return clock_.now() - started_at_; }

  void read_checked();
  std::uint64_t reads() const { return reads_.load(std::memory_order_relaxed); }
  // What may do anything costs all entries, or keeps them from being used for a while: writes that run code,
  // and search paths and roles of a transaction. Such things keep a distance, but for the last part of a run.
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

  // which: names the sort; whose: for the evidence of violations.
  void fault(std::string_view which, const std::string& whose);
  std::string last_fault() const;

  struct Totals {
    std::atomic<std::uint64_t> writes_acknowledged{0}, writes_rolled_back{0}, writes_unknown{0};
    std::atomic<std::uint64_t> reads_failed{0}, sessions_lost{0}, refusals_checked{0};
  };
  Totals totals;
  Tally writes, ways, faults;  // writes: the acknowledged ones, by name_of()

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
