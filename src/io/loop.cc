#include "io/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace pgweir::io {
namespace {

constexpr int kEventsMax = 256;

}  // namespace

Loop::Loop(const base::Clock& clock) : clock_(clock), events_(kEventsMax) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(epoll_ >= 0 && wakeup_ >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) == 0);
}

Loop::~Loop() {
  close(wakeup_);
  close(epoll_);
}

base::Result<void> Loop::add(int fd, std::uint32_t interest, Handler* handler) {
  epoll_event event{.events = interest, .data = {.ptr = handler}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
    return base::fail(base::ErrorCode::kLimit,
                      std::string("cannot watch a connection: ") + std::strerror(errno));
  return {};
}

void Loop::modify(int fd, std::uint32_t interest, Handler* handler) {
  epoll_event event{.events = interest, .data = {.ptr = handler}};
  CHECK(epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::remove(int fd, Handler* handler) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  for (int i = dispatching_; i < dispatch_end_; ++i)
    if (events_[static_cast<std::size_t>(i)].data.ptr == handler)
      events_[static_cast<std::size_t>(i)].events = 0;
}

TimerId Loop::after(base::Nanos delay, std::function<void()> action) {
  const TimerId id = next_timer_++;
  live_timers_.insert(id);
  looked_at_ = now();
  timers_.push_back({looked_at_ + delay, id, std::move(action)});
  std::push_heap(timers_.begin(), timers_.end(), std::greater<>{});
  return id;
}

void Loop::cancel(TimerId id) {
  if (live_timers_.erase(id) == 0) return;
  // Cancelled timers stay in the heap until due; sweep when they are the greater part.
  if (timers_.size() > 64 && timers_.size() > 2 * live_timers_.size()) {
    std::erase_if(timers_, [&](const Timer& timer) { return !live_timers_.contains(timer.id); });
    std::make_heap(timers_.begin(), timers_.end(), std::greater<>{});
  }
}

void Loop::post(std::function<void()> action) {
  bool first;
  {
    std::lock_guard lock(posted_mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(action));
  }
  if (!first) return;
  const std::uint64_t one = 1;
  // The counter cannot overflow, and a full one wakes the loop all the same.
  [[maybe_unused]] const auto n = write(wakeup_, &one, sizeof one);
}

void Loop::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    const int count = epoll_wait(epoll_, events_.data(), kEventsMax, wait_ms());
    if (count < 0) CHECK(errno == EINTR);
    dispatch(count);
    run_timers();
    run_deferred();
  }
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  post([] {});
}

int Loop::wait_ms() const {
  if (!deferred_.empty()) return 0;
  if (timers_.empty()) return -1;
  const base::Nanos left = timers_.front().due - looked_at_;
  if (left <= 0) return 0;
  return static_cast<int>(
      std::min<base::Nanos>((left + base::kMillisecond - 1) / base::kMillisecond, 60'000));
}

void Loop::dispatch(int count) {
  dispatch_end_ = count;
  bool posted = false;
  for (dispatching_ = 0; dispatching_ < dispatch_end_;) {
    const epoll_event event = events_[static_cast<std::size_t>(dispatching_++)];
    if (event.events == 0) continue;
    if (event.data.ptr == nullptr) {
      posted = true;
    } else {
      static_cast<Handler*>(event.data.ptr)->on_ready(event.events);
    }
  }
  dispatching_ = dispatch_end_ = 0;
  if (posted) run_posted();
}

void Loop::run_posted() {
  std::uint64_t ignored;
  [[maybe_unused]] const auto n = read(wakeup_, &ignored, sizeof ignored);
  std::vector<std::function<void()>> actions;
  {
    std::lock_guard lock(posted_mutex_);
    actions.swap(posted_);
  }
  for (auto& action : actions) action();
}

void Loop::run_timers() {
  if (timers_.empty()) return;
  looked_at_ = now();
  while (!timers_.empty() && timers_.front().due <= looked_at_) {
    std::pop_heap(timers_.begin(), timers_.end(), std::greater<>{});
    Timer timer = std::move(timers_.back());
    timers_.pop_back();
    if (live_timers_.erase(timer.id) != 0) timer.action();
  }
}

void Loop::run_deferred() {
  while (!deferred_.empty()) {
    std::vector<std::function<void()>> actions;
    actions.swap(deferred_);
    for (auto& action : actions) action();
  }
}

}  // namespace pgweir::io
