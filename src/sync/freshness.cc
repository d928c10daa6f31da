#include "sync/freshness.h"

#include <utility>

namespace pgweir::sync {

const char* state_name(StreamState state) {
  switch (state) {
    case StreamState::kConnecting:
      return "connecting";
    case StreamState::kFollowing:
      return "following";
    case StreamState::kLost:
      return "lost";
    case StreamState::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

Freshness::Report Freshness::report() const {
  std::lock_guard lock(mutex_);
  return report_;
}

void Freshness::set_state(StreamState state, std::string reason) {
  std::lock_guard lock(mutex_);
  if (state != StreamState::kFollowing) fresh_until_.store(0, std::memory_order_release);
  if (report_.state == StreamState::kFollowing && state != StreamState::kFollowing) ++report_.losses;
  report_.state = state;
  report_.reason = std::move(reason);
}

void Freshness::applied(base::Nanos applied_at, base::Nanos lag_max, std::uint64_t lag_bytes) {
  std::lock_guard lock(mutex_);
  report_.applied_at = applied_at;
  report_.lag_bytes = lag_bytes;
  if (report_.state == StreamState::kFollowing)
    fresh_until_.store(applied_at + lag_max, std::memory_order_release);
}

void Freshness::set_slot(std::string slot, bool goes_on) {
  std::lock_guard lock(mutex_);
  report_.slot = std::move(slot);
  report_.resumptions += goes_on ? 1 : 0;
}

void Freshness::count(std::uint64_t transactions, std::uint64_t changes) {
  std::lock_guard lock(mutex_);
  report_.transactions += transactions;
  report_.changes += changes;
}

}  // namespace pgweir::sync
