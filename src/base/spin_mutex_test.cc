#include "base/spin_mutex.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <vector>

namespace pgweir::base {
namespace {

// More threads than processors, so that some find it locked by one that does not run.
TEST(SpinMutexTest, OneThreadAtATime) {
  constexpr unsigned kThreads = 16, kTurns = 20'000;
  SpinMutex mutex;
  unsigned turns = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (unsigned turn = 0; turn < kTurns; ++turn) {
        const std::lock_guard lock(mutex);
        const unsigned before = turns;
        if (turn % 1024 == 0) std::this_thread::yield();  // let the others wait
        turns = before + 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(turns, kThreads * kTurns);
}

}  // namespace
}  // namespace pgweir::base
