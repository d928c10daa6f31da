// The change stream's messages -> generations. A transaction's changes are collected up to its
// commit; then the generations they touch are bumped and held, since readers may not see yet what is
// decoded already (a commit may wait for a standby), and bumped again and released once a snapshot
// shows that the transaction has ended. What had been committed before the stream began but could not be
// seen then, the stream does not tell: whatever ends of what ran then moves what the stream vouches for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "cache/generations.h"
#include "sync/change_slots.h"
#include "sync/database_slots.h"
#include "sync/pgoutput.h"
#include "sync/snapshot.h"

namespace pgweir::sync {

struct ApplierStats {
  std::uint64_t transactions = 0;
  std::uint64_t changes = 0;
  std::uint64_t definitions = 0;  // transactions with DDL
};

// One stream's, on its follower's thread. What is held when it is destroyed is bumped and released.
class Applier {
 public:
  // Prefixes of the messages that the event triggers and the follower write into the stream.
  static constexpr std::string_view kDefinitionsPrefix = "pgweir.ddl";
  static constexpr std::string_view kLostPrefix = "pgweir.lost";
  static constexpr std::string_view kHeartbeatPrefix = "pgweir.heartbeat";

  // definitions_changed: called when DDL is decoded, and again once readers can see it.
  Applier(ChangeSlots& slots, std::function<void()> definitions_changed, std::string heartbeat_name);

  // One pgoutput message. kInvalid: malformed or out of order. kUnavailable: the event trigger says
  // that it failed. After an error the stream must be given up.
  base::Result<void> apply(std::string_view payload);
  // What may run once the stream has begun, before anybody answers by it.
  void begin(const std::vector<std::uint64_t>& running) { untold_ = running; }
  // A snapshot that was taken later.
  void take(const Snapshot& snapshot);

  // Whether decoded transactions wait for a snapshot that shows them ended.
  bool waits_for_snapshot() const { return !pending_.empty(); }
  std::size_t pending() const { return pending_.size(); }
  // The number of the last heartbeat of ours that came back.
  std::uint64_t heartbeat() const { return heartbeat_; }
  // The end of the last transaction.
  Lsn position() const { return position_; }
  // All that was committed before is applied, and can be seen: what a stream that goes on from there may do
  // without. `passed`: all that was committed before has come.
  Lsn settled(Lsn passed) const {
    return pending_.empty() ? std::max(position_, passed) : pending_.front().commit_lsn;
  }
  // Whether what has run since before the stream began is over.
  bool is_told_all() const { return untold_.empty(); }
  const ApplierStats& stats() const { return stats_; }

 private:
  struct Pending {
    Xid xid = 0;
    Lsn commit_lsn = 0;  // where its commit begins
    cache::Hold hold;
    bool definitions = false;
    std::uint64_t layout = 0;  // what the slots were chosen by
  };

  base::Result<void> on(const Begin& begin);
  base::Result<void> on(const Commit& commit);
  base::Result<void> on(const RelationDescription& relation);
  base::Result<void> on(const Change& change);
  base::Result<void> on(const Truncate& truncate);
  base::Result<void> on(const LogicalMessage& message);
  base::Result<void> on(const Ignored&) { return {}; }
  void take_untold(const Snapshot& snapshot);

  ChangeSlots& slots_;
  const std::function<void()> definitions_changed_;
  const std::string heartbeat_name_;
  bool in_transaction_ = false;
  Xid xid_ = 0;
  Lsn commit_lsn_ = 0;
  bool definitions_ = false;
  std::uint64_t beat_ = 0;  // in the transaction at hand
  std::deque<Pending> pending_;
  std::vector<std::uint64_t> untold_;  // has run since the stream began
  std::uint64_t heartbeat_ = 0;
  Lsn position_ = 0;
  ApplierStats stats_;
};

}  // namespace pgweir::sync
