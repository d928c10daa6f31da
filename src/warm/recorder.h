// Keeps the list of statements that are worth asking again: collects what workers sample, and keeps the file
// up to date.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "warm/ranking.h"
#include "warm/samples.h"

namespace pgweir::warm {

struct RecorderConfig {
  std::string user;                                     // whose statements
  std::string path;                                     // of the file
  std::uint64_t bytes_max = RankingLimits{}.bytes_max;  // of the list in memory
  bool records = false;                                 // else the list stays as load() has found it
  base::HashSecret secret;
};

class Recorder {
 public:
  Recorder(RecorderConfig config, const base::Clock& clock);

  // Reads the file, once, before all else. kInvalid: it is of no use, and will be replaced. kUnavailable: it
  // must not or cannot be used: it stays as it is, and nothing is recorded.
  base::Result<void> load();
  // What a worker samples into; lives as long as this. Null: nothing is recorded. Before the workers run.
  Samples* add_worker();

  // Some ten times a second, on one thread.
  void collect();
  // Any thread.
  bool is_save_due() const;
  // Writes the file, if there is anything new. May block for as long as the disk does. One thread at a time.
  base::Result<void> save();

  // Any thread, and below.
  List list() const;
  std::uint64_t statements() const { return statements_.load(std::memory_order_relaxed); }
  std::uint64_t memory_bytes() const;
  bool records() const { return records_; }

  static constexpr base::Nanos kSaveInterval = 300 * base::kSecond;

 private:
  const RecorderConfig config_;
  const base::Clock& clock_;
  bool records_;
  std::vector<std::unique_ptr<Samples>> samples_;
  std::atomic<std::uint64_t> statements_{0};
  std::atomic<std::uint64_t> bytes_{0};
  mutable std::mutex mutex_;
  Ranking ranking_;      // guarded by mutex_
  bool is_new_ = false;  // guarded by mutex_; something is not in the file
  base::Nanos aged_at_;  // guarded by mutex_
  std::atomic<base::Nanos> saved_at_;
};

}  // namespace pgweir::warm
