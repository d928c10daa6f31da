// A mutex for what takes less time than putting a thread to sleep and waking it.
#pragma once

#include <atomic>

namespace pgweir::base {

// Who finds it locked looks again for a while, and then lets others run in between. Nobody is woken, so that
// unlocking is an ordinary store. Neither fair nor recursive.
class SpinMutex {
 public:
  SpinMutex() = default;
  SpinMutex(const SpinMutex&) = delete;
  SpinMutex& operator=(const SpinMutex&) = delete;

  void lock() {
    if (is_locked_.exchange(true, std::memory_order_acquire)) [[unlikely]]
      wait();
  }
  void unlock() { is_locked_.store(false, std::memory_order_release); }

 private:
  void wait();

  std::atomic<bool> is_locked_{false};
};

}  // namespace pgweir::base
