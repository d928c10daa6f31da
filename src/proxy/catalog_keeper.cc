#include "proxy/catalog_keeper.h"

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
                                 const base::HashSecret& secret, std::atomic<std::uint64_t>& epoch)
    : name_(std::move(name)),
      generations_(generations),
      name_hash_(base::hash128(secret, name_)),
      epoch_(epoch) {}

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

void DatabaseCatalog::publish(const LoadTicket& ticket, std::shared_ptr<const query::Catalog> catalog,
                              std::string fingerprint, base::Nanos now) {
  std::unique_lock lock(mutex_);
  spend(now - ticket.started_at);
  // From the change of the epoch to this moment nobody has hit. What ran meanwhile was judged by the
  // last catalog and may have touched more than that said: a trigger may have been added.
  if (snapshot_.catalog != nullptr && snapshot_.epoch != ticket.epoch) generations_.bump(everything());
  // Old from the moment the load began: that is what it saw.
  snapshot_ = {std::move(catalog), std::move(fingerprint), ticket.epoch, ticket.started_at};
  end_load(std::move(lock));
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

cache::Slot DatabaseCatalog::slot_of(query::Oid relation) const {
  // Any mixing will do: a collision costs a miss.
  return generations_.slot_of(name_hash_.lo ^ (std::uint64_t{relation} + 1) * 0xd6e8feb86659fd93ULL);
}

std::shared_ptr<DatabaseCatalog> CatalogKeeper::database(std::string_view name) {
  std::lock_guard lock(mutex_);
  auto i = databases_.find(name);
  if (i == databases_.end())
    i = databases_
            .emplace(name,
                     std::make_shared<DatabaseCatalog>(std::string(name), generations_, secret_, epoch_))
            .first;
  return i->second;
}

}  // namespace pgweir::proxy
