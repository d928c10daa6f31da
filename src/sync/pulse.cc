#include "sync/pulse.h"

#include <algorithm>
#include <utility>

namespace pgweir::sync {
namespace {

// Between snapshots that show nothing new: a commit that waits for its standby may wait long.
constexpr base::Nanos kSnapshotPauseMin = base::kMillisecond / 4;
constexpr base::Nanos kSnapshotPauseMax = 50 * base::kMillisecond;
constexpr std::size_t kBeatsMax = 64;  // more are not sent before the first of them comes back

}  // namespace

void Barriers::add(cache::Hold hold) {
  if (hold.empty()) return;
  {
    std::lock_guard lock(mutex_);
    holds_.push_back(std::move(hold));
  }
  wake_();
}

bool Barriers::empty() const {
  std::lock_guard lock(mutex_);
  return holds_.empty();
}

std::vector<cache::Hold> Barriers::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(holds_, {});
}

Question Pulse::next(base::Nanos now) {
  if (asking_) return Question::kNone;
  const bool wanted = beat_ == 0 || now - beat_at_ >= config_.interval() || !barriers_.empty();
  if (wanted && beats_.size() < kBeatsMax) {
    beats_.push_back({++beat_, now, false, barriers_.take()});
    beat_at_ = asked_at_ = now;
    asking_ = true;
    return Question::kBeat;
  }
  if (applier_.waits_for_snapshot() && now >= snapshot_at_) {
    asked_at_ = now;
    asking_ = true;
    return Question::kSnapshot;
  }
  mend_wanted_ = mend_wanted_ || applier_.stats().definitions != mended_at_definitions_;
  if (mend_wanted_ && !applier_.waits_for_snapshot()) {
    mended_at_definitions_ = applier_.stats().definitions;
    asked_at_ = now;
    asking_ = true;
    return Question::kMend;
  }
  return Question::kNone;
}

base::Nanos Pulse::due_at() const {
  const base::Nanos beat_due = beat_at_ + config_.interval();
  if (asking_) return asked_at_ + config_.patience();
  return applier_.waits_for_snapshot() ? std::min(beat_due, snapshot_at_) : beat_due;
}

void Pulse::on_beat(Polled polled) {
  asking_ = false;
  mend_wanted_ = mend_wanted_ || tables_left_ != 0;
  if (!beats_.empty() && beats_.back().number == beat_) beats_.back().answered = true;
  if (polled_ && polled_->definitions != polled.definitions) actions_.definitions_changed();
  if (polled_ && polled_->settings != polled.settings) actions_.settings_changed();
  if (polled_) {
    applier_.take(polled.snapshot);
  } else {
    actions_.polled_first();
    if (!config_.goes_on) applier_.begin(polled.snapshot.running(polled.xid));
  }
  actions_.ended_below(polled.snapshot.xmin());
  polled_ = std::move(polled);
}

void Pulse::on_snapshot(const Snapshot& snapshot, base::Nanos now) {
  asking_ = false;
  const std::size_t before = applier_.pending();
  applier_.take(snapshot);
  const bool progress = applier_.pending() < before;
  snapshot_pause_ = progress ? 0 : std::clamp(2 * snapshot_pause_, kSnapshotPauseMin, kSnapshotPauseMax);
  snapshot_at_ = progress ? now : now + snapshot_pause_;
}

// A table in use now is tried again at the next beat.
void Pulse::on_mend(std::uint64_t tables_left) {
  asking_ = false;
  mend_wanted_ = tables_left != 0 && tables_left < tables_left_;
  tables_left_ = tables_left;
}

void Pulse::advance(std::uint64_t lag_bytes) {
  while (!beats_.empty() && beats_.front().answered && beats_.front().number <= applier_.heartbeat()) {
    // Decoded transactions keep holds of their own until they can be seen.
    for (cache::Hold& hold : beats_.front().holds) hold.release_unmoved();
    freshness_.applied(beats_.front().sent_at, config_.lag_max, lag_bytes);
    beats_.pop_front();
  }
}

base::Result<void> Pulse::check(base::Nanos now) const {
  if (polled_ && !polled_->complete)
    return base::fail(
        base::ErrorCode::kUnavailable,
        "the event triggers or publications of pgweir are missing or disabled: run pgweir setup");
  if (asking_ && now - asked_at_ > config_.patience())
    return base::fail(base::ErrorCode::kUnavailable, "PostgreSQL does not answer");
  if (!beats_.empty() && now - beats_.front().sent_at > config_.patience())
    return base::fail(base::ErrorCode::kUnavailable, "the change stream does not move");
  return {};
}

}  // namespace pgweir::sync
