// Who is next when PostgreSQL has room for one statement more: fair queueing (S. J. Golestani: A self-clocked
// fair queueing scheme for broadband applications, 1994). A flow is one template of one client. Its turns
// stand one behind the other, by what its statements cost; and the further apart, the more templates its
// client, or the more clients its template, has waiting. So a template that is asked a thousand times, by one
// client or by all of them, is not in the way of another that is asked once; nor is a client with a thousand
// templates.
//
// Who of a flow has the next turn is another question. The oldest, as long as the queue empties now and then.
// If it does not, everybody's patience ends before the turn comes, and it would come to those who are about
// to give up; then it is the newest's (B. Maurer: Fail at Scale, ACM Queue 2015, "adaptive LIFO").
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <set>
#include <unordered_map>

#include "base/clock.h"

namespace pgweir::guard {

// What waits. It is in one queue at most, and leaves it before it ends.
struct Queued {
  std::uint64_t template_hash = 0;
  std::uint64_t client = 0;
  // The queue's own.
  std::list<Queued*>* line = nullptr;  // in which it stands
  std::list<Queued*>::iterator place;
};

// One thread at a time.
class FairQueue {
 public:
  enum class Order : std::uint8_t { kOldestFirst, kNewestFirst };

  // cost: what the statement is expected to take of PostgreSQL.
  void add(Queued& queued, base::Nanos cost);
  // Before all others: what others wait for.
  void add_first(Queued& queued);
  // Behind all others: nobody may be there for the answer. REQUIRES: it is in the queue.
  void put_last(Queued& queued);
  // REQUIRES: it is in the queue.
  void remove(Queued& queued);

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // Flows that are remembered: about as many as wait, and a few thousand.
  std::size_t flows() const { return flows_.size(); }
  // Its turn has come: it leaves. REQUIRES: !empty().
  Queued& take(Order order);
  // Its turn would come last of all: it leaves. REQUIRES: !empty().
  Queued& take_last(Order order);

 private:
  struct Turn {
    double tag;  // lower is sooner
    std::uint64_t number;
    std::uint64_t flow;
    friend auto operator<=>(const Turn&, const Turn&) = default;
  };
  struct Flow {
    std::uint64_t template_hash = 0;
    std::uint64_t client = 0;
    std::list<Queued*> line;  // the oldest first
    std::deque<Turn> turns;   // as many, the soonest first
    double ends = 0;          // where the last one is over
  };

  static std::uint64_t flow_of(const Queued& queued);
  Queued& leave(std::list<Queued*>& line, std::list<Queued*>::iterator place);
  void end_turn(Flow& flow, const Turn& turn);
  void forget_idle();

  std::size_t size_ = 0;
  std::list<Queued*> first_, last_;
  std::set<Turn> turns_;
  std::unordered_map<std::uint64_t, Flow> flows_;
  std::unordered_map<std::uint64_t, unsigned> templates_, clients_;  // how many flows of each wait
  double time_ = 0;  // the tag of the last turn that was taken
  std::uint64_t numbers_ = 0;
};

}  // namespace pgweir::guard
