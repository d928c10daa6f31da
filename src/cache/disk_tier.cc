#include "cache/disk_tier.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace pgweir::cache {
namespace {

DiskStoreConfig store_config(const DiskTierConfig& config) {
  DiskStoreConfig store = config.store;
  if (config.write_bytes_per_second == 0) return store;
  // Small enough for the budget of a second to be used evenly.
  const std::uint64_t part = config.write_bytes_per_second / 8 / io::Device::kAlign * io::Device::kAlign;
  store.write_bytes =
      static_cast<std::uint32_t>(std::clamp<std::uint64_t>(part, io::Device::kAlign, store.write_bytes));
  return store;
}

}  // namespace

DiskTierConfig tier_config(const DiskConfig& config, std::uint64_t memory_bytes,
                           const base::Hash128& identity) {
  constexpr std::uint64_t kIndexShare = 8, kSightingsShare = 256;
  DiskTierConfig tier;
  tier.store.identity = identity;
  tier.store.index_bytes_max = memory_bytes / kIndexShare;
  tier.write_bytes_per_second = config.write_bytes_per_second;
  tier.write_bytes_per_day = config.write_bytes_per_day;
  tier.admission = config.admission;
  tier.sightings = memory_bytes / kSightingsShare / sizeof(std::uint32_t);
  return tier;
}

DiskTier::DiskTier(const DiskTierConfig& config, io::Device& device, const base::Clock& clock,
                   const Generations& generations)
    : config_(config),
      clock_(clock),
      store_(store_config(config), device, clock,
             [&clock, &generations](const disk::Record& record) {
               if (clock.now() >= record.expires_at) return true;
               // What is untold may still serve somebody.
               return std::any_of(
                   record.dependencies.begin(), record.dependencies.end(), [&](const Dependency& dependency) {
                     return dependency.slot >= generations.size() ||
                            (dependency.kind == Dependency::Kind::kContent &&
                             Generations::has_moved(dependency.seen, generations.observe(dependency.slot)));
                   });
             }),
      breaker_(config.breaker, clock),
      budget_(config.write_bytes_per_second, config.write_bytes_per_day),
      sightings_(config.sightings) {
  CHECK(config_.readers < kWriter);
}

std::optional<DiskPlace> DiskTier::find(const Key& key) {
  if (!breaker_.allows()) return std::nullopt;
  return store_.find(key);
}

bool DiskTier::request(const Key& key, const DiskPlace& place, std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || queue_.size() >= config_.queue_max) {
    ++queue_full_;
    return false;
  }
  queue_.push_back({.key = key, .place = place, .ticket = ticket, .asked_at = clock_.now()});
  wake_reader_.notify_one();
  return true;
}

Admission DiskTier::judge_life(const disk::Content& content) const {
  if (!breaker_.allows() || !store_.is_open()) return Admission::kClosed;
  if (store_.contains(content.key)) return Admission::kThere;
  return content.expires_at - clock_.now() < config_.ttl_min ? Admission::kShortLived : Admission::kAdmitted;
}

Admission DiskTier::judge(const disk::Content& content) {
  if (const Admission admission = judge_life(content); admission != Admission::kAdmitted) return admission;
  if (content.cost < read_cost_.load(std::memory_order_relaxed)) return Admission::kCheap;
  if (config_.admission == AdmissionKind::kAll) return Admission::kAdmitted;
  const std::lock_guard lock(mutex_);
  return sightings_.see(content.key) ? Admission::kAdmitted : Admission::kFirstSight;
}

std::optional<DiskPlace> DiskTier::offer(const disk::Content& content, std::uint64_t epoch) {
  Admission admission = judge(content);
  std::optional<DiskPlace> place;
  if (admission == Admission::kAdmitted) {
    if (auto appended = store_.append(content, epoch)) {
      place = *appended;
    } else {
      admission = appended.error();
    }
  }
  count(admission);
  return place;
}

std::expected<DiskPlace, Admission> DiskTier::save(const disk::Content& content, std::uint64_t epoch) {
  const Admission admission = judge_life(content);
  auto place = admission == Admission::kAdmitted ? store_.append(content, epoch) : std::unexpected(admission);
  count(place ? Admission::kAdmitted : place.error());
  return place;
}

void DiskTier::count(Admission admission) {
  const bool has_work =
      (admission == Admission::kAdmitted || admission == Admission::kNoBuffer) && store_.has_work();
  const std::lock_guard lock(mutex_);
  ++admissions_[static_cast<std::size_t>(admission)];
  if (has_work) {
    has_work_ = true;
    wake_writer_.notify_one();
  }
}

void DiskTier::end_clear() {
  store_.end_clear();
  const std::lock_guard lock(mutex_);
  has_work_ = true;
  wake_writer_.notify_one();
}

void DiskTier::complete(const DiskRequest& request, const disk::Record* record) {
  if (completed_) completed_(request, record);
}

