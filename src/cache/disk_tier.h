// The disk as the cache sees it: what is worth keeping is offered, what is asked for is requested, and
// neither ever waits for the device. Requests are read by threads of its own, which tell the cache of the
// end; a writer's thread writes what was admitted, within its budgets. A device that fails or is slow is left
// alone by a breaker.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cache/disk_admission.h"
#include "cache/disk_breaker.h"
#include "cache/disk_budget.h"
#include "cache/disk_stats.h"
#include "cache/disk_store.h"
#include "io/device.h"

namespace pgweir::cache {

struct DiskTierConfig {
  DiskStoreConfig store;
  std::uint64_t write_bytes_per_second = 0;  // 0: no limit, here and below
  std::uint64_t write_bytes_per_day = 0;
  AdmissionKind admission = AdmissionKind::kSecondSight;
  base::Nanos ttl_min = 5 * base::kSecond;  // what is left of it
  std::size_t sightings = std::size_t{1} << 17;
  std::size_t queue_max = 256;
  base::Nanos read_wait = 50 * base::kMillisecond;  // then the database is asked
  unsigned readers = 2;
  DiskBreakerConfig breaker;
};

// As configured, with an eighth of the memory for the index.
DiskTierConfig tier_config(const DiskConfig& config, std::uint64_t memory_bytes,
                           const base::Hash128& identity);

struct DiskRequest {
  Key key;
  DiskPlace place;
  std::uint64_t ticket = 0;  // the caller's
  base::Nanos asked_at = 0;
};

// Any thread, but for what says otherwise. Device, clock and generations must outlive it.
class DiskTier {
 public:
  // The end of a request: with the record if it was found and is not dead. On a reader's thread, or on that
  // of stop(); with no lock held.
  using Completed = std::function<void(const DiskRequest&, const disk::Record*)>;

  DiskTier(const DiskTierConfig& config, io::Device& device, const base::Clock& clock,
           const Generations& generations);
  ~DiskTier() { stop(); }
  DiskTier(const DiskTier&) = delete;
  DiskTier& operator=(const DiskTier&) = delete;

  // REQUIRES: before start().
  void set_completed(Completed completed) { completed_ = std::move(completed); }
  // Its threads; tests crank the steps by hand instead.
  void start();
  // What has been admitted is written, unless the device is not used.
  void stop();

  // Where the key may be read; nothing while the device is not used.
  std::optional<DiskPlace> find(const Key& key);
  // False if too many wait already: then nothing is called.
  bool request(const Key& key, const DiskPlace& place, std::uint64_t ticket);
  base::Nanos read_wait() const { return config_.read_wait; }

  // Keeps a copy if it is worth it, for publish(). `epoch`: as it was when this was current.
  std::optional<DiskPlace> offer(const disk::Content& content, std::uint64_t epoch);
  // The same at the end, when what is not kept is gone: worth it is whatever lives on. kNoBuffer: later.
  std::expected<DiskPlace, Admission> save(const disk::Content& content, std::uint64_t epoch);
  void publish(const Key& key, const DiskPlace& place) { store_.publish(key, place); }
  void erase(const Key& key) { store_.erase(key); }
  std::uint64_t epoch() const { return store_.epoch(); }
  void begin_clear() { store_.begin_clear(); }
  void end_clear();

  DiskStats stats() const;
  // Why the device is not used; empty if it is.
  std::string trouble() const;
  std::uint64_t memory_bytes_max() const {
    return DiskStore::buffer_bytes(config_.store) + sightings_.bytes() + config_.store.index_bytes_max;
  }

  enum class Step : std::uint8_t {
    kDone,
    kIdle,     // there is nothing to do
    kBlocked,  // later: the budget is used up, or the device is not used
  };
  // One request; `reader` < readers. REQUIRES: not while its threads run, here and below.
  Step read_step(unsigned reader);
  Step write_step();

 private:
  static constexpr std::size_t kWriter = DiskBreaker::kCallers - 1;  // as a caller of the breaker

  Admission judge(const disk::Content& content);
  // Of what is there already, or will not live long.
  Admission judge_life(const disk::Content& content) const;
  void count(Admission admission);
  void complete(const DiskRequest& request, const disk::Record* record);
  Step open_store();
  Step probe();
  void report(const base::Result<void>& result);
  void read_until_stopped(unsigned reader);
  void write_until_stopped();

  const DiskTierConfig config_;
  const base::Clock& clock_;
  DiskStore store_;
  DiskBreaker breaker_;
  WriteBudget budget_;  // the writer's
  bool was_opened_ = false;
  Completed completed_;
  std::atomic<base::Nanos> read_cost_{0};  // smoothed

  mutable std::mutex mutex_;
  std::condition_variable wake_reader_;
  std::condition_variable wake_writer_;
  bool stopping_ = false;
  bool has_work_ = false;  // for the writer
  std::deque<DiskRequest> queue_;
  Sightings sightings_;
  std::array<std::uint64_t, kAdmissions> admissions_{};
  std::uint64_t queue_full_ = 0;
  std::uint64_t overdue_ = 0;
  std::uint64_t written_in_day_bytes_ = 0;
  std::string trouble_ = "it is being opened";
  std::vector<std::thread> threads_;
};

}  // namespace pgweir::cache
