#include "proxy/catalog_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace pgweir::proxy {
namespace {

// Distinguishes snapshots of all databases: verdicts are remembered by it.
std::uint64_t next_version() {
  static std::atomic<std::uint64_t> version{0};
  return ++version;
}

}  // namespace

DatabaseCatalog::DatabaseCatalog(std::string name, cache::Generations& generations,
                                 const base::HashSecret& secret, std::atomic<std::uint64_t>& epoch,
                                 const sync::FollowerConfig* follower, cache::KeptGenerations* kept,
                                 const base::Clock& clock)
    : name_(std::move(name)),
      lag_max_(follower != nullptr ? follower->pulse.lag_max : 0),
      generations_(generations),
      slots_(generations, secret, name_),
      is_kept_(kept != nullptr),
      words_(kept != nullptr ? kept->words(slots_.database().lo) : nullptr),
      earlier_(slots_, words_, follower != nullptr && follower->permanent_slot),
      epoch_(epoch) {
  // What earlier processes have kept, nobody has told of since; or nothing is known of it.
  if (is_kept_ && follower == nullptr) generations.bump(stream());
  if (is_kept_ && words_ == nullptr) generations.bump(everything());
  if (follower != nullptr)
    follower_ = std::make_unique<sync::Follower>(*follower, name_, slots_, words_, actions(), clock);
}

sync::FollowerActions DatabaseCatalog::actions() {
  return {.started = [this] { settling_.restart(); },
          .decided = [this](bool is_told) { earlier_.decide(is_told); },
          .ended_below = [this](std::uint64_t xmin) { settling_.ended_below(xmin); },
          .definitions_changed = [this] { invalidate(); },
          .settings_changed = [this] { settings_epoch_.fetch_add(1, std::memory_order_release); },
          .catalog = [this] { return snapshot().catalog; }};
}

std::optional<SessionReason> DatabaseCatalog::stream_obstacle(const query::Verdict& verdict,
                                                              base::Nanos now) const {
  if (!earlier_.is_decided()) return SessionReason::kStreamBehind;
  if (!follower_ || verdict.accept_ttl) return std::nullopt;
  if (!verdict.accepts_stale() && !is_told(now)) return SessionReason::kStreamBehind;
  if (verdict.unfollowed != 0) return SessionReason::kNotFollowed;
  if (settling_.all_settled()) return std::nullopt;
  for (const query::Oid relation : verdict.reads)
    if (!settling_.is_settled(relation)) return SessionReason::kNotFollowed;
  return std::nullopt;
}

DatabaseCatalog::PromiseReport DatabaseCatalog::promise() const {
  if (follower_) {
    auto report = follower_->freshness().report();
    if (report.state == sync::StreamState::kFollowing)
      return {sync::Promise::kFull,
              report.slot.empty() ? "its changes are followed" : "its changes are followed " + report.slot};
    if (report.reason.empty()) report.reason = sync::state_name(report.state);
    return {std::nullopt, "its changes are not followed: " + report.reason};
  }
  if (server_ == Server::kStandby) return {sync::Promise::kTtlOnly, "PostgreSQL is a standby"};
  return {sync::Promise::kFencesAndTtl, "sync.user is not set"};
}

void DatabaseCatalog::seen_server(bool standby, bool promoted) {
  Server before = server_.load();
  if (standby) {
    if (before != Server::kUnknown || !server_.compare_exchange_strong(before, Server::kStandby)) return;
  } else {
    before = server_.exchange(Server::kPrimary);
    if (before == Server::kStandby ||
        promoted) {  // what a standby said; what was written before that was told
      invalidate();
      generations_.bump(everything());
    }
    if (before == Server::kPrimary) return;
  }
  if (follower_) return;
  const PromiseReport report = promise();
  spdlog::info("database {}: promise: {}, since {}", name_, sync::promise_name(*report.promise), report.why);
}

void DatabaseCatalog::release_when_passed(cache::Hold hold) {
  if (follower_) {
    generations_.bump(untold());
    // Nobody tells if it was DDL. If the stream is lost only now, that is told.
    if (!follower_->is_following()) invalidate();
    return follower_->release_when_passed(std::move(hold));
  }
  hold.release();
}

