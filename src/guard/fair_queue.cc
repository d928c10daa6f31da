#include "guard/fair_queue.h"

#include <algorithm>

namespace pgweir::guard {
namespace {

constexpr base::Nanos kCostMin = 100 * base::kMicrosecond, kCostMax = 10 * base::kSecond;
// When there are more flows than these, those are forgotten that have nothing to stand behind.
constexpr std::size_t kFlowsMax = 4096;

void count_down(std::unordered_map<std::uint64_t, unsigned>& counts, std::uint64_t of) {
  const auto found = counts.find(of);
  if (--found->second == 0) counts.erase(found);
}

std::list<Queued*>::iterator next_of(std::list<Queued*>& line, FairQueue::Order order) {
  return order == FairQueue::Order::kOldestFirst ? line.begin() : std::prev(line.end());
}

void append(std::list<Queued*>& line, Queued& queued) {
  queued.line = &line;
  queued.place = line.insert(line.end(), &queued);
}

}  // namespace

// Flows that collide share their turns.
std::uint64_t FairQueue::flow_of(const Queued& queued) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // Fibonacci hashing
  return queued.template_hash ^ (queued.client * kOdd);
}

void FairQueue::add(Queued& queued, base::Nanos cost) {
  if (flows_.size() >= kFlowsMax) forget_idle();
  const std::uint64_t key = flow_of(queued);
  Flow& flow = flows_[key];
  const bool begins = flow.line.empty();
  if (begins) flow.template_hash = queued.template_hash, flow.client = queued.client;
  const unsigned clients = templates_[flow.template_hash] += begins ? 1 : 0;
  const unsigned templates = clients_[flow.client] += begins ? 1 : 0;
  const double seconds =
      static_cast<double>(std::clamp(cost, kCostMin, kCostMax)) / static_cast<double>(base::kSecond);
  flow.ends = std::max(time_, flow.ends) + seconds * std::max({clients, templates, 1U});
  append(flow.line, queued);
  flow.turns.push_back({flow.ends, ++numbers_, key});
  turns_.insert(flow.turns.back());
  ++size_;
}

void FairQueue::add_first(Queued& queued) {
  append(first_, queued);
  ++size_;
}

void FairQueue::put_last(Queued& queued) {
  remove(queued);
  append(last_, queued);
  ++size_;
}

void FairQueue::remove(Queued& queued) {
  std::list<Queued*>* const line = queued.line;
  leave(*line, queued.place);
  if (line == &first_ || line == &last_) return;
  // The others move up: it is the last turn of the flow that nobody needs.
  Flow& flow = flows_.at(flow_of(queued));
  const Turn turn = flow.turns.back();
  flow.turns.pop_back();
  flow.ends = flow.turns.empty() ? std::min(flow.ends, time_) : flow.turns.back().tag;
  end_turn(flow, turn);
}

Queued& FairQueue::take(Order order) {
  if (!first_.empty()) return leave(first_, first_.begin());
  if (turns_.empty()) return leave(last_, next_of(last_, order));
  const Turn turn = *turns_.begin();
  time_ = std::max(time_, turn.tag);
  Flow& flow = flows_.at(turn.flow);
  Queued& queued = leave(flow.line, next_of(flow.line, order));
  flow.turns.pop_front();
  end_turn(flow, turn);
  return queued;
}

Queued& FairQueue::take_last(Order order) {
  const Order opposite = order == Order::kOldestFirst ? Order::kNewestFirst : Order::kOldestFirst;
  if (!last_.empty()) return leave(last_, next_of(last_, opposite));
  if (turns_.empty()) return leave(first_, std::prev(first_.end()));
  Queued& queued = **next_of(flows_.at(turns_.rbegin()->flow).line, opposite);
  remove(queued);
  return queued;
}

Queued& FairQueue::leave(std::list<Queued*>& line, std::list<Queued*>::iterator place) {
  Queued& queued = **place;
  line.erase(place);
  queued.line = nullptr;
  --size_;
  return queued;
}

void FairQueue::end_turn(Flow& flow, const Turn& turn) {
  turns_.erase(turn);
  if (turns_.empty()) {
    flows_.clear();
    templates_.clear();
    clients_.clear();
    time_ = 0;
  } else if (flow.line.empty()) {
    count_down(templates_, flow.template_hash);
    count_down(clients_, flow.client);
  }
}

void FairQueue::forget_idle() {
  std::erase_if(flows_,
                [this](const auto& flow) { return flow.second.line.empty() && flow.second.ends <= time_; });
}

}  // namespace pgweir::guard
