#include "guard/gate.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace pgweir::guard {
namespace {

// No statement is overdue before; nor before it takes so many times what it does when all is calm.
constexpr base::Nanos kOverdueMin = base::kSecond;
constexpr int kOverdueTimes = 8;
// A queue that has not been empty for so long is no burst.
constexpr base::Nanos kStanding = 200 * base::kMillisecond;

using Lock = std::unique_lock<base::SpinMutex>;

}  // namespace

Gate::Gate(const GuardConfig& config, const base::Clock& clock)
    : clock_(clock), config_(config), limiter_(config) {
  show();
}

void Gate::configure(const GuardConfig& config) {
  Wakes wakes;
  {
    const Lock lock(mutex_);
    config_ = config;
    limiter_.configure(config);
    let_in_queued(clock_.now(), wakes);
    while (queue_.size() > config_.queue_max) refuse_last(clock_.now(), wakes);
    show();
  }
  for (const auto& waiter : wakes) waiter->turn_has_come();
}

void Gate::tick() {
  Wakes wakes;
  {
    const Lock lock(mutex_);
    let_in_queued(clock_.now(), wakes);
    show();
  }
  for (const auto& waiter : wakes) waiter->turn_has_come();
}

bool Gate::has_room() const {
  if (outside_ + overdue_outside_ >= limiter_.limit_max()) return false;
  return outside_ == 0 || outside_ + inside_ < limiter_.limit();
}

void Gate::let_in(Permit& permit, base::Nanos now) {
  permit.began_at_ = now;
  permit.overdue_at_ =
      now + std::max(kOverdueMin, kOverdueTimes * limiter_.calm_latency(permit.template_hash));
  permit.overdue_ = false;
  (permit.inside_ ? inside_ : outside_) += 1;
  permit.active_ = outside_ + inside_;  // what is overdue waits for something else
  permit.place_ = running_.insert(running_.end(), &permit);
  if (!permit.inside_) stats_.admitted.add();
  permit.state_.store(Permit::State::kHeld, std::memory_order_release);
}

void Gate::let_out(Permit& permit) {
  if (permit.overdue_) {
    (permit.inside_ ? overdue_inside_ : overdue_outside_) -= 1;
    return;
  }
  (permit.inside_ ? inside_ : outside_) -= 1;
  running_.erase(permit.place_);
}

void Gate::find_overdue(base::Nanos now) {
  for (auto place = running_.begin(); place != running_.end();) {
    Permit& permit = **place;
    if (now - permit.began_at_ < kOverdueMin) break;
    if (now < permit.overdue_at_) {
      ++place;
      continue;
    }
    place = running_.erase(place);
    (permit.inside_ ? inside_ : outside_) -= 1;
    (permit.inside_ ? overdue_inside_ : overdue_outside_) += 1;
    permit.overdue_ = true;
  }
}

void Gate::let_in_queued(base::Nanos now, Wakes& wakes) {
  find_overdue(now);
  while (!queue_.empty() && has_room()) {
    auto& permit = static_cast<Permit&>(queue_.take(order(now)));
    wakes.push_back(permit.waiter_);
    stats_.waited.add();
    stats_.wait_time.record(now - permit.asked_at_);
    let_in(permit, now);
  }
  if (queue_.empty()) {
    emptied_at_ = now;
  } else {
    limiter_.held_back(now);
  }
}

// Who waits in a queue that does not empty has little patience left by the time its turn comes.
FairQueue::Order Gate::order(base::Nanos now) const {
  return now - emptied_at_ > kStanding ? FairQueue::Order::kNewestFirst : FairQueue::Order::kOldestFirst;
}

void Gate::refuse_last(base::Nanos now, Wakes& wakes) {
  auto& permit = static_cast<Permit&>(queue_.take_last(order(now)));
  wakes.push_back(permit.waiter_);
  permit.state_.store(Permit::State::kRefused, std::memory_order_release);
}

