// Fills in progress. A flight lives in its shard's table from the miss to the end of the fill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cache/entry.h"
#include "cache/fill.h"
#include "cache/ghost.h"
#include "cache/memory.h"

namespace pgweir::cache {

// Changes under the shard's lock.
struct Flight {
  const Key& key() const { return key_; }
  std::uint64_t waiters_bytes() const { return waiters_bytes_for(waiters.capacity()); }
  static std::uint64_t waiters_bytes_for(std::size_t capacity) {
    return capacity == 0 ? 0 : allocation_bytes(capacity * sizeof(std::shared_ptr<Waiter>));
  }

  std::uint64_t epoch = 0;  // the shard's, so that invalidate_all() reaches what is in flight
  base::Nanos started_at = 0;
  base::Nanos asked_at = 0;                 // when the question left; the filler's
  std::uint64_t disk_ticket = 0;            // of the read from the disk that fills; 0: a session does
  bool has_predecessor = true;              // false: there was no entry, and nobody else makes one
  Ghost::Position ghost = Ghost::kUnknown;  // of the key; unknown if there may be a predecessor
  std::vector<std::shared_ptr<Waiter>> waiters;
  Key key_;
  std::uint32_t number = 0;  // in Flights
};

// Flights by number, from 1; those that have ended are used again. One thread at a time (the shard's lock).
class Flights {
 public:
  const Key& key_of(std::uint32_t number) const { return (*this)[number].key(); }
  Flight& operator[](std::uint32_t number) const { return *flights_[number - 1]; }

  // By how much bytes() grows with start(): enough for one more and its place in the lists.
  std::uint64_t growth() const { return idle_.empty() ? kGrowth : 0; }
  std::uint64_t bytes() const { return bytes_; }
  Flight& start(const Key& key, std::uint64_t epoch, base::Nanos now) {
    if (idle_.empty()) {
      flights_.push_back(std::make_unique<Flight>());
      idle_.reserve(flights_.capacity());
      idle_.push_back(static_cast<std::uint32_t>(flights_.size()));
      bytes_ += kGrowth;
    }
    Flight& flight = (*this)[idle_.back()];
    flight.number = idle_.back();
    idle_.pop_back();
    flight.key_ = key;
    flight.epoch = epoch;
    flight.started_at = flight.asked_at = now;
    flight.disk_ticket = 0;
    flight.has_predecessor = true;
    flight.ghost = Ghost::kUnknown;
    return flight;
  }
  void end(Flight& flight) { idle_.push_back(flight.number); }

 private:
  // Vectors double, and copy into what they grow to.
  static constexpr std::uint64_t kGrowth =
      allocation_bytes(sizeof(Flight)) + 3 * (sizeof(std::unique_ptr<Flight>) + sizeof(std::uint32_t));

  std::vector<std::unique_ptr<Flight>> flights_;
  std::vector<std::uint32_t> idle_;
  std::uint64_t bytes_ = 0;
};

}  // namespace pgweir::cache
