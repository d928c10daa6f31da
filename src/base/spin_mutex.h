// A mutex for what takes less time than putting a thread to sleep and waking it.
#pragma once

#include <atomic>
#include <cstdint>

namespace pgweir::base {

// Who finds it locked looks again for a while, and then sleeps. Unlocking is an ordinary store and a look at
// who sleeps, in whatever order they take effect: so who sleeps wakes up by itself too. Neither fair nor
// recursive.
class SpinMutex {
 public:
  SpinMutex() = default;
  SpinMutex(const SpinMutex&) = delete;
  SpinMutex& operator=(const SpinMutex&) = delete;

  void lock() {
    if (is_locked_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
      wait();
  }
  void unlock() {
    is_locked_.store(0, std::memory_order_release);
    if (sleepers_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      wake_one();
  }

 private:
  void wait();
  void wake_one();

  std::atomic<std::uint32_t> is_locked_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace pgweir::base
