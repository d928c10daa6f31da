#include "guard/fair_queue.h"

#include <algorithm>
#include <limits>

namespace pgweir::guard {
namespace {

constexpr double kFirst = -1;
constexpr double kLast = std::numeric_limits<double>::infinity();
constexpr base::Nanos kCostMin = 100 * base::kMicrosecond, kCostMax = 10 * base::kSecond;
// When there are more flows than these, those are forgotten that have nothing to stand behind.
constexpr std::size_t kFlowsMax = 4096;

void count_down(std::unordered_map<std::uint64_t, unsigned>& counts, std::uint64_t of) {
  const auto found = counts.find(of);
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

// Flows that collide share their turns.
std::uint64_t FairQueue::flow_of(const Queued& queued) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // Fibonacci hashing
  return queued.template_hash ^ (queued.client * kOdd);
}

void FairQueue::add(Queued& queued, base::Nanos cost) {
  if (flows_.size() >= kFlowsMax) forget_idle();
  Flow& flow = flows_[flow_of(queued)];
  const bool begins = flow.queued++ == 0;
  const unsigned clients = templates_[queued.template_hash] += begins ? 1 : 0;
  const unsigned templates = clients_[queued.client] += begins ? 1 : 0;
  const double seconds =
      static_cast<double>(std::clamp(cost, kCostMin, kCostMax)) / static_cast<double>(base::kSecond);
  flow.ends = std::max(time_, flow.ends) + seconds * std::max({clients, templates, 1U});
  queued.tag = flow.ends;
  queued.number = ++numbers_;
  queue_.insert(&queued);
}

void FairQueue::add_first(Queued& queued) {
  Flow& flow = flows_[flow_of(queued)];
  const bool begins = flow.queued++ == 0;
  templates_[queued.template_hash] += begins ? 1 : 0;
  clients_[queued.client] += begins ? 1 : 0;
  queued.tag = kFirst;
  queued.number = ++numbers_;
  queue_.insert(&queued);
}

void FairQueue::put_last(Queued& queued) {
  queue_.erase(&queued);
  queued.tag = kLast;
  queue_.insert(&queued);
}

void FairQueue::remove(Queued& queued) {
  queue_.erase(&queued);
  if (queue_.empty()) {
    flows_.clear();
    templates_.clear();
    clients_.clear();
    time_ = 0;
    return;
  }
  Flow& flow = flows_[flow_of(queued)];
  if (--flow.queued != 0) return;
  count_down(templates_, queued.template_hash);
  count_down(clients_, queued.client);
}

Queued& FairQueue::take_first() {
  Queued& queued = first();
  if (queued.tag != kLast) time_ = std::max(time_, queued.tag);
  remove(queued);
  return queued;
}

void FairQueue::forget_idle() {
  std::erase_if(flows_,
                [this](const auto& flow) { return flow.second.queued == 0 && flow.second.ends <= time_; });
}

}  // namespace pgweir::guard
