// The configuration in force, which a reload replaces.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "config/config.h"

namespace pgweir::app {

// Any thread.
class CurrentConfig {
 public:
  explicit CurrentConfig(config::Config config) { set(std::move(config)); }

  // Never null; stays as it is, whatever is set later.
  std::shared_ptr<const config::Config> get() const {
    const std::lock_guard lock(mutex_);
    return config_;
  }
  void set(config::Config config) {
    auto next = std::make_shared<const config::Config>(std::move(config));
    const std::lock_guard lock(mutex_);
    config_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const config::Config> config_;  // guarded by mutex_
};

}  // namespace pgweir::app