DatabaseCatalog::Snapshot DatabaseCatalog::snapshot() const {
  std::lock_guard lock(mutex_);
  return snapshot_;
}

std::optional<DatabaseCatalog::LoadTicket> DatabaseCatalog::begin_load(base::Nanos now) {
  std::lock_guard lock(mutex_);
  budget_ = std::min(kLoadBudgetMax, budget_ + (now - budget_at_) / kLoadShare);
  budget_at_ = now;
  if (loading_ || now < retry_at_ || budget_ <= 0) return std::nullopt;
  loading_ = true;
  return LoadTicket{epoch(), next_version(), now};
}

void DatabaseCatalog::publish(const LoadTicket& ticket, Loaded loaded, base::Nanos now) {
  settling_.published(loaded.catalog->followed(), loaded.next_xid);
  std::unique_lock lock(mutex_);
  spend(now - ticket.started_at);
  std::uint64_t epoch = ticket.epoch;
  cache::Hold change;
  if (snapshot_.catalog != nullptr) {
    // DDL can be seen before its acknowledgement or the change stream has moved the epoch; nobody must judge
    // by the last snapshot from here on. If the epoch has moved by now, nobody does, and this one is in
    // doubt.
    std::uint64_t expected = epoch;
    if (snapshot_.epoch == epoch && epoch_.compare_exchange_strong(expected, epoch + 1)) ++epoch;
    // What was kept until now was judged by the last snapshot, and may have touched more than that said:
    // a trigger may have been added. After the epoch, which every fill compares once it has its counters.
    // And rows have other names: nothing that depends on the old ones may hit once a fence can use the new.
    change = {generations_, std::vector{everything()}};
    generations_.bump(everything());
  }
  earlier_.read(loaded.fingerprint);
  layouts_->replace(loaded.catalog->version());
  // Old from the moment the load began: that is what it saw.
  snapshot_ = {std::move(loaded.catalog), std::move(loaded.fingerprint), epoch, ticket.started_at};
  end_load(std::move(lock));
  if (follower_) follower_->catalog_read();
}

void DatabaseCatalog::confirm(const LoadTicket& ticket, base::Nanos now) {
  std::unique_lock lock(mutex_);
  spend(now - ticket.started_at);
  snapshot_.epoch = ticket.epoch;
  snapshot_.loaded_at = ticket.started_at;
  end_load(std::move(lock));
}

void DatabaseCatalog::spend(base::Nanos time) { budget_ = std::max(-kLoadBudgetMax, budget_ - time); }

void DatabaseCatalog::give_up(base::Nanos now) {
  std::unique_lock lock(mutex_);
  retry_at_ = now + base::kSecond;
  end_load(std::move(lock));
}

void DatabaseCatalog::give_back() { end_load(std::unique_lock(mutex_)); }

bool DatabaseCatalog::wait_for_load(std::shared_ptr<cache::Waiter> waiter) {
  std::lock_guard lock(mutex_);
  if (!loading_) return false;
  waiters_.push_back(std::move(waiter));
  return true;
}

void DatabaseCatalog::end_load(std::unique_lock<std::mutex> lock) {
  loading_ = false;
  const auto waiters = std::move(waiters_);
  waiters_.clear();
  lock.unlock();
  for (const auto& waiter : waiters) waiter->wake();
}

std::shared_ptr<DatabaseCatalog> CatalogKeeper::database(std::string_view name) {
  std::lock_guard lock(mutex_);
  auto i = databases_.find(name);
  if (i == databases_.end())
    i = databases_
            .emplace(name,
                     std::make_shared<DatabaseCatalog>(std::string(name), generations_, secret_, epoch_,
                                                       follower_ ? &*follower_ : nullptr, kept_, clock_))
            .first;
  return i->second;
}

std::vector<std::shared_ptr<DatabaseCatalog>> CatalogKeeper::databases() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<DatabaseCatalog>> out;
  out.reserve(databases_.size());
  for (const auto& [name, database] : databases_) out.push_back(database);
  return out;
}

}  // namespace pgweir::proxy
