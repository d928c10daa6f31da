// An immutable stored reply, in one piece.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "cache/generations.h"
#include "cache/policy.h"

namespace pgweir::cache {

// A keyed hash of everything the reply depends on; the cache relies on its even distribution.
using Key = base::Hash128;

class FreedEntries;

// Immutable and readable on any thread through an EntryRef, except for the PolicyNode part, which
// belongs to the shard and its lock. Lies in the shard's Slabs: header, mark if it has one, dependencies,
// bytes.
class Entry final : public PolicyNode {
 public:
  static constexpr std::size_t kDependenciesMax = 255;
  static constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 30;

  struct Content {
    Key key{};
    std::span<const std::string_view> parts{};  // concatenated
    std::uint64_t bytes = 0;                    // of them
    std::span<const Dependency> dependencies{};
    base::Nanos asked_at = 0;  // the reply is no older
    base::Nanos expires_at = 0;
    base::Nanos cost = 0;    // what the fill cost the database
    std::uint32_t mark = 0;  // the caller's
    bool stores_bytes = true;
  };

  static std::uint64_t bytes_of(std::span<const std::string_view> parts);
  // How much memory construct() needs, 16-byte aligned, for a reply of so many bytes. REQUIRES: bytes <=
  // kBytesMax, dependencies <= kDependenciesMax.
  static std::size_t size_for(const Content& content, std::uint64_t bytes);
  // All but the bytes, with one reference; write_bytes() comes before anybody else sees it.
  static Entry& construct(std::byte* memory, const Content& content, std::uint64_t charge,
                          const Generations& generations);
  void write_bytes(std::span<const std::string_view> parts);
  // A copy; this one is no more. REQUIRES: is_sole_reference().
  Entry& move_to(std::byte* memory);

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  const Key& key() const { return key_; }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(dependency_data() + dependencies_), stored_bytes()};
  }
  std::span<const PackedDependency> dependencies() const { return {dependency_data(), dependencies_}; }
  base::Nanos expires_at() const { return expires_at_; }
  // Or a little earlier: a 2^25th of its life at most.
  base::Nanos asked_at() const { return expires_at_ - ((life_ & kLifeMask) << (life_ >> kLifeBits)); }
  std::uint32_t mark() const {
    std::uint32_t mark = 0;
    if (mark_bytes() != 0) std::memcpy(&mark, tail(), sizeof(mark));
    return mark;
  }
  // What was asked for to construct it.
  std::size_t size() const {
    return kHeaderBytes + mark_bytes() + dependencies_ * sizeof(PackedDependency) + stored_bytes();
  }

  void ref() { references_.fetch_add(1, std::memory_order_relaxed); }
  // True if it was the last one: the memory is to be freed.
  [[nodiscard]] bool unref() { return references_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  // Whether the caller's is the only reference. Stays true if no one else can reach the entry.
  bool is_sole_reference() const { return references_.load(std::memory_order_acquire) == 1; }

 private:
  static constexpr std::size_t kHeaderBytes = 56;
  static constexpr std::uint32_t kHasMark = std::uint32_t{1} << 31;
  static constexpr unsigned kLifeBits = 26;  // and six bits that say by how much to shift them
  static constexpr base::Nanos kLifeMask = (1 << kLifeBits) - 1;

  Entry(const Content& content, std::uint64_t bytes, std::uint64_t charge);
  ~Entry() = default;
  static std::uint32_t packed_life(base::Nanos life);
  std::size_t stored_bytes() const { return bytes_ & ~kHasMark; }
  std::size_t mark_bytes() const { return (bytes_ & kHasMark) != 0 ? sizeof(std::uint64_t) : 0; }
  std::byte* tail() const { return reinterpret_cast<std::byte*>(const_cast<Entry*>(this)) + kHeaderBytes; }
  PackedDependency* dependency_data() const {
    return reinterpret_cast<PackedDependency*>(tail() + mark_bytes());
  }

  std::uint8_t dependencies_;
  std::atomic<std::uint32_t> references_{1};
  std::uint32_t bytes_;  // and kHasMark
  std::uint32_t life_;   // expires_at - asked_at
  Key key_;
  base::Nanos expires_at_;
};

inline std::size_t Entry::size_for(const Content& content, std::uint64_t bytes) {
  CHECK(bytes <= kBytesMax && content.dependencies.size() <= kDependenciesMax);
  return kHeaderBytes + (content.mark != 0 ? sizeof(std::uint64_t) : 0) +
         content.dependencies.size() * sizeof(PackedDependency) + bytes;
}

