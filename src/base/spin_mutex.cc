#include "base/spin_mutex.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace pgweir::base {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

}  // namespace

// First as if its holder were running, then as if it had been interrupted: on this processor, then on
// another.
void SpinMutex::wait() {
  constexpr unsigned kPausesMax = 64, kSpins = 32, kYields = 64;
  constexpr std::chrono::microseconds kSleep(50);
  for (unsigned tries = 0;; ++tries) {
    if (tries < kSpins) {
      for (unsigned i = std::min(1U << tries / 2, kPausesMax); i != 0; --i) pause();
    } else if (tries < kSpins + kYields) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kSleep);
    }
    if (!is_locked_.load(std::memory_order_relaxed) && !is_locked_.exchange(true, std::memory_order_acquire))
      return;
  }
}

}  // namespace pgweir::base
