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
  // Before the tail; null if there is none.
  PolicyNode* second() const {
    if (tail_ == 0 || nodes_[tail_].newer == 0) return nullptr;
    return &nodes_[nodes_[tail_].newer];
  }
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
    if (node.older == 0) prefetch_third();
    bytes_ -= node.charge_bytes;
    node.newer = node.older = 0;
    node.queue = Queue::kNone;
  }
  // REQUIRES: `to` is a copy of a node in this list, and takes its place.
  void move(PolicyNode& to) {
    const std::uint32_t number = nodes_.number_of(to);
    (to.newer != 0 ? nodes_[to.newer].older : head_) = number;
    (to.older != 0 ? nodes_[to.older].newer : tail_) = number;
  }

 private:
  // Each is fetched when it is third, and so is there when it is the tail.
  void prefetch_third() const {
    const PolicyNode* const at = second();
    if (at != nullptr && at->newer != 0) fetch_early(&nodes_[at->newer]);
  }

  Nodes nodes_;
  Queue queue_;
  std::uint32_t head_ = 0;  // newest
  std::uint32_t tail_ = 0;  // oldest
  std::uint64_t bytes_ = 0;
};

}  // namespace pgweir::cache
