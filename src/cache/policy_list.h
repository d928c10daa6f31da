// A doubly linked list of nodes in order of insertion, with the sum of their charges.
#pragma once

#include <cstdint>

#include "base/check.h"
#include "cache/policy.h"
#include "cache/prefetch.h"

namespace pgweir::cache {

// Owns no node. One thread at a time.
class PolicyList {
 public:
  // `queue` is written into its nodes, so that each knows where it is.
  PolicyList(Queue queue, Nodes nodes) : nodes_(nodes), queue_(queue) {}

  // Null if there is none.
  PolicyNode* tail() const { return tail_ == 0 ? nullptr : &nodes_[tail_]; }
  std::uint64_t bytes() const { return bytes_; }

  // REQUIRES: node is in no list.
  void push(PolicyNode& node) {
    CHECK(node.queue == Queue::kNone);
    const std::uint32_t number = nodes_.number_of(node);
    node.queue = queue_;
    node.newer = 0;
    node.older = head_;
    (head_ != 0 ? nodes_[head_].newer : tail_) = number;
    head_ = number;
    bytes_ += node.charge_bytes;
  }
  // REQUIRES: node is in this list.
  void remove(PolicyNode& node) {
    CHECK(node.queue == queue_);
    (node.newer != 0 ? nodes_[node.newer].older : head_) = node.older;
    (node.older != 0 ? nodes_[node.older].newer : tail_) = node.newer;
    if (node.older == 0 && lead_ != 0) --lead_;
    if (scout_ != 0 && &nodes_[scout_] == &node) scout_ = node.older;
    bytes_ -= node.charge_bytes;
    node.newer = node.older = 0;
    node.queue = Queue::kNone;
  }
  // REQUIRES: `to` is a copy of `from`, which is in this list, and takes its place.
  void move(const PolicyNode& from, PolicyNode& to) {
    const std::uint32_t number = nodes_.number_of(to);
    (to.newer != 0 ? nodes_[to.newer].older : head_) = number;
    (to.older != 0 ? nodes_[to.older].newer : tail_) = number;
    if (scout_ == nodes_.number_of(from)) scout_ = number;
  }
  // Fetches one more of those that follow the tail: each names the next, and memory is slow, so it takes a
  // step at a time. Call it more often than something leaves.
  void look_ahead() {
    if (lead_ == kLeadMax) return;
    if (scout_ == 0) lead_ = 0;
    const std::uint32_t next = scout_ == 0 ? tail_ : nodes_[scout_].newer;
    if (next == 0) return;
    scout_ = next;
    ++lead_;
    fetch_early(&nodes_[next]);
  }

 private:
  static constexpr unsigned kLeadMax = 16;

  Nodes nodes_;
  Queue queue_;
  std::uint32_t head_ = 0;   // newest
  std::uint32_t tail_ = 0;   // oldest
  std::uint32_t scout_ = 0;  // the last that was fetched; 0: none
  unsigned lead_ = 0;        // about how many have been
  std::uint64_t bytes_ = 0;
};

}  // namespace pgweir::cache