// Rounded up, so that the entry never seems younger than it is.
inline std::uint32_t Entry::packed_life(base::Nanos life) {
  const auto bits =
      static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(std::max<base::Nanos>(life, 0))));
  unsigned shift = bits > kLifeBits ? bits - kLifeBits : 0;
  std::uint64_t mantissa = (static_cast<std::uint64_t>(life) + (std::uint64_t{1} << shift) - 1) >> shift;
  if (mantissa >> kLifeBits != 0) {
    mantissa >>= 1;
    ++shift;
  }
  return static_cast<std::uint32_t>(mantissa | std::uint64_t{shift} << kLifeBits);
}

inline Entry::Entry(const Content& content, std::uint64_t bytes, std::uint64_t charge)
    : dependencies_(static_cast<std::uint8_t>(content.dependencies.size())),
      bytes_(static_cast<std::uint32_t>(bytes) | (content.mark != 0 ? kHasMark : 0)),
      life_(packed_life(content.expires_at - content.asked_at)),
      key_(content.key),
      expires_at_(content.expires_at) {
  charge_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(charge, UINT32_MAX));
  cost = static_cast<float>(content.cost);
}

inline Entry& Entry::construct(std::byte* memory, const Content& content, std::uint64_t charge,
                               const Generations& generations) {
  auto* entry = new (memory) Entry(content, content.stores_bytes ? content.bytes : 0, charge);
  if (content.mark != 0) std::memcpy(entry->tail(), &content.mark, sizeof(content.mark));
  PackedDependency* dependency = entry->dependency_data();
  for (const Dependency& one : content.dependencies) *dependency++ = generations.pack(one);
  return *entry;
}

// Entries whose last reference was dropped without the shard's lock, for the shard to free. Any thread.
class FreedEntries {
 public:
  explicit FreedEntries(Nodes nodes) : nodes_(nodes) {}

  // The pages of a large one go back to the system at once. REQUIRES: no reference is left.
  void add(Entry& entry);
  bool empty() const { return head_.load(std::memory_order_relaxed) == 0; }
  // Calls free(entry) for each. One thread at a time.
  template <class Free>
  void drain(Free&& free) {
    for (std::uint32_t number = head_.exchange(0, std::memory_order_acquire); number != 0;) {
      auto& entry = static_cast<Entry&>(nodes_[number]);
      number = entry.older;
      free(entry);
    }
  }

 private:
  Nodes nodes_;
  std::atomic<std::uint32_t> head_{0};
};

// One counted reference to an entry, which stays readable as long as the reference lives, whatever
// happens to the entry in the cache; its memory counts until then, so do not sit on it. One thread at
// a time; may move between threads. Must be gone before the Cache.
class EntryRef {
 public:
  EntryRef() = default;
  // Takes over a reference.
  static EntryRef adopt(Entry& entry, FreedEntries& freed) { return {entry, freed}; }
  // Adds a reference.
  static EntryRef share(Entry& entry, FreedEntries& freed) {
    entry.ref();
    return {entry, freed};
  }
  EntryRef(EntryRef&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)), freed_(other.freed_) {}
  EntryRef& operator=(EntryRef&& other) noexcept {
    if (this != &other) {
      reset();
      entry_ = std::exchange(other.entry_, nullptr);
      freed_ = other.freed_;
    }
    return *this;
  }
  EntryRef(const EntryRef&) = delete;
  EntryRef& operator=(const EntryRef&) = delete;
  ~EntryRef() { reset(); }

  explicit operator bool() const { return entry_ != nullptr; }
  // REQUIRES: not empty, for all below.
  const Entry* operator->() const { return entry_; }
  std::string_view bytes() const { return entry_->bytes(); }
  std::uint32_t mark() const { return entry_->mark(); }

  void reset() {
    if (entry_ == nullptr) return;
    Entry& entry = *std::exchange(entry_, nullptr);
    if (entry.unref()) freed_->add(entry);
  }
  // Before anybody else sees the entry.
  void write_bytes(std::span<const std::string_view> parts) { entry_->write_bytes(parts); }
  // Hands the reference over to the caller.
  Entry& detach() { return *std::exchange(entry_, nullptr); }

 private:
  EntryRef(Entry& entry, FreedEntries& freed) : entry_(&entry), freed_(&freed) {}

  Entry* entry_ = nullptr;
  FreedEntries* freed_ = nullptr;
};

}  // namespace pgweir::cache
