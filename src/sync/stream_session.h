// One life of a change stream, from START_REPLICATION until it ends: moves bytes between its two
// connections, the applier and the pulse. Lives on the follower's thread.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "sync/applier.h"
#include "sync/connection.h"
#include "sync/follower.h"
#include "sync/kept_slot.h"
#include "sync/pulse.h"

namespace pgweir::sync {

class StreamSession {
 public:
  StreamSession(const FollowerConfig& config, const FollowerActions& actions, DatabaseSlots slots,
                Connection& sql, Connection& stream, Barriers& barriers, Freshness& freshness, KeptSlot& kept,
                bool goes_on, const base::Clock& clock);

  // Whether anything has come back.
  bool has_beaten() const { return applier_.heartbeat() != 0; }

  // Until the stream is lost, or `stop` is woken or it is not wanted any more (kClosed). Whoever wakes
  // `work` has added a barrier.
  base::Result<void> run(const Wakeup& stop, const Wakeup& work, const std::function<bool()>& wanted);

 private:
  base::Result<void> wait(const Wakeup& stop, const Wakeup& work);
  // As much as has arrived, in bounded pieces.
  base::Result<void> read_stream();
  base::Result<void> on_frame(std::string_view bytes);
  base::Result<void> ask();
  base::Result<void> read_answer();
  base::Result<void> on_answer(const PgResult& result);
  void on_beat(Polled polled);
  base::Result<void> confirm(bool at_once);

  const base::Clock& clock_;
  Connection& sql_;
  Connection& stream_;
  Freshness& freshness_;
  KeptSlot& kept_;
  const bool goes_on_;  // from where the last stream ended
  bool has_polled_ = false;
  const std::string heartbeat_name_;
  ChangeSlots slots_;
  Applier applier_;
  Pulse pulse_;
  Question asked_ = Question::kNone;
  std::string owners_rough_;  // of the last beat: fingerprint of all owners
  std::string owners_;        // of those that are not of temporary tables
  Lsn sent_up_to_ = 0;
  Lsn seen_ = 0;
  base::Nanos confirmed_at_ = 0;
  bool more_to_read_ = false;
  bool waits_to_write_ = false;
  ApplierStats counted_;
};

}  // namespace pgweir::sync
