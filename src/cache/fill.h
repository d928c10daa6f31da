// One fill per key: the ticket of the session that fills, and those who wait for it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "cache/generations.h"
#include "cache/outcome.h"

namespace pgweir::cache {

class Shard;
struct Flight;

// Whoever waits for another's fill. The cache keeps a reference until the fill ends or
// Cache::leave is called, and may drop the last one on the filler's thread.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // The fill has ended, however: look up again. Called once per kWaiting, on the filler's thread, with
  // no lock held; the implementer posts to its own event loop. It may still be called while, or just
  // after, the waiter gives up.
  virtual void wake() noexcept = 0;
};

// The right and the duty to fill one key. Ends once, by keep, abandon or destruction (kFailed); each
// wakes all waiters on the calling thread. One thread at a time; may move between threads.
// Must end before the Cache does.
class Fill {
 public:
  Fill() = default;
  Fill(Fill&& other) noexcept
      : shard_(std::exchange(other.shard_, nullptr)), flight_(std::exchange(other.flight_, nullptr)) {}
  Fill& operator=(Fill&& other) noexcept {
    if (this != &other) {
      abandon(FillEnd::kFailed);
      shard_ = std::exchange(other.shard_, nullptr);
      flight_ = std::exchange(other.flight_, nullptr);
    }
    return *this;
  }
  Fill(const Fill&) = delete;
  Fill& operator=(const Fill&) = delete;
  ~Fill() {
    if (flight_ != nullptr) abandon(FillEnd::kFailed);
  }

  // Whether the ticket is still open.
  explicit operator bool() const { return flight_ != nullptr; }

  // Stores the concatenated parts, unless a dependency moved or is held. `dependencies` were
  // observed before the query was sent. The ttl counts from sent(), or else from the lookup that gave this
  // ticket, since the reply is at least that old. `cost` is what the fill cost the database. REQUIRES: the
  // ticket is open.
  KeepResult keep(std::span<const std::string_view> parts, std::uint32_t mark,
                  std::span<const Dependency> dependencies, base::Nanos ttl, base::Nanos cost);
  // The question leaves only now: it had to wait. REQUIRES: the ticket is open.
  void sent(base::Nanos now);
  // Ends without a reply to keep; nothing if already ended.
  void abandon(FillEnd end);

 private:
  friend class Shard;
  Fill(Shard& shard, Flight& flight) : shard_(&shard), flight_(&flight) {}

  Shard* shard_ = nullptr;
  Flight* flight_ = nullptr;
};

}  // namespace pgweir::cache
