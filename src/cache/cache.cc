#include "cache/cache.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <thread>

#include "cache/disk_tier.h"
#include "cache/shard.h"

namespace pgweir::cache {
namespace {

constexpr unsigned kShardsMax = 1024;
constexpr std::uint64_t kLargestPerShard = 4;
constexpr std::uint64_t kShardBytesMin = 64 << 10;

// Each has spans of its own for each size of slot, and each of its threads' hits may wait for another's:
// sixteen for a start, then one for each 64 MiB.
unsigned shards_for(std::uint64_t memory_bytes) {
  constexpr std::uint64_t kMany = 16, kMost = 64, kSmall = 16 << 20, kLarge = 64 << 20;
  const std::uint64_t small = std::min(kMany, memory_bytes / kSmall),
                      large = std::min(kMost, memory_bytes / kLarge);
  return static_cast<unsigned>(std::bit_floor(std::max({small, large, std::uint64_t{1}})));
}

CacheConfig clamped(CacheConfig config) {
  config.entry_bytes_max = std::min(config.entry_bytes_max, Entry::kBytesMax);
  config.ttl_jitter = std::clamp(config.ttl_jitter, 0.0, 1.0);
  if (config.shards == 0) config.shards = shards_for(config.memory_bytes);
  config.shards = std::bit_ceil(std::clamp(config.shards, 1U, kShardsMax));
  if (config.storage == Storage::kCounted) return config;
  while (config.shards > 1 && config.memory_bytes / config.shards <
                                  std::max(kShardBytesMin, kLargestPerShard * config.entry_bytes_max)) {
    config.shards /= 2;
  }
  config.entry_bytes_max = std::min(config.entry_bytes_max, config.memory_bytes / config.shards / 2);
  return config;
}

}  // namespace

Cache::Cache(const CacheConfig& config, const base::Clock& clock, Generations& generations)
    : config_(clamped(config)),
      clock_(clock),
      generations_(generations),
      shards_log2_(static_cast<unsigned>(std::countr_zero(config_.shards))) {
  shards_.reserve(config_.shards);
  for (unsigned i = 0; i < config_.shards; ++i) {
    shards_.push_back(
        std::make_unique<Shard>(config_, config_.memory_bytes / config_.shards, clock, generations_));
  }
}

Cache::~Cache() {
  if (disk_ != nullptr) disk_->stop();
}

void Cache::use_disk(DiskTier& disk) {
  disk_ = &disk;
  for (const auto& shard : shards_) shard->use_disk(disk);
  disk.set_completed([this](const DiskRequest& request, const disk::Record* record) {
    shard_of(request.key).read_ended(request, record);
  });
}

Shard& Cache::shard_of(const Key& key) const {
  // Two shifts, since one by 64 is undefined when there is one shard.
  return *shards_[(key.lo >> 1) >> (63 - shards_log2_)];
}

Lookup Cache::lookup(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                     const Accepts& accepts) {
  if (is_off()) [[unlikely]] {
    Lookup passes;
    passes.outcome = Outcome::kPass;
    passes.pass_why = PassWhy::kOff;
    return passes;
  }
  return shard_of(key).lookup(key, waiter, now, accepts);
}

void Cache::prefetch(const Key& key) const { shard_of(key).prefetch(key); }
void Cache::prefetch_entry(const Key& key) const { shard_of(key).prefetch_entry(key); }

void Cache::leave(const Key& key, const Waiter& waiter) { shard_of(key).leave(key, waiter); }

void Cache::drop(const Key& key) { shard_of(key).drop(key); }

SaveReport Cache::save(base::Nanos time) {
  constexpr std::chrono::milliseconds kPause(2);
  const base::Nanos deadline = clock_.now() + time;
  SaveReport report;
  std::uint64_t all = 0;
  for (const auto& shard : shards_) {
    all += shard->stats().entries;
    std::size_t from = 0;
    while (shard->save(from, report.entries) && clock_.now() < deadline) std::this_thread::sleep_for(kPause);
  }
  report.left = all - std::min(all, report.entries);
  return report;
}

void Cache::invalidate_all() {
  if (disk_ != nullptr) disk_->begin_clear();
  for (const auto& shard : shards_) shard->invalidate_all();
  if (disk_ != nullptr) disk_->end_clear();
}

void Cache::set_memory_bytes(std::uint64_t memory_bytes) {
  if (disk_ != nullptr) memory_bytes -= std::min(memory_bytes / 2, disk_->memory_bytes_max());
  constexpr std::chrono::microseconds kPause(
      20);  // others get the locks: the next to ask is not always the next
  for (const auto& shard : shards_) shard->set_memory_bytes(memory_bytes / shards_.size());
  for (bool is_done = false; !is_done;) {
    is_done = true;
    for (const auto& shard : shards_) is_done = !shard->shrink() && is_done;
    if (!is_done) std::this_thread::sleep_for(kPause);
  }
}

CacheStats Cache::stats() const {
  CacheStats stats;
  for (const auto& shard : shards_) stats.add(shard->stats());
  if (disk_ == nullptr) return stats;
  stats.disk = disk_->stats();
  stats.bytes += stats.disk->index_bytes + stats.disk->buffer_bytes;
  stats.bytes_max += disk_->memory_bytes_max();
  return stats;
}

}  // namespace pgweir::cache
