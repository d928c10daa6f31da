// Freshness without an index from rows to entries: a fixed array of counters addressed by the hash
// of a name (a relation, a row pinned by values, ...). An entry records the counters it depends
// on as they stood before its query was sent, and is fresh while none has moved or is held.
//
// One 64-bit word per slot: the low 24 bits count holds, the upper 40 bits count bumps. hold()
// adds 1; release() adds (one bump - one hold), so both happen in one atomic step and nobody can
// see a counter that is released but not bumped. A Hold holds each of its slots once, so the
// low field could overflow only with 2^24 writes in flight at once: far above any connection
// limit, and CHECKed.
//
// An entry keeps a dependency in 64 bits: slot, kind, and as many low bits of the count of bumps as are left
// (40 of 40 for 2^20 slots, 34 for 2^28). Counts come round. So whenever any slot has gone half the way
// round, a new *era* begins, and what was kept in an earlier era is not to be believed: before a count could
// look like an older one, two eras have begun.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace pgweir::cache {

using Slot = std::uint32_t;

struct Dependency {
  Slot slot = 0;
  enum class Kind : std::uint8_t {
    kContent,   // moves when the reply may be another
    kVoucher,   // stands for who tells of changes: once it has moved the entry is untold
    kUnvouched  // likewise kContent, but only of an untold entry
  } kind = Kind::kContent;
  std::uint64_t seen = 0;  // what Generations::observe said before the query was sent
};

// A Dependency as an entry keeps it; made and read by Generations. What was seen under a hold has moved.
class PackedDependency {
 public:
  PackedDependency() = default;

 private:
  friend class Generations;
  explicit PackedDependency(std::uint64_t word) : word_(word) {}
  std::uint64_t word_ = 0;
};

// Any thread, lock free.
class Generations {
 public:
  static constexpr unsigned kHoldBits = 24;
  static constexpr std::uint64_t kHoldMask = (std::uint64_t{1} << kHoldBits) - 1;
  static constexpr std::uint64_t kBump = std::uint64_t{1} << kHoldBits;
  static constexpr unsigned kSlotsLog2Min = 4;
  static constexpr unsigned kSlotsLog2Max = 28;

  // 2^slots_log2 slots of 8 bytes; a value out of range is clamped to [kSlotsLog2Min, kSlotsLog2Max].
  explicit Generations(unsigned slots_log2 = 20);
  // Over counters that are somebody else's, who has made sure that none is held. REQUIRES: there are
  // 2^slots_log2 of them, and slots_log2 is in range.
  Generations(unsigned slots_log2, std::atomic<std::uint64_t>* counters);
  Generations(const Generations&) = delete;
  Generations& operator=(const Generations&) = delete;

  // Names that share a slot cost each other misses, never a wrong reply.
  Slot slot_of(std::uint64_t name_hash) const {
    return static_cast<Slot>((name_hash * 0x9E3779B97F4A7C15ULL) >> (64 - slots_log2_));
  }
  std::uint64_t observe(Slot slot) const { return slots_[slot].load(std::memory_order_seq_cst); }
  Dependency depend(Slot slot, Dependency::Kind kind = Dependency::Kind::kContent) const {
    return {slot, kind, observe(slot)};
  }

  static bool is_held(std::uint64_t value) { return (value & kHoldMask) != 0; }
  // Whether the counter itself differs, whatever the holds.
  static bool has_moved(std::uint64_t seen, std::uint64_t value) {
    return (seen >> kHoldBits) != (value >> kHoldBits);
  }
  bool is_fresh(const Dependency& dependency) const {
    return observe(dependency.slot) == dependency.seen && !is_held(dependency.seen);
  }
  bool is_fresh(std::span<const Dependency> dependencies) const;

  // What was seen under a hold is packed as what has moved, since it may be from before or after the write.
  PackedDependency pack(const Dependency& dependency) const;
  Slot slot_of(PackedDependency packed) const { return static_cast<Slot>(packed.word_ & (size() - 1)); }
  Dependency::Kind kind_of(PackedDependency packed) const {
    return static_cast<Dependency::Kind>(packed.word_ >> slots_log2_ & 3);
  }
  // Given what observe(slot_of(packed)) said. REQUIRES: it was packed in this era.
  bool has_moved(PackedDependency packed, std::uint64_t value) const {
    return ((packed.word_ >> (slots_log2_ + kKindBits)) ^ (value >> kHoldBits)) << (64 - count_bits()) != 0;
  }
  // What it was packed from, or, if that has moved, something else that has.
  Dependency unpack(PackedDependency packed) const;
  // Goes up, rarely.
  std::uint64_t era() const { return era_.load(std::memory_order_acquire); }

  // What changed is known to have changed.
  void bump(Slot slot) { count(slots_[slot].fetch_add(kBump, std::memory_order_seq_cst)); }
  // What may be changing: call before whatever commits is sent. Prefer a Hold, which cannot leak.
  void hold(Slot slot);
  // The outcome is known: bumps and releases in one step. REQUIRES: one hold of this caller's.
  void release(Slot slot);
  // What might have changed has not, or was bumped by who saw it: takes one hold off and nothing more.
  // REQUIRES: one hold of this caller's.
  void release_unmoved(Slot slot);

  std::size_t size() const { return std::size_t{1} << slots_log2_; }
  // Fixed for its life; not part of the memory limit of any Cache.
  std::size_t bytes() const { return size() * sizeof(std::atomic<std::uint64_t>); }

 private:
  friend struct TurnedGenerations;  // of tests
  struct Free {
    bool is_ours;
    void operator()(std::atomic<std::uint64_t>* slots) const;
  };
  static constexpr unsigned kKindBits = 2;

  // How much of a count an entry keeps.
  unsigned count_bits() const { return std::min(64 - kHoldBits, 64 - kKindBits - slots_log2_); }
  // A slot was bumped from this value.
  void count(std::uint64_t before) {
    const std::uint64_t bumps = (before >> kHoldBits) + 1;
    if (bumps << (64 - count_bits() + 1) == 0) [[unlikely]]
      era_.fetch_add(1, std::memory_order_acq_rel);
  }
  static std::unique_ptr<std::atomic<std::uint64_t>[], Free> allocate(std::size_t size);

  unsigned slots_log2_;
  std::atomic<std::uint64_t> era_{0};
  std::unique_ptr<std::atomic<std::uint64_t>[], Free> slots_;
};

// Keeps a set of slots held; the destructor releases what is still held. One thread at a time; may
// move between threads. REQUIRES: the Generations outlives it.
class Hold {
 public:
  Hold() = default;
  // Duplicates in `slots` are held once.
  Hold(Generations& generations, std::span<const Slot> slots);
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&& other) noexcept;
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { release(); }

  // Bumps and releases all slots; nothing if there are none.
  void release();
  // The same without the bump.
  void release_unmoved();
  bool empty() const { return slots_.empty(); }
  std::span<const Slot> slots() const { return slots_; }

 private:
  Generations* generations_ = nullptr;
  std::vector<Slot> slots_;  // sorted, unique
};

}  // namespace pgweir::cache
