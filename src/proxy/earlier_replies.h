// Whether what earlier processes have kept of a database's replies may still answer, as far as definitions
// and privileges go: rules may accept that rows are old, but never that. Told by the change stream if it goes
// on from where it ended, else by the fingerprint of the system catalogs. If they differ everything has
// moved.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/hash.h"
#include "cache/kept_generations.h"
#include "sync/database_slots.h"

namespace pgweir::proxy {

// One database's. Any thread.
class EarlierReplies {
 public:
  // words: null if nothing outlives a process, so that there are none. stream_decides: decide() will be
  // called.
  EarlierReplies(const sync::DatabaseSlots& slots, cache::KeptWords* words, bool stream_decides)
      : slots_(slots), words_(words), is_decided_(words == nullptr || !stream_decides) {}

  // Until it is, nothing is to be answered.
  bool is_decided() const { return is_decided_.load(std::memory_order_acquire); }
  // Only the first time counts. is_told: the stream tells of all that has changed since they were kept.
  void decide(bool is_told);
  // A catalog with this fingerprint has been read. Before anybody judges by it, and, if it is not the first,
  // once everything has moved.
  void read(std::string_view fingerprint);

 private:
  void compare();

  const sync::DatabaseSlots slots_;
  cache::KeptWords* const words_;
  std::atomic<bool> is_decided_;
  std::mutex mutex_;
  bool is_compared_ = false;       // guarded by mutex_
  bool is_told_ = false;           // likewise
  std::uint64_t fingerprint_ = 0;  // of the last catalog read; likewise
};

}  // namespace pgweir::proxy
