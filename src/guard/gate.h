// The guard before PostgreSQL: so many statements outside transactions are there at once, and no more. Others
// wait for their turn in a bounded queue, or are refused.
//
// A statement inside a transaction never waits, since others may wait for its locks; it is counted apart, and
// while it runs one fewer is let in from outside, but always one at least. A statement that runs for much
// longer than its template does in calm times is overdue: it probably waits for a lock, or its client reads
// slowly. It no longer keeps others waiting, up to limit_max in all: who holds the lock may be among those
// that wait here.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/spin_mutex.h"
#include "guard/config.h"
#include "guard/fair_queue.h"
#include "guard/limiter.h"
#include "guard/stats.h"

namespace pgweir::guard {

class Permit;

// Whoever waits for its turn.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // Its permit is held, or refused. On any thread, with no lock held; the implementer posts to its own event
  // loop. It may still be called while, or just after, the waiter gives up.
  virtual void turn_has_come() noexcept = 0;
};

// Any thread. Outlives its permits.
class Gate {
 public:
  Gate(const GuardConfig& config, const base::Clock& clock);

  // New bounds, in force at once.
  void configure(const GuardConfig& config);
  // To be called now and then: what is overdue may be so without anything else happening.
  void tick();
  const GuardStats& stats() const { return stats_; }

 private:
  friend class Permit;
  using Wakes = std::vector<std::shared_ptr<Waiter>>;

  bool has_room() const;
  void let_in(Permit& permit, base::Nanos now);
  void let_out(Permit& permit);
  void find_overdue(base::Nanos now);
  void let_in_queued(base::Nanos now, Wakes& wakes);
  void refuse_last(base::Nanos now, Wakes& wakes);
  FairQueue::Order order(base::Nanos now) const;
  void show();

  const base::Clock& clock_;
  base::SpinMutex mutex_;  // guards all below but what is atomic
  GuardConfig config_;
  Limiter limiter_;
  FairQueue queue_;
  base::Nanos emptied_at_ = 0;  // when nothing was queued the last time
  std::list<Permit*> running_;  // that are not overdue, the oldest first
  unsigned outside_ = 0;        // of them, outside transactions
  unsigned inside_ = 0;
  unsigned overdue_outside_ = 0;
  unsigned overdue_inside_ = 0;
  GuardStats stats_;
};

// A session's right to have its backend at work. On the session's thread, but for what Gate does to it.
class Permit final : private Queued {
 public:
  // waiter: told when its turn has come.
  Permit(Gate& gate, std::shared_ptr<Waiter> waiter);
  ~Permit() { release(); }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

  struct Request {
    std::uint64_t template_hash = 0;
    std::uint64_t client = 0;  // whose turns are shared
    bool is_urgent = false;    // others wait for it: it stands before all
  };
  enum class State : std::uint8_t { kNone, kQueued, kHeld, kRefused };

  // For a statement outside a transaction. REQUIRES: kNone.
  State ask(const Request& request);
  // The same for what need not be done: kHeld, or kNone if there is no room now. REQUIRES: kNone.
  State try_ask(const Request& request);
  // For one inside, or what must not wait. REQUIRES: kNone.
  void take(std::uint64_t template_hash);
  State state() const { return state_.load(std::memory_order_acquire); }
  bool is_held() const { return state() == State::kHeld; }

  // Nobody may be there for the answer any more: others go first.
  void put_last();
  // Waited for long enough: kRefused, unless its turn has come just now.
  State give_up();
  // The statement leaves now; and its reply has begun: so long PostgreSQL has taken. Counts at release().
  void sent() {
    if (is_held() && sent_at_ == 0) sent_at_ = clock_.now();
  }
  void replied() {
    if (sent_at_ != 0 && replied_at_ == 0) replied_at_ = clock_.now();
  }
  // Back to kNone, whatever it was.
  void release();

 private:
  friend class Gate;

  Gate& gate_;
  const base::Clock& clock_;
  const std::shared_ptr<Waiter> waiter_;
  base::Nanos sent_at_ = 0;
  base::Nanos replied_at_ = 0;
  std::atomic<State> state_{State::kNone};
  // Guarded by the gate's mutex.
  bool inside_ = false;
  bool is_urgent_ = false;
  bool overdue_ = false;
  unsigned active_ = 0;  // when it was let in, itself included
  base::Nanos asked_at_ = 0;
  base::Nanos began_at_ = 0;
  base::Nanos overdue_at_ = 0;
  std::list<Permit*>::iterator place_;  // in running_, unless overdue
};

}  // namespace pgweir::guard
