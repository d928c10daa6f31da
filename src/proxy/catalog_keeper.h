// What is known of each database in use, shared by all workers: its catalog snapshot, and how far its
// change stream has been followed. Sessions load the catalog over their own connections; DDL through
// pgweir makes it invalid at once, the change stream or age does the rest.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/fill.h"
#include "cache/generations.h"
#include "proxy/earlier_replies.h"
#include "proxy/fence.h"
#include "proxy/outcome.h"
#include "query/catalog.h"
#include "query/statement.h"
#include "sync/database_slots.h"
#include "sync/follower.h"
#include "sync/settling.h"
#include "sync/setup_status.h"

namespace pgweir::proxy {

// One database. Any thread.
class DatabaseCatalog {
 public:
  struct Snapshot {
    std::shared_ptr<const query::Catalog> catalog;  // null: none
    std::string fingerprint;                        // of the system catalogs it was made from
    std::uint64_t epoch = 0;
    base::Nanos loaded_at = 0;
  };
  // The right and duty to load: end with publish(), confirm() or give_up().
  struct LoadTicket {
    std::uint64_t epoch;
    std::uint64_t version;
    base::Nanos started_at;
  };

  // What one load brought.
  struct Loaded {
    std::shared_ptr<const query::Catalog> catalog;
    std::string fingerprint;
    std::uint64_t next_xid = 0;  // above every transaction that was open in its snapshot
  };

  // follower: null if changes are not followed. kept: null if the generations do not outlive the process.
  DatabaseCatalog(std::string name, cache::Generations& generations, const base::HashSecret& secret,
                  std::atomic<std::uint64_t>& epoch, const sync::FollowerConfig* follower,
                  cache::KeptGenerations* kept, const base::Clock& clock);