void Gate::show() {
  stats_.limit.set(limiter_.limit());
  stats_.slowdown_x1000.set(static_cast<std::int64_t>(limiter_.slowdown() * 1000));
  stats_.active.set(outside_);
  stats_.in_transaction.set(inside_);
  stats_.overdue.set(overdue_outside_ + overdue_inside_);
  stats_.queued.set(static_cast<std::int64_t>(queue_.size()));
}

Permit::Permit(Gate& gate, std::shared_ptr<Waiter> waiter)
    : gate_(gate), clock_(gate.clock_), waiter_(std::move(waiter)) {}

Permit::State Permit::ask(const Request& request) {
  const base::Nanos now = clock_.now();
  Gate::Wakes wakes;
  {
    const Lock lock(gate_.mutex_);
    template_hash = request.template_hash;
    client = request.client;
    inside_ = false;
    is_urgent_ = request.is_urgent;
    asked_at_ = now;
    gate_.let_in_queued(now, wakes);
    if (gate_.queue_.empty() && gate_.has_room()) {
      gate_.let_in(*this, now);
    } else {
      gate_.limiter_.held_back(now);
      state_.store(State::kQueued, std::memory_order_relaxed);
      if (request.is_urgent) {
        gate_.queue_.add_first(*this);
      } else {
        gate_.queue_.add(*this, gate_.limiter_.calm_latency(template_hash));
      }
      gate_.let_in_queued(now, wakes);
      // Who comes with little behind it takes the place of who has much.
      if (gate_.queue_.size() > gate_.config_.queue_max) gate_.refuse_last(now, wakes);
    }
    gate_.show();
  }
  for (const auto& waiter : wakes)
    if (waiter != waiter_) waiter->turn_has_come();
  return state();
}

Permit::State Permit::try_ask(const Request& request) {
  const base::Nanos now = clock_.now();
  const Lock lock(gate_.mutex_);
  if (!gate_.queue_.empty() || !gate_.has_room()) return State::kNone;
  template_hash = request.template_hash;
  client = request.client;
  inside_ = is_urgent_ = false;
  gate_.let_in(*this, now);
  gate_.show();
  return State::kHeld;
}

void Permit::take(std::uint64_t of_template) {
  const base::Nanos now = clock_.now();
  const Lock lock(gate_.mutex_);
  template_hash = of_template;
  inside_ = true;
  is_urgent_ = false;
  gate_.let_in(*this, now);
  gate_.show();
}

void Permit::put_last() {
  const Lock lock(gate_.mutex_);
  if (state() == State::kQueued) gate_.queue_.put_last(*this);
}

Permit::State Permit::give_up() {
  const base::Nanos now = clock_.now();
  const Lock lock(gate_.mutex_);
  if (state() != State::kQueued) return state();
  gate_.queue_.remove(*this);
  gate_.stats_.wait_time.record(now - asked_at_);
  state_.store(State::kRefused, std::memory_order_relaxed);
  return State::kRefused;
}

void Permit::release() {
  if (state() == State::kNone) return;
  const base::Nanos now = clock_.now();
  Gate::Wakes wakes;
  {
    const Lock lock(gate_.mutex_);
    if (state() == State::kQueued) gate_.queue_.remove(*this);
    if (state() == State::kHeld) {
      gate_.let_out(*this);
      // pgweir's own questions are no measure: some are short, and some read whole catalogs.
      if (replied_at_ != 0 && !is_urgent_)
        gate_.limiter_.add(
            {.template_hash = template_hash, .latency = replied_at_ - sent_at_, .active = active_}, now);
      gate_.let_in_queued(now, wakes);
    }
    state_.store(State::kNone, std::memory_order_relaxed);
    gate_.show();
  }
  sent_at_ = replied_at_ = 0;
  for (const auto& waiter : wakes) waiter->turn_has_come();
}

}  // namespace pgweir::guard
