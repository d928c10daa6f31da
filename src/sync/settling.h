// A table that joins a publication: transactions that wrote to it before may still be open, and the
// stream will not tell of what they wrote. Until all of them have ended its rows are not followed.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>

#include "query/catalog.h"

namespace pgweir::sync {

// One database's. Any thread.
class Settling {
 public:
  // The stream begins anew: nothing is known to be settled.
  void restart();
  // These are published, as a snapshot saw it; `next_xid` is above every transaction that was open then.
  // One that left and joined again has another membership.
  void published(std::span<const query::Catalog::Followed> relations, std::uint64_t next_xid);
  // Every transaction below has ended.
  void ended_below(std::uint64_t xid);
  bool is_settled(query::Oid relation) const;
  // Usual, and cheap to ask.
  bool all_settled() const { return unsettled_count_.load(std::memory_order_acquire) == 0; }

 private:
  void count();

  mutable std::mutex mutex_;
  std::unordered_map<query::Oid, query::Oid> known_;         // guarded by mutex_
  std::unordered_map<query::Oid, std::uint64_t> unsettled_;  // guarded by mutex_
  std::atomic<std::size_t> unsettled_count_{0};
};

}  // namespace pgweir::sync
