// The fence around what a write may change, and which catalog snapshot it names rows by.
//
// Rows have names by the column sets of one snapshot, its layout (query/dependencies.h). A fence that
// names rows by an older one says nothing to replies that are pinned by column sets which that did not
// have. So while such a fence lives, replies depend on whole relations, which every fence holds.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "cache/generations.h"

namespace pgweir::proxy {

// Of one database: whose layout is in force, and whether fences by older ones live. Any thread.
class Layouts {
 public:
  // Rows are named by this one from now on. What depends on rows by the last one must be held meanwhile,
  // and have moved before it is released.
  void replace(std::uint64_t layout);
  // For a fence that is about to hold: true if this is the layout in force; then leave() is owed.
  bool enter(std::uint64_t layout);
  void leave(std::uint64_t layout);

  // Whether it is the layout in force.
  bool is_current(std::uint64_t layout) const;
  // Whether no fence names rows by another one.
  bool is_sole(std::uint64_t layout) const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t current_ = 0;  // guarded by mutex_
  unsigned fences_ = 0;        // by the current one; guarded by mutex_
  unsigned older_fences_ = 0;  // guarded by mutex_
};

// One thread at a time; may move between threads. The destructor bumps and releases what is still held.
class Fence {
 public:
  Fence() = default;
  // Names no rows.
  explicit Fence(cache::Hold hold) : hold_(std::move(hold)) {}
  // REQUIRES: layouts has been entered for it.
  Fence(cache::Hold hold, std::shared_ptr<Layouts> layouts, std::uint64_t layout)
      : hold_(std::move(hold)), layouts_(std::move(layouts)), layout_(layout) {}
  Fence(Fence&& other) noexcept = default;
  Fence& operator=(Fence&& other) noexcept;
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;
  ~Fence() { release(); }

  // Bumps and releases all slots; nothing if there are none.
  void release() {
    if (!hold_.empty() || layouts_ != nullptr) end();
  }
  bool empty() const { return hold_.empty(); }
  std::span<const cache::Slot> slots() const { return hold_.slots(); }
  // REQUIRES: names no rows.
  cache::Hold take_hold() { return std::move(hold_); }

 private:
  void end();

  cache::Hold hold_;
  std::shared_ptr<Layouts> layouts_;
  std::uint64_t layout_ = 0;
};

}  // namespace pgweir::proxy
