#include "cache/disk_breaker.h"

#include <algorithm>

#include "base/check.h"

namespace pgweir::cache {

bool DiskBreaker::is_stalled(base::Nanos now) const {
  return std::any_of(calls_.begin(), calls_.end(), [&](const Call& call) {
    const base::Nanos limit = call.kind == Kind::kRead ? config_.stall : config_.slow_write;
    return call.began_at != kIdle && now - call.began_at >= limit;
  });
}

bool DiskBreaker::allows() const {
  const base::Nanos now = clock_.now();
  const std::lock_guard lock(mutex_);
  return state_ == State::kClosed && !is_stalled(now);
}

bool DiskBreaker::wants_probe() {
  const base::Nanos now = clock_.now();
  const std::lock_guard lock(mutex_);
  if (state_ != State::kOpen || now < probe_at_ || is_stalled(now)) return false;
  state_ = State::kHalfOpen;
  return true;
}

void DiskBreaker::begin(std::size_t caller, Kind kind) {
  const base::Nanos now = clock_.now();
  const std::lock_guard lock(mutex_);
  CHECK(caller < kCallers && calls_[caller].began_at == kIdle);
  calls_[caller] = {.began_at = now, .kind = kind};
}

base::Nanos DiskBreaker::end(std::size_t caller, bool succeeded) {
  const base::Nanos now = clock_.now();
  const std::lock_guard lock(mutex_);
  CHECK(caller < kCallers && calls_[caller].began_at != kIdle);
  const Call call = calls_[caller];
  calls_[caller] = {};
  const base::Nanos took = now - call.began_at;
  const bool is_read = call.kind == Kind::kRead;
  if (took >= (is_read ? config_.slow_read : config_.slow_write)) {
    ++(is_read ? stats_.slow_reads : stats_.slow_writes);
    succeeded = false;
  }
  if (state_ == State::kOpen) return took;  // began before it was opened
  if (!succeeded) {
    score_ += 1;
    if (state_ == State::kHalfOpen || score_ >= config_.failures_max) open(now);
    return took;
  }
  score_ = std::max(0.0, score_ - config_.forgiven);
  if (state_ == State::kHalfOpen) {
    state_ = State::kClosed;
    score_ = 0;
  } else if (score_ == 0) {
    pause_ = 0;
  }
  return took;
}

void DiskBreaker::open() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kOpen) open(clock_.now());
}

void DiskBreaker::open(base::Nanos now) {
  if (state_ == State::kClosed) ++stats_.opened;
  state_ = State::kOpen;
  score_ = 0;
  pause_ = std::clamp(2 * pause_, config_.pause_min, config_.pause_max);
  probe_at_ = now + pause_;
}

DiskBreakerStats DiskBreaker::stats() const {
  const base::Nanos now = clock_.now();
  const std::lock_guard lock(mutex_);
  DiskBreakerStats stats = stats_;
  stats.is_stalled = is_stalled(now);
  stats.is_closed = state_ == State::kClosed;
  return stats;
}

}  // namespace pgweir::cache
