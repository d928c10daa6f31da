#include "simulate/replay.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache.h"
#include "cache/disk_tier.h"
#include "simulate/sparse_device.h"

namespace pgweir::simulate {
namespace {

constexpr std::size_t kRequestsBetweenProgress = 1 << 16;
constexpr base::Nanos kForever = 10LL * 365 * 24 * 3600 * base::kSecond;

// The finalizer of SplitMix64: one to one, and even. Nobody chooses these keys, so they need no secret.
std::uint64_t scattered(std::uint64_t x) {
  x = (x + 1) * 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

cache::Key key_of(std::uint32_t number) {
  return {.lo = scattered(2 * std::uint64_t{number}), .hi = scattered(2 * std::uint64_t{number} + 1)};
}

cache::CacheConfig config_of(const Setup& setup) {
  cache::CacheConfig config;
  config.memory_bytes = setup.capacity;
  config.policy = setup.policy;
  config.ttl_jitter = 0;
  config.early_refresh = 0;
  config.entry_bytes_max = cache::Entry::kBytesMax;
  config.shards = 1;
  config.storage = setup.counts_entries ? cache::Storage::kCounted : cache::Storage::kCharged;
  return config;
}

// The keys of a trace, one after the other. What is to come is known here: memory is slow, but it can fetch
// many things at once.
class Keys {
 public:
  Keys(const Trace& trace, const cache::Cache& cache) : requests_(trace.requests), cache_(cache) {
    while (read_ < kTables && read_ < requests_.size()) read();
  }

  const cache::Key& next() {
    if (read_ < requests_.size()) cache_.prefetch(read());
    if (next_ + kEntry < read_) cache_.prefetch_entry(ahead_[(next_ + kEntry) % kRing]);
    return ahead_[next_++ % kRing];
  }

 private:
  static constexpr std::size_t kTables = 16, kEntry = 8;  // lookups ahead
  static constexpr std::size_t kRing = 32;

  const cache::Key& read() {
    cache::Key& key = ahead_[read_ % kRing];
    key = key_of(requests_[read_].key);
    ++read_;
    return key;
  }

  std::span<const Request> requests_;
  const cache::Cache& cache_;
  std::array<cache::Key, kRing> ahead_;
  std::size_t read_ = 0, next_ = 0;
};

struct Free {
  void operator()(char* bytes) const { std::free(bytes); }
};

class NobodyWaits final : public cache::Waiter {
 public:
  void wake() noexcept override {}
};

// One thread's.
class VirtualClock final : public base::Clock {
 public:
  base::Nanos now() const override { return now_; }
  base::Nanos wall() const override { return now_; }
  void advance(base::Nanos by) { now_ += by; }

 private:
  base::Nanos now_ = base::kSecond;
};

// The cache, with a disk behind it if there is one. What the disk's threads would do is done at once.
class Engine {
 public:
  explicit Engine(const Setup& setup)
      : device_(setup.disk_bytes),
        tier_(make_tier(setup)),
        cache_(memory_config(setup), clock_, generations_) {
    if (tier_ == nullptr) return;
    cache_.use_disk(*tier_);
    run_disk();
  }

  VirtualClock& clock() { return clock_; }
  cache::Cache& cache() { return cache_; }
  std::uint64_t disk_written_bytes() const { return device_.written_bytes(); }
  // from_disk: whether it had to be read from there.
  cache::Lookup look_up(const cache::Key& key, bool& from_disk) {
    from_disk = false;
    cache::Lookup lookup = cache_.lookup(key, waiter_, clock_.now(), accepts_);
    if (lookup.outcome != cache::Outcome::kWaiting) return lookup;
    run_disk();
    lookup = cache_.lookup(key, nullptr);
    from_disk = lookup.outcome == cache::Outcome::kHit;
    return lookup;
  }
  void run_disk() {
    if (tier_ == nullptr) return;
    for (bool works = true; works;) {
      works = tier_->read_step(0) == cache::DiskTier::Step::kDone;
      works = tier_->write_step() == cache::DiskTier::Step::kDone || works;
    }
  }

 private:
  std::unique_ptr<cache::DiskTier> make_tier(const Setup& setup) {
    if (setup.disk_bytes == 0) return nullptr;
    return std::make_unique<cache::DiskTier>(cache::tier_config({}, setup.capacity, {.lo = 1, .hi = 1}),
                                             device_, clock_, generations_);
  }
  cache::CacheConfig memory_config(const Setup& setup) const {
    cache::CacheConfig config = config_of(setup);
    if (tier_ == nullptr) return config;
    config.memory_bytes -= tier_->memory_bytes_max();
    config.storage = cache::Storage::kBytes;
    return config;
  }

  VirtualClock clock_;
  cache::Generations generations_{cache::Generations::kSlotsLog2Min};
  SparseDevice device_;
  std::unique_ptr<cache::DiskTier> tier_;
  cache::Cache cache_;
  const cache::Accepts accepts_;
  const std::shared_ptr<cache::Waiter> waiter_ = std::make_shared<NobodyWaits>();
};

}  // namespace

Point replay(const Trace& trace, const Setup& setup, const Progress& progress) {
  CHECK(setup.capacity > 0);
  Point point{.setup = setup, .requests = trace.requests.size()};
  // Replies have a size and nobody reads them: pages that are never touched take no memory.
  const std::size_t reply_bytes_max = cache::Entry::kBytesMax + 1;
  const std::unique_ptr<char, Free> reply(static_cast<char*>(std::calloc(reply_bytes_max, 1)));
  CHECK(reply != nullptr);
  Engine engine(setup);
  Keys keys(trace, engine.cache());
  std::int64_t now_ms = trace.requests.front().time_ms;
  const std::span<const Request> requests(trace.requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Request& request = requests[i];
    engine.clock().advance((request.time_ms - now_ms) * base::kMillisecond);
    now_ms = request.time_ms;
    point.bytes += request.size_bytes;
    point.cost_us += request.cost_us;
    bool from_disk;
    cache::Lookup lookup = engine.look_up(keys.next(), from_disk);
    if (lookup.outcome == cache::Outcome::kHit) {
      ++point.hits;
      point.disk_hits += from_disk ? 1 : 0;
      point.hit_bytes += request.size_bytes;
      point.hit_cost_us += request.cost_us;
    } else if (lookup.fill) {
      const std::size_t size = setup.counts_entries ? 0 : request.size_bytes;
      const std::string_view bytes(reply.get(), std::min(size, reply_bytes_max));
      const base::Nanos ttl =
          request.ttl_ms == Request::kForever ? kForever : request.ttl_ms * base::kMillisecond;
      const auto result = lookup.fill.keep({&bytes, 1}, 0, {}, ttl, request.cost_us * base::kMicrosecond);
      if (result == cache::KeepResult::kTooLarge || result == cache::KeepResult::kNoRoom) ++point.not_kept;
      engine.run_disk();
    } else {
      ++point.not_kept;  // known to be too large
    }
    if (progress && i % kRequestsBetweenProgress == 0)
      progress(static_cast<double>(i) / static_cast<double>(requests.size()));
  }
  point.evictions = engine.cache().stats().evictions;
  point.disk_written_bytes = engine.disk_written_bytes();
  return point;
}

}  // namespace pgweir::simulate
