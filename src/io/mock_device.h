// A device in memory, with faults by chance from a seed, or on demand, and crashes at any byte.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "io/device.h"

namespace pgweir::io {

// How often each fault comes, from 0 to 1, for each call.
struct MockFaults {
  double read_error = 0;
  double write_error = 0;  // part of it was written
  double no_space = 0;     // nothing was written
  double sync_error = 0;
  double short_read = 0;
  double bit_flip = 0;    // in what a read gives back, not in what is stored
  double torn_write = 0;  // claims success; only its beginning was written
  double lost_write = 0;  // claims success; nothing was written
  double stall = 0;       // the clock goes on by stall_time meanwhile
  base::Nanos stall_time = 5 * base::kSecond;
};

struct MockCalls {
  std::uint64_t reads = 0, writes = 0, syncs = 0, written_bytes = 0;
  std::uint64_t backward_writes = 0;  // below the end of the write before
};

// Any thread.
class MockDevice final : public Device {
 public:
  // clock: what stalls turn; may be null if there are none.
  MockDevice(std::uint64_t size_bytes, std::uint64_t seed, base::ManualClock* clock = nullptr)
      : clock_(clock), random_(seed), now_(size_bytes, '\0'), synced_(now_), power_left_(kForever) {}

  base::Result<void> open() override {
    const std::lock_guard lock(mutex_);
    if (!open_error_.empty()) return base::fail(base::ErrorCode::kUnavailable, open_error_);
    is_replaced_ = false;
    return {};
  }
  base::Result<void> reserve() override { return {}; }
  std::uint64_t size_bytes() const override { return now_.size(); }
  base::Result<std::size_t> read(std::uint64_t at, std::span<char> out) const override;
  base::Result<void> write(std::uint64_t at, std::string_view bytes) override;
  base::Result<void> sync() override;
  base::Result<void> check() const override {
    const std::lock_guard lock(mutex_);
    if (is_replaced_) return base::fail(base::ErrorCode::kClosed, "mock: was replaced");
    return {};
  }

  void set_faults(const MockFaults& faults) {
    const std::lock_guard lock(mutex_);
    faults_ = faults;
  }
  // Empty: opening works again.
  void set_open_error(std::string message) {
    const std::lock_guard lock(mutex_);
    open_error_ = std::move(message);
  }
  // Calls on other threads hang from now on until release().
  void hang() {
    const std::lock_guard lock(mutex_);
    hangs_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    hangs_ = false;
    released_.notify_all();
  }
  // Whoever waits for a call to hang: false if none did within ten seconds.
  bool wait_until_hanging() const {
    std::unique_lock lock(mutex_);
    return released_.wait_for(lock, std::chrono::seconds(10), [this] { return hanging_ != 0; });
  }
  // Only so many bytes more reach the device, though all calls succeed: what a process killed then has
  // written.
  void cut_power_after(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    power_left_ = bytes;
  }
  // The machine is up again: of what was not synced each sector is there or not, by chance.
  void lose_unsynced(std::uint64_t seed);
  // The process is up again: all that was written is there.
  void restore_power() { cut_power_after(kForever); }
  // Another file lies at its path, all zeros.
  void replace() {
    const std::lock_guard lock(mutex_);
    is_replaced_ = true;
    std::fill(now_.begin(), now_.end(), '\0');
    synced_ = now_;
  }
  // The stored bytes, to be damaged. REQUIRES: no other thread uses the device.
  std::string& bytes() { return now_; }
  MockCalls calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  static constexpr std::uint64_t kForever = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::size_t kSector = 512;

  bool strikes(double chance) const {
    return chance > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < chance;
  }
  std::size_t below(std::size_t limit) const {
    return std::uniform_int_distribution<std::size_t>(0, limit == 0 ? 0 : limit - 1)(random_);
  }
  void begin(std::unique_lock<std::mutex>& lock) const {
    if (clock_ != nullptr && strikes(faults_.stall)) clock_->advance(faults_.stall_time);
    if (!hangs_) return;
    ++hanging_;
    released_.notify_all();
    released_.wait(lock, [this] { return !hangs_; });
    --hanging_;
  }
  void store(std::uint64_t at, std::string_view bytes) {
    const std::size_t n = std::min<std::uint64_t>(bytes.size(), power_left_);
    if (power_left_ != kForever) power_left_ -= n;
    std::copy_n(bytes.begin(), n, now_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  base::ManualClock* clock_;
  mutable std::mutex mutex_;
  mutable std::condition_variable released_;
  mutable std::mt19937_64 random_;
  MockFaults faults_;
  std::string open_error_;
  bool hangs_ = false;
  mutable unsigned hanging_ = 0;
  bool is_replaced_ = false;
  std::string now_;
  std::string synced_;
  std::uint64_t power_left_;
  std::uint64_t written_to_ = 0;
  mutable MockCalls calls_;
};

inline base::Result<std::size_t> MockDevice::read(std::uint64_t at, std::span<char> out) const {
  std::unique_lock lock(mutex_);
  ++calls_.reads;
  begin(lock);
  if (strikes(faults_.read_error))
    return base::fail(base::ErrorCode::kUnavailable, "mock: input/output error");
  std::size_t n = at < now_.size() ? std::min<std::uint64_t>(out.size(), now_.size() - at) : 0;
  if (strikes(faults_.short_read)) n = below(n);
  std::copy_n(now_.begin() + static_cast<std::ptrdiff_t>(at), n, out.begin());
  if (n != 0 && strikes(faults_.bit_flip)) out[below(n)] ^= static_cast<char>(1 << below(8));
  return n;
}

inline base::Result<void> MockDevice::write(std::uint64_t at, std::string_view bytes) {
  std::unique_lock lock(mutex_);
  ++calls_.writes;
  calls_.written_bytes += bytes.size();
  if (at < written_to_) ++calls_.backward_writes;
  written_to_ = at + bytes.size();
  begin(lock);
  if (at + bytes.size() > now_.size() || strikes(faults_.no_space))
    return base::fail(base::ErrorCode::kLimit, "mock: no space left on device");
  if (strikes(faults_.lost_write)) return {};
  if (strikes(faults_.torn_write)) {
    store(at, bytes.substr(0, below(bytes.size())));
    return {};
  }
  if (strikes(faults_.write_error)) {
    store(at, bytes.substr(0, below(bytes.size())));
    return base::fail(base::ErrorCode::kUnavailable, "mock: input/output error");
  }
  store(at, bytes);
  return {};
}

inline base::Result<void> MockDevice::sync() {
  std::unique_lock lock(mutex_);
  ++calls_.syncs;
  begin(lock);
  if (strikes(faults_.sync_error))
    return base::fail(base::ErrorCode::kUnavailable, "mock: input/output error");
  synced_ = now_;
  return {};
}

inline void MockDevice::lose_unsynced(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  std::mt19937_64 random(seed);
  for (std::size_t at = 0; at < now_.size(); at += kSector) {
    const std::size_t n = std::min(kSector, now_.size() - at);
    if (random() % 2 == 0) std::memcpy(now_.data() + at, synced_.data() + at, n);
  }
  synced_ = now_;
  power_left_ = kForever;
}

}  // namespace pgweir::io
