// How far a database's change stream has been followed, for those who ask before every hit.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"

namespace pgweir::sync {

enum class StreamState : std::uint8_t {
  kConnecting,
  kFollowing,
  kLost,         // was followed, or could be; tried again by itself
  kUnavailable,  // the database is not set up for it; tried again now and then
};
const char* state_name(StreamState state);  // "connecting", "following", "lost", "unavailable"

// Any thread.
class Freshness {
 public:
  // Whether everything committed up to the allowed lag before `now` has been applied. One atomic load.
  bool is_fresh(base::Nanos now) const { return now < fresh_until_.load(std::memory_order_acquire); }

  struct Report {
    StreamState state = StreamState::kConnecting;
    std::string reason;          // of a state other than kFollowing, for people
    std::string slot;            // what there is to say of a permanent slot; empty: nothing
    base::Nanos applied_at = 0;  // all that was committed before has been applied; 0: nothing yet
    std::uint64_t lag_bytes = 0;
    std::uint64_t transactions = 0;
    std::uint64_t changes = 0;
    std::uint64_t losses = 0;
    std::uint64_t resumptions = 0;  // of streams that went on from where the last one ended
  };
  Report report() const;

  // For the follower. Every one but kFollowing ends freshness at once.
  void set_state(StreamState state, std::string reason);
  // All that was committed before `applied_at` has been applied.
  void applied(base::Nanos applied_at, base::Nanos lag_max, std::uint64_t lag_bytes);
  void set_slot(std::string slot, bool goes_on);
  void count(std::uint64_t transactions, std::uint64_t changes);

 private:
  std::atomic<base::Nanos> fresh_until_{0};
  mutable std::mutex mutex_;
  Report report_;  // guarded by mutex_
};

}  // namespace pgweir::sync
