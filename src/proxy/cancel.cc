#include "proxy/cancel.h"

#include <utility>

namespace pgweir::proxy {

std::string CancelRegistry::name(const wire::CancelRequest& key) {
  return std::to_string(key.process_id) + ':' + key.key;
}

void CancelRegistry::add(const wire::CancelRequest& key, Owner owner) {
  std::lock_guard lock(mutex_);
  owners_.insert_or_assign(name(key), std::move(owner));
}

void CancelRegistry::remove(const wire::CancelRequest& key) {
  std::lock_guard lock(mutex_);
  owners_.erase(name(key));
}

std::optional<CancelRegistry::Owner> CancelRegistry::find(const wire::CancelRequest& key) const {
  std::lock_guard lock(mutex_);
  const auto i = owners_.find(name(key));
  if (i == owners_.end()) return std::nullopt;
  return i->second;
}

}  // namespace pgweir::proxy
