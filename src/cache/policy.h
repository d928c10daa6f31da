// What leaves when room is needed. One interface for the cache and for what simulates it.
//
// s3fifo  keeps what is asked for often, and lets scans flow through; a hit moves nothing (s3fifo.h)
// lru     keeps what was asked for last: the baseline that others are compared with (lru.h)
// cost    keeps what saves the most database time for each byte (greedy_dual.h)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "cache/policy_kind.h"

namespace pgweir::cache {

enum class Queue : std::uint8_t { kNone, kSmall, kMain };

// A policy's part of an entry, inherited by it. charge_bytes and cost do not change while it is placed.
struct PolicyNode {
  PolicyNode* newer = nullptr;
  union {
    PolicyNode* older = nullptr;
    std::uint64_t place;
  };
  base::Nanos cost = 0;  // what its fill cost the database
  std::uint32_t charge_bytes = 0;
  std::uint16_t frequency = 0;
  Queue queue = Queue::kNone;  // kNone: in no policy
  bool touched = false;
};

// Owns no node. One thread at a time (the shard's lock).
class Policy {
 public:
  // Says of a node that it can answer nothing any more.
  using IsDead = std::function<bool(const PolicyNode&)>;
  // Bounds the work under the lock: after so many second chances in one eviction, what is next leaves.
  static constexpr unsigned kReinsertMax = 128;
  // What is remembered of a node that has left, and given back when its key returns; 0: nothing.
  using Credit = std::uint8_t;
  static constexpr Credit kCreditMax = 63;

  struct Victim {
    PolicyNode* node = nullptr;  // null if there is none
    Credit credit = 0;
    bool ages_ghosts = false;  // its bytes count for how long others are remembered
  };

  virtual ~Policy() = default;

  // REQUIRES: node is in no policy; room for one more has been reserved.
  virtual void insert(PolicyNode& node, Credit credit) = 0;
  // A hit. REQUIRES: node is in this policy, here and in remove().
  virtual void touch(PolicyNode& node) = 0;
  // It leaves for a reason of its own.
  virtual Credit remove(PolicyNode& node) = 0;
  // Chooses a victim and takes it out. What is dead gets no second chance.
  virtual Victim evict(const IsDead& is_dead) = 0;
  // Sum of the charges.
  virtual std::uint64_t bytes() const = 0;

  // Memory of its own for so many nodes. reserve() takes it; it never shrinks.
  virtual std::uint64_t overhead_bytes(std::size_t nodes) const = 0;
  virtual void reserve(std::size_t nodes) = 0;
};

std::unique_ptr<Policy> make_policy(PolicyKind kind);

}  // namespace pgweir::cache
