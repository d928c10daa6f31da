// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), by bytes.
//
// Three queues. New entries enter *small*, a tenth of the bytes. An entry that reaches the tail of
// small was either hit more than once meanwhile and moves to *main*, or leaves and only its key is
// remembered in the *ghost* (ghost.h). A key that comes back while its ghost is remembered enters
// main at once. At the tail of main an entry that was hit goes round again with one hit less.
// Most keys of a real workload are asked for once: they flow through small and never disturb main.
//
// A hit only raises a 2-bit number, so the hit path moves nothing in any list.
#pragma once

#include "cache/policy_list.h"

namespace pgweir::cache {

// A credit sends the key to main.
class S3Fifo final : public Policy {
 public:
  static constexpr std::uint16_t kFrequencyMax = 3;

  explicit S3Fifo(Nodes nodes) : small_(Queue::kSmall, nodes), main_(Queue::kMain, nodes) {}

  void insert(PolicyNode& node, Credit credit) override;
  void touch(PolicyNode& node) override {
    if (node.frequency < kFrequencyMax) ++node.frequency;
  }
  Credit remove(PolicyNode& node) override;
  void move(const PolicyNode& from, PolicyNode& to) override {
    (to.queue == Queue::kMain ? main_ : small_).move(from, to);
  }
  Victim evict(const IsDead& is_dead) override;
  std::array<const PolicyNode*, 2> upcoming_victims() const override { return {small_.tail(), main_.tail()}; }
  std::uint64_t bytes() const override { return small_.bytes() + main_.bytes(); }
  std::uint64_t overhead_bytes(std::size_t) const override { return 0; }
  void reserve(std::size_t) override {}

  std::uint64_t small_bytes() const { return small_.bytes(); }
  std::uint64_t main_bytes() const { return main_.bytes(); }

 private:
  Victim take(PolicyNode& node, bool is_dead);
  // What evict() looks at.
  const PolicyList& next_queue() const {
    const bool is_small =
        small_.tail() != nullptr && (main_.tail() == nullptr || small_.bytes() * 10 >= bytes());
    return is_small ? small_ : main_;
  }

  PolicyList small_;
  PolicyList main_;
};

}  // namespace pgweir::cache
