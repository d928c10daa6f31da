// Ctrl-C and SIGTERM as something to wait for instead of an interruption.
#pragma once

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::drill {

// While one exists, SIGINT, SIGTERM and SIGHUP are held back on this thread and on those it starts
// from then on, and make fd() readable. Construct it before starting threads.
class StopSignal {
 public:
  static base::Result<StopSignal> make();
  StopSignal(StopSignal&& other) noexcept;
  StopSignal& operator=(StopSignal&&) = delete;
  ~StopSignal();  // signals act as usual again

  int fd() const { return fd_; }
  bool came() const { return wait(0); }
  // Whether a signal came, at once or within timeout_ns.
  bool wait(base::Nanos timeout_ns) const;

 private:
  explicit StopSignal(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace pgweir::drill
