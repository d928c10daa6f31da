#include "drill/stop_signal.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace pgweir::drill {

namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

base::Result<StopSignal> StopSignal::make() {
  const sigset_t signals = stop_signals();
  const int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return base::fail(base::ErrorCode::kInternal, std::string("signalfd: ") + std::strerror(errno));
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return StopSignal(fd);
}

StopSignal::StopSignal(StopSignal&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StopSignal::~StopSignal() {
  if (fd_ < 0) return;
  // What came has been acted upon: take it, or it would end the process now.
  signalfd_siginfo taken;
  while (read(fd_, &taken, sizeof taken) > 0) continue;
  close(fd_);
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

bool StopSignal::wait(base::Nanos timeout_ns) const {
  pollfd event{.fd = fd_, .events = POLLIN, .revents = 0};
  const auto timeout_ms = static_cast<int>(std::max<base::Nanos>(0, timeout_ns) / base::kMillisecond);
  return poll(&event, 1, timeout_ms) > 0;
}

}  // namespace pgweir::drill
