// Follows one database's change stream on a thread of its own, by two connections: a walsender with a
// temporary slot, and an ordinary one for beats and snapshots. Whatever fails ends freshness at once
// and is tried again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "query/catalog.h"
#include "sync/connection.h"
#include "sync/database_slots.h"
#include "sync/freshness.h"
#include "sync/kept_slot.h"
#include "sync/pulse.h"

namespace pgweir::sync {

// How many databases may be followed at once; shared by their followers. Any thread.
class FollowLimit {
 public:
  explicit FollowLimit(unsigned databases_max) : databases_max_(databases_max), free_(databases_max) {}

  unsigned databases_max() const { return databases_max_; }
  // True: one leave() is wanted.
  bool enter() { return free_.try_acquire(); }
  void leave() { free_.release(); }

 private:
  const unsigned databases_max_;
  std::counting_semaphore<> free_;
};

struct FollowerConfig {
  // libpq's keywords for the login, without the database.
  Connection::Parameters login;
  PulseConfig pulse;
  std::shared_ptr<FollowLimit> limit;  // null: none
  base::Nanos connect_timeout = 10 * base::kSecond;
  base::Nanos retry_min = 100 * base::kMillisecond;
  base::Nanos retry_max = 5 * base::kSecond;
  base::Nanos idle_timeout = 60 * base::kSecond;  // the stream is closed so long after the last session
  bool permanent_slot = false;                    // see KeptSlot; it is followed without sessions too
};

// What the stream tells those who answer from the cache. Called on the follower's thread; must not
// block.
struct FollowerActions {
  std::function<void()> started;              // the stream begins: what happened before is in doubt
  std::function<void(bool is_told)> decided;  // what earlier processes kept: the stream tells of it, or not
  std::function<void(std::uint64_t xmin)> ended_below;  // every transaction below has ended
  std::function<void()> definitions_changed;            // or may have: the stream begins or is lost
  std::function<void()> settings_changed;
  std::function<std::shared_ptr<const query::Catalog>()> catalog;
};

// Any thread may call it.
class Follower {
 public:
  // words: what outlives the process; null: nothing does.
  Follower(FollowerConfig config, std::string database, DatabaseSlots slots, cache::KeptWords* words,
           FollowerActions actions, const base::Clock& clock);
  // Closes both connections and joins the thread.
  ~Follower();

  const Freshness& freshness() const { return freshness_; }
  bool is_following() const { return freshness_.report().state == StreamState::kFollowing; }
  // A session of the database begins, or ends. Without any the connections are closed after a while.
  void attend();
  void leave();
  // Closes both connections, since the database is to be dropped, copied or renamed. closed: called once
  // that is done, on the follower's thread or this one. Each suspend() wants one resume().
  void suspend(std::function<void()> closed);
  void resume();
  // A snapshot of the catalog has come. Without one a stream that goes on does not begin.
  void catalog_read() { work_.wake(); }
  // Gives the hold to the stream, to be released without a bump once it has passed all that has been
  // committed up to now; with a bump if the stream is not followed.
  void release_when_passed(cache::Hold hold);

 private:
  void run();
  // Until the stream is lost or stop is asked for.
  base::Result<void> follow();
  base::Result<void> follow_within_limit();
  base::Result<KeptSlot::Claim> prepare(Connection& sql, Connection& stream);
  base::Result<void> begin(Connection& sql, Connection& stream, const KeptSlot::Claim& claim);
  base::Result<void> pump(Connection& sql, Connection& stream, bool goes_on);
  base::Result<void> wait_for_catalog();
  // Nobody tells of changes from here on. REQUIRES: what the stream holds is held still.
  void lose(const std::string& why);
  // Whether somebody wants the stream, and nobody wants it closed.
  bool wanted() const;
  bool is_used() const { return users_ != 0 || holds_log_; }
  void wait_until_wanted();
  void tell_closed();
  void pause(base::Nanos time) const;

  const FollowerConfig config_;
  const std::string database_;
  const DatabaseSlots slots_;
  const FollowerActions actions_;
  const base::Clock& clock_;
  KeptSlot kept_;
  Freshness freshness_;
  Wakeup stop_;   // wakes every wait within a stream's life
  Wakeup begin_;  // wakes the wait for the next one
  Wakeup work_;
  Barriers barriers_;
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> users_{0};
  std::atomic<bool> holds_log_{false};   // by a permanent slot, which is to be heard
  std::atomic<base::Nanos> left_at_{0};  // when users_ became 0
  mutable std::mutex mutex_;
  unsigned suspensions_ = 0;                      // guarded by mutex_
  bool connected_ = false;                        // guarded by mutex_
  std::vector<std::function<void()>> on_closed_;  // guarded by mutex_
  std::thread thread_;                            // last: it uses all of the above
};

}  // namespace pgweir::sync