  const std::string& name() const { return name_; }
  // Counts DDL seen in any database (roles and databases themselves are common to all); a snapshot of
  // another epoch may not be true any more.
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_seq_cst); }
  void invalidate() { epoch_.fetch_add(1, std::memory_order_seq_cst); }

  Snapshot snapshot() const;
  // At most one load at a time, and not more of them than kLoadShare of the time allows: a database
  // under constant DDL must not be busy with telling its catalogs.
  std::optional<LoadTicket> begin_load(base::Nanos now);
  // Also what was overtaken by DDL meanwhile: better than nothing to tell effects by, though not to hit.
  void publish(const LoadTicket& ticket, Loaded loaded, base::Nanos now);
  // The snapshot is true still: the system catalogs have the same fingerprint.
  void confirm(const LoadTicket& ticket, base::Nanos now);
  void give_up(base::Nanos now);
  // Nothing was asked: another session may load at once.
  void give_back();
  // While another session loads: true, and the waiter is woken once when that has ended.
  bool wait_for_load(std::shared_ptr<cache::Waiter> waiter);

  // Whether changes made elsewhere are told by a stream; else age bounds what is not noticed.
  bool follows() const { return follower_ != nullptr; }
  // Whether the stream tells of DDL and settings just now; true if there is none, since age bounds it then.
  bool is_told(base::Nanos now) const { return !follower_ || follower_->freshness().is_fresh(now); }
  // What may be read by age alone while the stream does not tell must be younger.
  base::Nanos lag_max() const { return lag_max_; }
  // Whether replies depend on stream(): it has moved for those of earlier processes, unless it tells.
  bool vouches() const { return follows() || is_kept_; }
  // Why nothing that the statement reads may be answered from the cache now, as far as the stream goes. One
  // that accepts freshness by TTL asks for nothing here; one that accepts stale replies, not that it tells
  // now.
  std::optional<SessionReason> stream_obstacle(const query::Verdict& verdict, base::Nanos now) const;
  // Whether the catalog's snapshot must count as changed by a statement. Code that may hold DDL is told by
  // the stream, if there is one, before anyone hits again.
  bool may_define(const query::Effects& effects) const {
    return effects.changes_catalog && (effects.is_ddl || !follows());
  }
  // Counts what may have changed the settings of sessions that did nothing.
  std::uint64_t settings_epoch() const { return settings_epoch_.load(std::memory_order_acquire); }
  // For a hold whose writes could not be read from their text, now that their outcome is known.
  void release_when_passed(cache::Hold hold);
  // Which promise of freshness holds now; none: nothing is answered from the cache. And why, for people.
  struct PromiseReport {
    std::optional<sync::Promise> promise;
    std::string why;
  };
  PromiseReport promise() const;
  // A session has come to know whether its server is a standby, or was one until now. Logs the promise if
  // that is new; where changes are followed, the follower does.
  void seen_server(bool standby, bool promoted);
  // Whether sessions on a standby may share entries and catalog. Beside a primary, or while its changes are
  // followed, they may not: a standby lags, and what it says would be kept as what the primary says now.
  bool shares_standby() const { return !follower_ && server_ != Server::kPrimary; }

  // Null: changes are not followed.
  sync::Follower* follower() const { return follower_.get(); }
  const sync::Freshness* freshness() const { return follower_ ? &follower_->freshness() : nullptr; }

  // Generation slots: of everything in every database, of one relation of this, and of what has a name by
  // query/dependencies.h.
  cache::Generations& generations() const { return generations_; }
  cache::Slot everything() const { return slots_.everything(); }
  // Of what the change stream does not tell: moves after every write whose effects could not be read.
  cache::Slot untold() const { return slots_.named(0); }
  // Of what it tells: moves whenever something may have gone by that it does not.
  cache::Slot stream() const { return slots_.stream(); }
  cache::Slot slot_of(query::Oid relation) const { return slots_.relation(relation); }
  cache::Slot slot_of_row(std::uint64_t name) const { return slots_.named(name); }
  const base::HashSecret& secret() const { return slots_.secret(); }
  // By which snapshots rows are named.
  const std::shared_ptr<Layouts>& layouts() const { return layouts_; }

 private:
  static constexpr base::Nanos kLoadShare = 10;                 // one tenth
  static constexpr base::Nanos kLoadBudgetMax = base::kSecond;  // spent at once after a quiet time

  void spend(base::Nanos time);
  // Wakes outside the lock, which it releases.
  void end_load(std::unique_lock<std::mutex> lock);
  sync::FollowerActions actions();

  const std::string name_;
  const base::Nanos lag_max_;
  cache::Generations& generations_;
  const sync::DatabaseSlots slots_;
  const bool is_kept_;  // the generations outlive the process
  cache::KeptWords* const words_;
  EarlierReplies earlier_;
  std::atomic<std::uint64_t>& epoch_;
  const std::shared_ptr<Layouts> layouts_ = std::make_shared<Layouts>();
  std::atomic<std::uint64_t> settings_epoch_{0};
  enum class Server : std::uint8_t { kUnknown, kPrimary, kStandby };
  std::atomic<Server> server_{Server::kUnknown};  // once a primary was seen, that
  sync::Settling settling_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<cache::Waiter>> waiters_;  // guarded by mutex_
  Snapshot snapshot_;                                    // guarded by mutex_
  bool loading_ = false;                                 // guarded by mutex_
  base::Nanos retry_at_ = 0;                             // guarded by mutex_
  base::Nanos budget_ = kLoadBudgetMax;                  // guarded by mutex_
  base::Nanos budget_at_ = 0;                            // guarded by mutex_
  std::unique_ptr<sync::Follower> follower_;             // last: its thread uses the above
};

// Any thread. Databases are never forgotten: their number is bounded by the cluster's.
class CatalogKeeper {
 public:
  // follower: how to follow a database's changes; nullopt: not at all. kept: as DatabaseCatalog's.
  CatalogKeeper(cache::Generations& generations, const base::HashSecret& secret, const base::Clock& clock,
                std::optional<sync::FollowerConfig> follower = std::nullopt,
                cache::KeptGenerations* kept = nullptr)
      : generations_(generations),
        secret_(secret),
        clock_(clock),
        follower_(std::move(follower)),
        kept_(kept) {}

  std::shared_ptr<DatabaseCatalog> database(std::string_view name);
  // Those in use so far.
  std::vector<std::shared_ptr<DatabaseCatalog>> databases() const;
  // Replies kept until now, and those on their way, answer nobody any more.
  void outdate_replies() { generations_.bump(generations_.slot_of(0)); }

 private:
  cache::Generations& generations_;
  const base::HashSecret secret_;
  const base::Clock& clock_;
  const std::optional<sync::FollowerConfig> follower_;
  cache::KeptGenerations* const kept_;
  std::atomic<std::uint64_t> epoch_{1};
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<DatabaseCatalog>, std::less<>> databases_;  // guarded by mutex_
};

}  // namespace pgweir::proxy
