// Follows one database's change stream on a thread of its own, by two connections: a walsender with a
// temporary slot, and an ordinary one for beats and snapshots. Whatever fails ends freshness at once
// and is tried again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "query/catalog.h"
#include "sync/connection.h"
#include "sync/database_slots.h"
#include "sync/freshness.h"
#include "sync/pulse.h"

namespace pgweir::sync {

struct FollowerConfig {
  // libpq's keywords for the login, without the database.
  Connection::Parameters login;
  PulseConfig pulse;
  base::Nanos connect_timeout = 10 * base::kSecond;
  base::Nanos retry_min = 100 * base::kMillisecond;
  base::Nanos retry_max = 5 * base::kSecond;
};

// What the stream tells those who answer from the cache. Called on the follower's thread; must not
// block.
struct FollowerActions {
  std::function<void()> started;                        // the stream begins: what happened before is in doubt
  std::function<void(std::uint64_t xmin)> ended_below;  // every transaction below has ended
  std::function<void()> definitions_changed;
  std::function<void()> settings_changed;
  std::function<std::shared_ptr<const query::Catalog>()> catalog;
};

// Any thread may call it.
class Follower {
 public:
  Follower(FollowerConfig config, std::string database, DatabaseSlots slots, FollowerActions actions,
           const base::Clock& clock);
  // Closes both connections and joins the thread.
  ~Follower();

  const Freshness& freshness() const { return freshness_; }
  // Gives the hold to the stream, to be released without a bump once it has passed all that has been
  // committed up to now; with a bump if the stream is not followed.
  void release_when_passed(cache::Hold hold);

 private:
  void run();
  // Until the stream is lost or stop is asked for.
  base::Result<void> follow();
  base::Result<void> prepare(Connection& sql, Connection& stream);
  void pause(base::Nanos time) const;

  const FollowerConfig config_;
  const std::string database_;
  const DatabaseSlots slots_;
  const FollowerActions actions_;
  const base::Clock& clock_;
  Freshness freshness_;
  Wakeup stop_;
  Wakeup work_;
  Barriers barriers_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace pgweir::sync
