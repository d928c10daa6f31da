#include "base/clock.h"

#include <ctime>

namespace pgweir::base {
namespace {

Nanos read(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return Nanos{ts.tv_sec} * kSecond + ts.tv_nsec;
}

}  // namespace

Nanos SystemClock::now() const { return read(CLOCK_MONOTONIC); }
Nanos SystemClock::wall() const { return read(CLOCK_REALTIME); }

Nanos ThreadCpuClock::now() const { return read(CLOCK_THREAD_CPUTIME_ID); }
Nanos ThreadCpuClock::wall() const { return read(CLOCK_REALTIME); }

}  // namespace pgweir::base
