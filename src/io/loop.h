// The event loop of one worker: level-triggered epoll, timers, and work posted from other threads.
// Level-triggered, because then backpressure is nothing but an interest mask, and an idle
// connection owns no buffer and no pending operation (docs/decisions/0001-event-loop.md).
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::io {

// Something with a file descriptor. on_ready is called on the loop's thread, never after
// Loop::remove(). The handler may remove (but not delete) itself or others meanwhile.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void on_ready(std::uint32_t events) = 0;  // EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP ...
};

using TimerId = std::uint64_t;  // 0 is never a timer

// run() defines the loop's thread; everything but post() and stop() is for that thread only, or
// for before run().
class Loop {
 public:
  explicit Loop(const base::Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  base::Result<void> add(int fd, std::uint32_t interest, Handler* handler);
  void modify(int fd, std::uint32_t interest, Handler* handler);
  // Forgets fd; call before closing it. Events already fetched for the handler are dropped.
  void remove(int fd, Handler* handler);

  TimerId after(base::Nanos delay, std::function<void()> action);
  void cancel(TimerId id);

  // Runs action on the loop's thread, soon. Any thread.
  void post(std::function<void()> action);
  // Runs action after the current batch of events: the place to delete handlers.
  void defer(std::function<void()> action) { deferred_.push_back(std::move(action)); }

  void run();
  // Any thread.
  void stop();

  base::Nanos now() const { return clock_.now(); }
  const base::Clock& clock() const { return clock_; }

 private:
  struct Timer {
    base::Nanos due;
    TimerId id;
    std::function<void()> action;
    bool operator>(const Timer& other) const { return due > other.due; }
  };

  int wait_ms() const;
  void dispatch(int count);
  void run_posted();
  void run_timers();
  void run_deferred();

  const base::Clock& clock_;
  int epoll_ = -1;
  int wakeup_ = -1;
  std::vector<epoll_event> events_;
  int dispatching_ = 0;  // events fetched and not yet dispatched begin here
  int dispatch_end_ = 0;
  std::vector<Timer> timers_;  // a min-heap on due
  std::unordered_set<TimerId> live_timers_;
  TimerId next_timer_ = 1;
  base::Nanos looked_at_ = 0;  // the time when timers were last run or set: one reading for each round
  std::vector<std::function<void()>> deferred_;

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
  std::atomic<bool> stopping_{false};
};

}  // namespace pgweir::io
