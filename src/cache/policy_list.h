// A doubly linked list of nodes in order of insertion, with the sum of their charges.
#pragma once

#include <cstdint>

#include "base/check.h"
#include "cache/policy.h"

namespace pgweir::cache {

// Owns no node. One thread at a time.
class PolicyList {
 public:
  // `queue` is written into its nodes, so that each knows where it is.
  explicit PolicyList(Queue queue) : queue_(queue) {}

  PolicyNode* tail() const { return tail_; }
  std::uint64_t bytes() const { return bytes_; }

  // REQUIRES: node is in no list.
  void push(PolicyNode& node) {
    CHECK(node.queue == Queue::kNone);
    node.queue = queue_;
    node.newer = nullptr;
    node.older = head_;
    (head_ != nullptr ? head_->newer : tail_) = &node;
    head_ = &node;
    bytes_ += node.charge_bytes;
  }
  // REQUIRES: node is in this list.
  void remove(PolicyNode& node) {
    CHECK(node.queue == queue_);
    (node.newer != nullptr ? node.newer->older : head_) = node.older;
    (node.older != nullptr ? node.older->newer : tail_) = node.newer;
    bytes_ -= node.charge_bytes;
    node.newer = node.older = nullptr;
    node.queue = Queue::kNone;
  }

 private:
  Queue queue_;
  PolicyNode* head_ = nullptr;  // newest
  PolicyNode* tail_ = nullptr;  // oldest
  std::uint64_t bytes_ = 0;
};

}  // namespace pgweir::cache
