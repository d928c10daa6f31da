#include "base/spin_mutex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

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

void SpinMutex::wait() {
  constexpr unsigned kTries = 16, kPausesMax = 32;
  constexpr timespec kSleep{.tv_sec = 0, .tv_nsec = 200'000};  // unless woken, which is what happens
  for (unsigned tries = 0; tries < kTries; ++tries) {
    for (unsigned i = std::min(1U << tries, kPausesMax); i != 0; --i) pause();
    if (is_locked_.load(std::memory_order_relaxed) == 0 &&
        is_locked_.exchange(1, std::memory_order_acquire) == 0)
      return;
  }
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while (is_locked_.exchange(1, std::memory_order_acquire) != 0)
    syscall(SYS_futex, &is_locked_, FUTEX_WAIT_PRIVATE, 1, &kSleep, nullptr, 0);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void SpinMutex::wake_one() { syscall(SYS_futex, &is_locked_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }

}  // namespace pgweir::base
