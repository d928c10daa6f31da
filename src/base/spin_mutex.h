// A mutex for what takes less time than putting a thread to sleep and waking it.
#pragma once

#include <pthread.h>

namespace pgweir::base {

// As std::mutex, but who finds it locked looks again for a while first (glibc's adaptive kind).
class SpinMutex {
 public:
  SpinMutex() = default;
  ~SpinMutex() { pthread_mutex_destroy(&mutex_); }
  SpinMutex(const SpinMutex&) = delete;
  SpinMutex& operator=(const SpinMutex&) = delete;

  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_ = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

}  // namespace pgweir::base
