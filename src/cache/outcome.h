// What a lookup and the end of a fill can come to. name() gives the word used in metrics and in
// explanations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::cache {

enum class Outcome : std::uint8_t {
  kHit,
  kStale,    // its ttl is over, or it is untold, and another fills: for who accepts that
  kMiss,     // the caller fills
  kWaiting,  // another fills; the waiter will be woken
  kPass,     // ask the database, and keep nothing
};

enum class MissWhy : std::uint8_t {
  kCold,         // never seen, or so long ago that it is forgotten
  kExpired,      // its TTL was over
  kEvicted,      // it had to make room
  kInvalidated,  // what it depends on has changed, or everything was dropped
  kEarly,        // its TTL will soon be over: asked anew before others have to wait for it
};
inline constexpr std::size_t kMissWhys = 5;

enum class PassWhy : std::uint8_t {
  kUncacheable,  // a recent fill ended so
  kHeld,         // a write that may touch it is being committed
  kInFlight,     // another fills, and the caller does not wait
  kWaitersFull,  // another fills, and too many wait
  kFillSlow,     // another fills, and has for longer than anybody would wait
  kNoRoom,       // the memory is taken by what cannot be evicted
  kOff,          // the cache is switched off
};
inline constexpr std::size_t kPassWhys = 7;

enum class Eviction : std::uint8_t { kCapacity, kExpired, kInvalidated };
inline constexpr std::size_t kEvictions = 3;

enum class KeepResult : std::uint8_t {
  kKept,
  kMoved,                // a generation moved or was held meanwhile, or everything was dropped
  kTooLarge,             // above entry_bytes_max; the key is marked as uncacheable
  kTooManyDependencies,  // above Entry::kDependenciesMax; the key is marked as uncacheable
  kExpired,              // the fill took longer than the ttl
  kNoRoom,               // the memory is taken by what cannot be evicted
};
inline constexpr std::size_t kKeepResults = 6;

enum class FillEnd : std::uint8_t {
  kUncacheable,  // the reply cannot be kept and the next one could not either: an error of the
                 // statement, too large, a notice. Nobody queues behind this key for a while.
  kFailed,       // says nothing about the reply: the filler's client or upstream went away
  kNoMemory,     // all fills in progress take too much. Nobody queues behind this key for a while.
};
inline constexpr std::size_t kFillEnds = 3;

std::string_view name(Outcome outcome);
std::string_view name(MissWhy why);
std::string_view name(PassWhy why);
std::string_view name(Eviction eviction);
std::string_view name(KeepResult result);
std::string_view name(FillEnd end);

}  // namespace pgweir::cache
