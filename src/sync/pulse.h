// What a follower asks of its database over and over, and what follows from the answers. A beat is a
// message written into the change stream, in one statement with a look at the catalogs that event
// triggers miss; when it comes back, all that was committed before it has been applied. A snapshot
// says which decoded transactions have ended. Decides only; the follower does the asking.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/generations.h"
#include "sync/applier.h"
#include "sync/freshness.h"
#include "sync/snapshot.h"

namespace pgweir::sync {

// Holds of those whose writes cannot be read from their text: released, unmoved, once the stream has
// passed whatever they may have written. Any thread.
class Barriers {
 public:
  // wake: called when there is something to do.
  explicit Barriers(std::function<void()> wake) : wake_(std::move(wake)) {}

  // REQUIRES: what the hold is for has been committed, or rolled back.
  void add(cache::Hold hold);
  bool empty() const;
  std::vector<cache::Hold> take();

 private:
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::vector<cache::Hold> holds_;  // guarded by mutex_
};

struct PulseConfig {
  base::Nanos lag_max = 2 * base::kSecond;
  bool goes_on = false;  // the stream: what ran when it began is in it
  base::Nanos interval() const { return lag_max / 4; }
  // Without an answer for so long the connection counts as lost.
  base::Nanos patience() const { return 2 * lag_max + 5 * base::kSecond; }
};

// kMend: that the tables which DDL has made or changed join the publication they belong to. Event triggers
// leave that to us where it would lock the publication until the user's transaction ends.
enum class Question : std::uint8_t { kNone, kBeat, kSnapshot, kMend };

// What a beat's statement tells besides.
struct Polled {
  std::string definitions{};  // fingerprint of roles, memberships, owners, databases, publications, triggers
  std::string settings{};     // fingerprint of what sets a session's settings: files, roles, databases
  bool complete = false;      // event triggers and publications are as they must be
  Snapshot snapshot{};        // of the beat's statement
  std::uint64_t xid = 0;      // its transaction, which began after that
};

// One stream's, on its follower's thread.
class Pulse {
 public:
  struct Actions {
    std::function<void()> polled_first;  // what changed before is not known, so who looked must look again
    std::function<void()> definitions_changed;
    std::function<void()> settings_changed;
    std::function<void(std::uint64_t xmin)> ended_below;
  };
  Pulse(const PulseConfig& config, Applier& applier, Barriers& barriers, Freshness& freshness,
        Actions actions)
      : config_(config),
        applier_(applier),
        barriers_(barriers),
        freshness_(freshness),
        actions_(std::move(actions)) {}

  // What to ask now, if nothing is being asked. Beats are numbered from 1.
  Question next(base::Nanos now);
  std::uint64_t beat() const { return beat_; }
  // When to call next() again at the latest.
  base::Nanos due_at() const;

  // The answer to the last question.
  void on_beat(Polled polled);
  void on_snapshot(const Snapshot& snapshot, base::Nanos now);
  void on_mend(std::uint64_t tables_left);
  // Messages were applied, or an answer came: beats may have come back.
  void advance(std::uint64_t lag_bytes);
  // kUnavailable: the answer to a question, or a beat in the stream, is overdue, or the set-up is no
  // longer complete.
  base::Result<void> check(base::Nanos now) const;

 private:
  struct Beat {
    std::uint64_t number;
    base::Nanos sent_at;
    bool answered;
    std::vector<cache::Hold> holds;
  };

  const PulseConfig config_;
  Applier& applier_;
  Barriers& barriers_;
  Freshness& freshness_;
  const Actions actions_;
  std::deque<Beat> beats_;  // sent and not come back, oldest first
  std::uint64_t beat_ = 0;
  base::Nanos beat_at_ = 0;
  std::optional<Polled> polled_;
  base::Nanos asked_at_ = 0;
  bool asking_ = false;
  base::Nanos snapshot_at_ = 0;  // not to be asked for earlier
  base::Nanos snapshot_pause_ = 0;
  std::uint64_t mended_at_definitions_ = 0;  // what applier_ had counted when mending began
  bool mend_wanted_ = true;
  std::uint64_t tables_left_ = 0;
};

}  // namespace pgweir::sync
