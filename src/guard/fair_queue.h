// Who is next when PostgreSQL has room for one statement more: fair queueing (S. J. Golestani: A self-clocked
// fair queueing scheme for broadband applications, 1994). A flow is one template of one client. What it has
// queued stands behind itself, by what its statements cost; and the further apart, the more templates its
// client, or the more clients its template, has waiting. So a template that is asked a thousand times, by one
// client or by all of them, is not in the way of another that is asked once; nor is a client with a thousand
// templates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>

#include "base/clock.h"

namespace pgweir::guard {

// What waits. It is in one queue at most, and leaves it before it ends.
struct Queued {
  std::uint64_t template_hash = 0;
  std::uint64_t client = 0;
  // Its place; lower is sooner.
  double tag = 0;
  std::uint64_t number = 0;
};

// One thread at a time.
class FairQueue {
 public:
  // cost: what the statement is expected to take of PostgreSQL.
  void add(Queued& queued, base::Nanos cost);
  // Before all others: what others wait for.
  void add_first(Queued& queued);
  // Behind all others: nobody may be there for the answer. REQUIRES: it is in the queue.
  void put_last(Queued& queued);
  // REQUIRES: it is in the queue.
  void remove(Queued& queued);

  bool empty() const { return queue_.empty(); }
  std::size_t size() const { return queue_.size(); }
  // Flows that are remembered: about as many as wait, and a few thousand.
  std::size_t flows() const { return flows_.size(); }
  // REQUIRES: !empty().
  Queued& first() const { return **queue_.begin(); }
  Queued& last() const { return **queue_.rbegin(); }
  // The first one's turn has come: it leaves. REQUIRES: !empty().
  Queued& take_first();

 private:
  struct Sooner {
    bool operator()(const Queued* a, const Queued* b) const {
      return a->tag != b->tag ? a->tag < b->tag : a->number < b->number;
    }
  };
  struct Flow {
    unsigned queued = 0;
    double ends = 0;  // where its last one's turn is over
  };

  static std::uint64_t flow_of(const Queued& queued);
  void forget_idle();

  std::set<Queued*, Sooner> queue_;
  std::unordered_map<std::uint64_t, Flow> flows_;
  std::unordered_map<std::uint64_t, unsigned> templates_, clients_;  // how many flows of each wait
  double time_ = 0;  // the tag of the last one that was given its turn
  std::uint64_t numbers_ = 0;
};

}  // namespace pgweir::guard
