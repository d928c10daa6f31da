// An immutable stored reply, in one allocation: header, dependencies, bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/generations.h"
#include "cache/memory.h"
#include "cache/policy.h"

namespace pgweir::cache {

// A keyed hash of everything the reply depends on; the cache relies on its even distribution.
using Key = base::Hash128;

class EntryRef;

// Immutable and readable on any thread through an EntryRef, except for the PolicyNode part, which
// belongs to the shard and its lock.
class Entry final : public PolicyNode {
 public:
  static constexpr std::size_t kDependenciesMax = 256;
  static constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 30;

  struct Content {
    Key key;
    std::span<const std::string_view> parts;  // concatenated
    std::span<const Dependency> dependencies;
    base::Nanos asked_at = 0;  // the reply is no older
    base::Nanos expires_at = 0;
    base::Nanos cost = 0;    // what the fill cost the database
    std::uint32_t mark = 0;  // the caller's
    std::uint64_t charge = 0;
    bool stores_bytes = true;
  };

  static std::uint64_t bytes_of(std::span<const std::string_view> parts);
  // What make() will take, all told.
  static std::uint64_t charge_of(std::uint64_t bytes, std::size_t dependencies);
  // An entry whose content.charge was already added to `account`; it is subtracted when the entry is freed.
  // REQUIRES: bytes <= kBytesMax, dependencies <= kDependenciesMax, the account outlives the entry.
  // Empty if there is no memory; then the charge is still the caller's.
  static EntryRef make(const Content& content, MemoryAccount& account);

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  const Key& key() const { return key_; }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(dependency_data() + dependencies_), size_};
  }
  std::span<const Dependency> dependencies() const { return {dependency_data(), dependencies_}; }
  base::Nanos asked_at() const { return asked_at_; }
  base::Nanos expires_at() const { return expires_at_; }
  std::uint32_t mark() const { return mark_; }

  // Its first lines, which are about to be read.
  void prefetch() const {
    constexpr std::size_t kLine = 64, kLines = 6;
    const char* const begin = reinterpret_cast<const char*>(this);
    for (std::size_t i = 1; i <= kLines; ++i) __builtin_prefetch(begin + i * kLine);
  }

  void ref() { references_.fetch_add(1, std::memory_order_relaxed); }
  void unref() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) free();
  }
  // Whether the caller's is the only reference. Stays true if no one else can reach the entry.
  bool is_sole_reference() const { return references_.load(std::memory_order_acquire) == 1; }

 private:
  Entry(const Content& content, std::uint64_t size, MemoryAccount& account);
  ~Entry() = default;
  void free();
  const Dependency* dependency_data() const { return reinterpret_cast<const Dependency*>(this + 1); }

  std::atomic<std::uint32_t> references_{1};
  std::uint32_t size_;
  Key key_;
  base::Nanos asked_at_;
  base::Nanos expires_at_;
  MemoryAccount* account_;
  std::uint32_t mark_;
  std::uint32_t dependencies_;
};

// One counted reference to an entry, which stays readable as long as the reference lives, whatever
// happens to the entry in the cache; its memory counts until then, so do not sit on it. One thread at
// a time; may move between threads. Must be gone before the Cache.
class EntryRef {
 public:
  EntryRef() = default;
  // Takes over a reference.
  static EntryRef adopt(Entry* entry) { return EntryRef(entry); }
  // Adds a reference.
  static EntryRef share(Entry& entry) {
    entry.ref();
    return EntryRef(&entry);
  }
  EntryRef(EntryRef&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryRef& operator=(EntryRef&& other) noexcept {
    if (this != &other) {
      reset();
      entry_ = std::exchange(other.entry_, nullptr);
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

  // REQUIRES: nobody else has the entry, and it is in no policy.
  void set_cost(base::Nanos cost) { entry_->cost = cost; }

  void reset() {
    if (entry_ != nullptr) std::exchange(entry_, nullptr)->unref();
  }
  // Hands the reference over to the caller.
  Entry* detach() { return std::exchange(entry_, nullptr); }

 private:
  explicit EntryRef(Entry* entry) : entry_(entry) {}

  Entry* entry_ = nullptr;
};

}  // namespace pgweir::cache
