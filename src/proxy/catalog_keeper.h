// The catalog snapshots, one for each database in use, shared by all workers. Sessions load them
// over their own connections; DDL through pgweir makes them invalid at once, age does the rest.
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
#include "query/catalog.h"

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

  DatabaseCatalog(std::string name, cache::Generations& generations, const base::HashSecret& secret,
                  std::atomic<std::uint64_t>& epoch);

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
  void publish(const LoadTicket& ticket, std::shared_ptr<const query::Catalog> catalog,
               std::string fingerprint, base::Nanos now);
  // The snapshot is true still: the system catalogs have the same fingerprint.
  void confirm(const LoadTicket& ticket, base::Nanos now);
  void give_up(base::Nanos now);
  // While another session loads: true, and the waiter is woken once when that has ended.
  bool wait_for_load(std::shared_ptr<cache::Waiter> waiter);

  // Generation slots: of everything in every database, and of one relation of this.
  cache::Slot everything() const { return generations_.slot_of(0); }
  cache::Slot slot_of(query::Oid relation) const;

 private:
  static constexpr base::Nanos kLoadShare = 10;                 // one tenth
  static constexpr base::Nanos kLoadBudgetMax = base::kSecond;  // spent at once after a quiet time

  void spend(base::Nanos time);
  // Wakes outside the lock, which it releases.
  void end_load(std::unique_lock<std::mutex> lock);

  const std::string name_;
  cache::Generations& generations_;
  const base::Hash128 name_hash_;
  std::atomic<std::uint64_t>& epoch_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<cache::Waiter>> waiters_;  // guarded by mutex_
  Snapshot snapshot_;                                    // guarded by mutex_
  bool loading_ = false;                                 // guarded by mutex_
  base::Nanos retry_at_ = 0;                             // guarded by mutex_
  base::Nanos budget_ = kLoadBudgetMax;                  // guarded by mutex_
  base::Nanos budget_at_ = 0;                            // guarded by mutex_
};

// Any thread. Databases are never forgotten: their number is bounded by the cluster's.
class CatalogKeeper {
 public:
  CatalogKeeper(cache::Generations& generations, const base::HashSecret& secret)
      : generations_(generations), secret_(secret) {}

  std::shared_ptr<DatabaseCatalog> database(std::string_view name);

 private:
  cache::Generations& generations_;
  const base::HashSecret secret_;
  std::atomic<std::uint64_t> epoch_{1};
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<DatabaseCatalog>, std::less<>> databases_;  // guarded by mutex_
};

}  // namespace pgweir::proxy
