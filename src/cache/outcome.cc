#include "cache/outcome.h"

namespace pgweir::cache {

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kHit:
      return "hit";
    case Outcome::kStale:
      return "stale";
    case Outcome::kMiss:
      return "miss";
    case Outcome::kWaiting:
      return "waiting";
    case Outcome::kPass:
      return "pass";
  }
  return "unknown";
}

std::string_view name(MissWhy why) {
  switch (why) {
    case MissWhy::kCold:
      return "cold";
    case MissWhy::kExpired:
      return "expired";
    case MissWhy::kEvicted:
      return "evicted";
    case MissWhy::kInvalidated:
      return "invalidated";
    case MissWhy::kEarly:
      return "early";
  }
  return "unknown";
}

std::string_view name(PassWhy why) {
  switch (why) {
    case PassWhy::kUncacheable:
      return "uncacheable";
    case PassWhy::kHeld:
      return "held";
    case PassWhy::kInFlight:
      return "in_flight";
    case PassWhy::kWaitersFull:
      return "waiters_full";
    case PassWhy::kFillSlow:
      return "fill_slow";
    case PassWhy::kNoRoom:
      return "no_room";
    case PassWhy::kOff:
      return "off";
  }
  return "unknown";
}

std::string_view name(Eviction eviction) {
  switch (eviction) {
    case Eviction::kCapacity:
      return "capacity";
    case Eviction::kExpired:
      return "expired";
    case Eviction::kInvalidated:
      return "invalidated";
  }
  return "unknown";
}

std::string_view name(KeepResult result) {
  switch (result) {
    case KeepResult::kKept:
      return "kept";
    case KeepResult::kMoved:
      return "moved";
    case KeepResult::kTooLarge:
      return "too_large";
    case KeepResult::kTooManyDependencies:
      return "too_many_dependencies";
    case KeepResult::kExpired:
      return "expired";
    case KeepResult::kNoRoom:
      return "no_room";
  }
  return "unknown";
}

std::string_view name(FillEnd end) {
  switch (end) {
    case FillEnd::kUncacheable:
      return "uncacheable";
    case FillEnd::kFailed:
      return "failed";
    case FillEnd::kNoMemory:
      return "no_memory";
  }
  return "unknown";
}

}  // namespace pgweir::cache
