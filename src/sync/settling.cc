#include "sync/settling.h"

#include <utility>

namespace pgweir::sync {

void Settling::restart() {
  std::lock_guard lock(mutex_);
  known_.clear();
  unsettled_.clear();
  count();
}

void Settling::published(std::span<const query::Catalog::Followed> relations, std::uint64_t next_xid) {
  std::lock_guard lock(mutex_);
  std::unordered_map<query::Oid, query::Oid> now;
  for (const auto& [relation, by] : relations) {
    now.emplace(relation, by);
    const auto known = known_.find(relation);
    if (known == known_.end() || known->second != by) unsettled_[relation] = next_xid;
  }
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
