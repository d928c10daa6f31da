// What `pgweir serve` keeps from one start to the next: the secret behind its keys, the counters of its
// generations, and the store on disk.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "cache/cache.h"
#include "cache/disk_tier.h"
#include "cache/kept_generations.h"
#include "config/config.h"
#include "io/device.h"

namespace pgweir::app {

// It outlives restarts if there is a state directory.
base::Result<base::HashSecret> load_secret(const std::string& state_dir);

// The main thread's. Whoever uses what it gives ends before it.
class ServeDisk {
 public:
  ServeDisk(const config::Config& config, const base::HashSecret& secret, const base::Clock& clock);

  cache::Generations& generations() { return kept_ ? kept_->generations() : *own_; }
  // Null: nothing of this process is of use to the next.
  cache::KeptGenerations* kept() { return kept_.get(); }
  // Null: there is none.
  cache::DiskTier* tier() { return tier_.get(); }
  // Of the cache before it: the tier's memory is part of the limit.
  cache::CacheConfig memory_config(cache::CacheConfig config) const;

  // The configuration in force is another.
  void reloaded(const config::Config& config);
  // Once nobody looks up any more.
  void save_memory(cache::Cache& cache);
  // Once nobody counts any more.
  void save_generations();

 private:
  const base::HashSecret secret_;
  std::unique_ptr<cache::KeptGenerations> kept_;
  std::unique_ptr<cache::Generations> own_;
  std::unique_ptr<io::FileDevice> device_;
  std::unique_ptr<cache::DiskTier> tier_;
};

}  // namespace pgweir::app
