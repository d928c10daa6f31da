#include "sync/settling.h"

namespace pgweir::sync {

void Settling::restart() {
  std::lock_guard lock(mutex_);
  known_.clear();
  unsettled_.clear();
  count();
}

void Settling::published(std::span<const query::Oid> relations, std::uint64_t next_xid) {
  std::lock_guard lock(mutex_);
  std::unordered_set<query::Oid> now(relations.begin(), relations.end());
  for (const query::Oid relation : now)
    if (!known_.contains(relation)) unsettled_[relation] = next_xid;
  // One that leaves and joins again begins again.
  std::erase_if(unsettled_, [&](const auto& item) { return !now.contains(item.first); });
  known_ = std::move(now);
  count();
}

void Settling::ended_below(std::uint64_t xid) {
  if (all_settled()) return;
  std::lock_guard lock(mutex_);
  std::erase_if(unsettled_, [&](const auto& item) { return item.second <= xid; });
  count();
}

bool Settling::is_settled(query::Oid relation) const {
  if (all_settled()) return true;
  std::lock_guard lock(mutex_);
  return !unsettled_.contains(relation);
}

void Settling::count() { unsettled_count_.store(unsettled_.size(), std::memory_order_release); }

}  // namespace pgweir::sync
