#include "warm/samples.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pgweir::warm {

// Exponentially distributed, so that what has come up before says nothing of what will: it never falls into
// step with the traffic.
void Samples::begin_next() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  constexpr double kRange = std::uint64_t{1} << 53;
  mean_ns_ = interval_ns_.load(std::memory_order_relaxed);
  left_ns_ = -std::log((static_cast<double>(random_ >> 11) + 1) / kRange) * mean_ns_;
}

void Samples::pass() {
  begin_next();
  const std::lock_guard lock(mutex_);
  ++tries_;
}

void Samples::add(const Seen& seen) {
  // Stands for all that have saved as much and did not come up.
  const double chance = mean_ns_ == 0 ? 1 : -std::expm1(-seen.saved_ns / mean_ns_);
  const double saved_ns = chance == 0 ? 0 : seen.saved_ns / chance;
  begin_next();
  const std::lock_guard lock(mutex_);
  ++tries_;
  if (seen.settings.session_user != user_ || seen.settings.current_user != user_) return;
  if (batch_.statements.size() >= kSamplesMax || bytes_ >= kBytesMax) return;
  const std::size_t types = seen.types != nullptr ? seen.types->size() : 0;
  if (seen.sql.size() + seen.bound.size() + types * sizeof(wire::Oid) > kStatementBytesMax) return;
  const auto known = std::ranges::find(contexts_, seen.context);
  const auto session = static_cast<std::size_t>(known - contexts_.begin());
  if (known == contexts_.end()) {
    SessionState state{std::string(seen.database), seen.settings.search_path, seen.settings.digest};
    if (state.bytes() > kSessionBytesMax) return;
    bytes_ += state.bytes();
    contexts_.push_back(seen.context);
    batch_.sessions.push_back(std::move(state));
  }
  Statement statement{
      .key = seen.key, .session = session, .saved_ns = saved_ns, .sql = std::string(seen.sql)};
  if (seen.types != nullptr) {
    statement.types = *seen.types;
    statement.bound = std::string(seen.bound);
    statement.describes = seen.describes;
  }
  bytes_ += statement.bytes();
  batch_.statements.push_back(std::move(statement));
}

Samples::Batch Samples::take() {
  const std::lock_guard lock(mutex_);
  const double interval = interval_ns_.load(std::memory_order_relaxed);
  const std::size_t taken = batch_.statements.size();
  if (taken >= kSamplesMax || bytes_ >= kBytesMax || tries_ >= kTriesMax) {
    interval_ns_.store(std::max(4 * interval, kIntervalMin), std::memory_order_relaxed);
  } else if (taken < kSamplesMax / 4 && tries_ < kTriesMax / 4) {
    interval_ns_.store(interval / 2 < kIntervalMin ? 0 : interval / 2, std::memory_order_relaxed);
  }
  tries_ = 0;
  bytes_ = 0;
  contexts_.clear();
  return std::exchange(batch_, {});
}

}  // namespace pgweir::warm