DiskTier::Step DiskTier::read_step(unsigned reader) {
  DiskRequest request;
  bool is_overdue = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return Step::kIdle;
    request = std::move(queue_.front());
    queue_.pop_front();
    is_overdue = clock_.now() - request.asked_at >= config_.read_wait;
    if (is_overdue) ++overdue_;
  }
  if (is_overdue || !breaker_.allows()) {
    complete(request, nullptr);
    return Step::kDone;
  }
  std::string bytes;
  disk::Record record;
  breaker_.begin(reader, DiskBreaker::Kind::kRead);
  const DiskRead end = store_.read(request.key, request.place, bytes, record);
  const bool failed = end == DiskRead::kError || end == DiskRead::kShort || end == DiskRead::kCorrupt;
  const base::Nanos took = breaker_.end(reader, !failed);
  const base::Nanos before = read_cost_.load(std::memory_order_relaxed);
  read_cost_.store(before + (took - before) / 16, std::memory_order_relaxed);
  complete(request, end == DiskRead::kFound ? &record : nullptr);
  return Step::kDone;
}

DiskTier::Step DiskTier::write_step() {
  if (config_.store.kept != nullptr) config_.store.kept->tick();
  if (!was_opened_) return open_store();
  if (breaker_.wants_probe()) return probe();
  if (!breaker_.allows()) return Step::kBlocked;
  if (!store_.has_work()) return Step::kIdle;
  const std::uint64_t bytes = store_.next_write_bytes();
  if (bytes != 0 && !budget_.take(bytes, clock_.now())) return Step::kBlocked;
  breaker_.begin(kWriter, DiskBreaker::Kind::kWrite);
  const auto done = store_.work();
  breaker_.end(kWriter, done.has_value());
  if (!store_.is_open()) breaker_.open();
  report(done);
  return Step::kDone;
}

DiskTier::Step DiskTier::open_store() {
  was_opened_ = true;
  const auto opened = store_.open();
  report(opened);
  if (!opened) {
    breaker_.open();
    return Step::kBlocked;
  }
  for (const auto& [age, bytes] : store_.earlier_writes()) budget_.add_earlier(bytes, age, clock_.now());
  return Step::kDone;
}

// What it takes to open the store is no measure of the device: there may be much to read.
DiskTier::Step DiskTier::probe() {
  base::Result<void> answered = store_.is_open() ? store_.probe() : store_.open();
  if (!answered && !store_.is_open()) answered = store_.open();
  breaker_.begin(kWriter, DiskBreaker::Kind::kWrite);
  if (answered) answered = store_.probe();
  breaker_.end(kWriter, answered.has_value());
  report(answered);
  return Step::kDone;
}

void DiskTier::report(const base::Result<void>& result) {
  const std::string trouble = result ? std::string() : result.error().message;
  const std::lock_guard lock(mutex_);
  written_in_day_bytes_ = budget_.day_used_bytes();
  if (trouble == trouble_) return;
  if (result) {
    spdlog::info("cache.disk: in use, with {} entries", store_.stats().entries);
  } else {
    spdlog::warn("cache.disk: {}", trouble);
  }
  trouble_ = trouble;
}

std::string DiskTier::trouble() const {
  const bool is_used = breaker_.allows();
  const std::lock_guard lock(mutex_);
  if (!trouble_.empty() || is_used) return trouble_;
  return "it fails, or is slow";
}

DiskStats DiskTier::stats() const {
  DiskStats stats = store_.stats();
  const DiskBreakerStats breaker = breaker_.stats();
  stats.breaker_opened = breaker.opened;
  stats.slow_reads = breaker.slow_reads;
  stats.slow_writes = breaker.slow_writes;
  stats.is_stalled = breaker.is_stalled;
  stats.is_used = breaker.is_closed && !breaker.is_stalled && store_.is_open();
  const std::lock_guard lock(mutex_);
  stats.admissions = admissions_;
  stats.queue_full = queue_full_;
  stats.overdue = overdue_;
  stats.written_in_day_bytes = written_in_day_bytes_;
  stats.buffer_bytes += sightings_.bytes();
  return stats;
}

void DiskTier::start() {
  for (unsigned reader = 0; reader < config_.readers; ++reader)
    threads_.emplace_back([this, reader] { read_until_stopped(reader); });
  threads_.emplace_back([this] { write_until_stopped(); });
}

void DiskTier::stop() {
  std::deque<DiskRequest> left;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    left.swap(queue_);
    wake_reader_.notify_all();
    wake_writer_.notify_all();
  }
  for (const DiskRequest& request : left) complete(request, nullptr);
  for (std::thread& thread : threads_) thread.join();
  if (!threads_.empty() && breaker_.allows() && store_.is_open()) report(store_.flush());
}

void DiskTier::read_until_stopped(unsigned reader) {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_reader_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
    }
    read_step(reader);
  }
}

void DiskTier::write_until_stopped() {
  constexpr auto kPause = std::chrono::milliseconds(50);
  for (;;) {
    const Step step = write_step();
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    if (step == Step::kBlocked) wake_writer_.wait_for(lock, kPause, [this] { return stopping_; });
    if (step == Step::kIdle)
      wake_writer_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_ || has_work_; });
    has_work_ = false;
  }
}

}  // namespace pgweir::cache
