#include "proxy/followers_suspended.h"

#include <utility>

namespace pgweir::proxy {

FollowersSuspended::FollowersSuspended(std::vector<std::shared_ptr<DatabaseCatalog>> databases,
                                       std::shared_ptr<cache::Waiter> waiter)
    : databases_(std::move(databases)), open_(std::make_shared<std::atomic<unsigned>>(0)) {
  const auto closed = [open = open_, waiter = std::move(waiter)] {
    if (open->fetch_sub(1) == 1) waiter->wake();
  };
  open_->store(1);  // until all have been told
  for (const auto& database : databases_) {
    if (database->follower() == nullptr) continue;
    open_->fetch_add(1);
    database->follower()->suspend(closed);
  }
  open_->fetch_sub(1);
}

FollowersSuspended::~FollowersSuspended() {
  for (const auto& database : databases_)
    if (database->follower() != nullptr) database->follower()->resume();
}

}  // namespace pgweir::proxy
