// What leaves when room is needed. One interface for the cache and for what simulates it.
//
// s3fifo  keeps what is asked for often, and lets scans flow through; a hit moves nothing (s3fifo.h)
// lru     keeps what was asked for last: the baseline that others are compared with (lru.h)
// cost    keeps what saves the most database time for each byte (greedy_dual.h)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "cache/policy_kind.h"

namespace pgweir::cache {

enum class Queue : std::uint8_t { kNone, kSmall, kMain };

// A policy's part of an entry, inherited by it. charge_bytes and cost do not change while it is placed.
struct PolicyNode {
  std::uint32_t newer = 0;  // a number of Nodes
  union {
    std::uint32_t older = 0;
    std::uint32_t place;
  };
  float cost = 0;  // nanoseconds that its fill cost the database
  std::uint32_t charge_bytes = 0;
  std::uint16_t frequency = 0;
  Queue queue : 2 = Queue::kNone;  // kNone: in no policy
  bool touched : 1 = false;
};

// Numbers for the nodes of one policy, in four bytes: they lie, aligned, within 64 GiB. 0 is no node.
class Nodes {
 public:
  static constexpr std::size_t kAlign = 16;

  // Where number 0 would be.
  explicit Nodes(const std::byte* origin) : origin_(reinterpret_cast<std::uintptr_t>(origin)) {}
  PolicyNode& operator[](std::uint32_t number) const {
    const std::uintptr_t at = origin_ + std::uintptr_t{number} * kAlign;
    return *reinterpret_cast<PolicyNode*>(at);  // NOLINT(performance-no-int-to-ptr): 0 may lie outside
  }
  std::uint32_t number_of(const PolicyNode& node) const {
    return static_cast<std::uint32_t>((reinterpret_cast<std::uintptr_t>(&node) - origin_) / kAlign);
  }

 private:
  std::uintptr_t origin_;
};

// Owns no node. One thread at a time (the shard's lock).
class Policy {
 public:
  // Says of a node that it can answer nothing any more. Refers to a function object.
  class IsDead {
   public:
    template <class Function>
    IsDead(const Function& function)  // NOLINT(google-explicit-constructor)
        : function_(&function), call_([](const void* object, const PolicyNode& node) {
            return (*static_cast<const Function*>(object))(node);
          }) {}
    bool operator()(const PolicyNode& node) const { return call_(function_, node); }

   private:
    const void* function_;
    bool (*call_)(const void*, const PolicyNode&);
  };
  // Bounds the work under the lock: after so many second chances in one eviction, what is next leaves.
  static constexpr unsigned kReinsertMax = 128;
  // What is remembered of a node that has left, and given back when its key returns; 0: nothing.
  using Credit = std::uint8_t;
  static constexpr Credit kCreditMax = 63;

  struct Victim {
    PolicyNode* node = nullptr;  // null if there is none
    Credit credit = 0;
    bool is_dead = false;
    bool ages_ghosts = false;  // its bytes count for how long others are remembered
  };

  virtual ~Policy() = default;

  // REQUIRES: node is in no policy; room for one more has been reserved.
  virtual void insert(PolicyNode& node, Credit credit) = 0;
  // A hit. REQUIRES: node is in this policy, here and in remove().
  virtual void touch(PolicyNode& node) = 0;
  // It leaves for a reason of its own.
  virtual Credit remove(PolicyNode& node) = 0;
  // A copy of a node takes its place. REQUIRES: `from` is in this policy, and is not looked at any more.
  virtual void move(const PolicyNode& from, PolicyNode& to) = 0;
  // Chooses a victim and takes it out. What is dead gets no second chance.
  virtual Victim evict(const IsDead& is_dead) = 0;
  // What will probably leave next; null: unknown.
  virtual std::array<const PolicyNode*, 2> upcoming_victims() const { return {}; }
  // Sum of the charges.
  virtual std::uint64_t bytes() const = 0;

  // Memory of its own for so many nodes; reserve() takes it. REQUIRES: no fewer than there are.
  virtual std::uint64_t overhead_bytes(std::size_t nodes) const = 0;
  virtual void reserve(std::size_t nodes) = 0;
};

std::unique_ptr<Policy> make_policy(PolicyKind kind, Nodes nodes);

}  // namespace pgweir::cache
