// Keeps followers away from their databases for as long as it lives: PostgreSQL drops, copies and renames
// a database only while nobody else is connected to it.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "cache/fill.h"
#include "proxy/catalog_keeper.h"

namespace pgweir::proxy {

// One session's, on its worker's thread.
class FollowersSuspended {
 public:
  // waiter: woken once all are closed, from another thread; it may be woken before this returns.
  FollowersSuspended(std::vector<std::shared_ptr<DatabaseCatalog>> databases,
                     std::shared_ptr<cache::Waiter> waiter);
  ~FollowersSuspended();
  FollowersSuspended(const FollowersSuspended&) = delete;
  FollowersSuspended& operator=(const FollowersSuspended&) = delete;

  bool all_closed() const { return open_->load() == 0; }

 private:
  const std::vector<std::shared_ptr<DatabaseCatalog>> databases_;
  const std::shared_ptr<std::atomic<unsigned>> open_;
};

}  // namespace pgweir::proxy
