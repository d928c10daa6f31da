// Least recently used first: what others are compared with.
#pragma once

#include "cache/policy_list.h"

namespace pgweir::cache {

// Gives no credit.
class Lru final : public Policy {
 public:
  explicit Lru(Nodes nodes) : list_(Queue::kMain, nodes) {}

  void insert(PolicyNode& node, Credit) override {
    list_.push(node);
    list_.look_ahead();
  }
  void touch(PolicyNode& node) override {
    list_.remove(node);
    list_.push(node);
  }
  Credit remove(PolicyNode& node) override {
    list_.remove(node);
    return 0;
  }
  void move(const PolicyNode& from, PolicyNode& to) override { list_.move(from, to); }
  Victim evict(const IsDead& is_dead) override {
    list_.look_ahead();
    PolicyNode* const tail = list_.tail();
    if (tail == nullptr) return {};
    list_.remove(*tail);
    return {.node = tail, .credit = 0, .is_dead = is_dead(*tail), .ages_ghosts = true};
  }
  std::array<const PolicyNode*, 2> upcoming_victims() const override { return {list_.tail(), nullptr}; }
  std::uint64_t bytes() const override { return list_.bytes(); }
  std::uint64_t overhead_bytes(std::size_t) const override { return 0; }
  void reserve(std::size_t) override {}

 private:
  PolicyList list_;
};

}  // namespace pgweir::cache
