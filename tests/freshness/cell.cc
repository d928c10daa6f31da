#include "cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pgweir::freshness {

std::string describe(const Event& event) {
  return fmt::format("{} ({}) by session {} at {:.6f} s", event.what, event.how, event.session,
                     static_cast<double>(event.at) / 1e9);
}

Cell::Cell(std::string name, Nanos lag) : name_(std::move(name)), lag_(lag), writes_(1), known_(1) {
  writes_[0].fate = Fate::kCommitted;
}

Version Cell::begin_write(bool leaves_absent) {
  const std::lock_guard lock(mutex_);
  writes_.push_back({.leaves_absent = leaves_absent});
  return static_cast<Version>(writes_.size()) - 1;
}

void Cell::acknowledge(Version version, const Event& event) {
  const std::lock_guard lock(mutex_);
  writes_[static_cast<std::size_t>(version)].fate = Fate::kCommitted;
  raise(version, event);
}

std::optional<std::string> Cell::roll_back(Version version) {
  const std::lock_guard lock(mutex_);
  return roll_back_locked(version);
}

std::optional<std::string> Cell::roll_back_locked(Version version) {
  Write& write = writes_[static_cast<std::size_t>(version)];
  write.fate = Fate::kRolledBack;
  if (!write.was_read) return std::nullopt;
  return fmt::format("{}: version {} was read and then rolled back", name_, version);
}

std::optional<std::string> Cell::settle(std::span<const Version> mine, std::optional<Version> shown,
                                        const Event& event) {
  const std::lock_guard lock(mutex_);
  std::optional<Version> reached = shown;
  if (!shown) {
    for (const Version version : mine)
      if (writes_[static_cast<std::size_t>(version)].leaves_absent) reached = version;
    if (!reached) reached = absent_since(floor_.version);
  }
  if (!reached) return fmt::format("{}: no row in the database, and no write that removed it", name_);
  std::optional<std::string> complaint;
  for (const Version version : mine) {
    if (version == *reached) {
      writes_[static_cast<std::size_t>(version)].fate = Fate::kCommitted;
    } else if (version > *reached) {
      if (auto found = roll_back_locked(version)) complaint = std::move(found);
    }
  }
  raise(*reached, event);
  return complaint;
}

void Cell::raise(Version version, const Event& event) {
  if (version <= floor_.version) return;
  floor_ = {version, event};
  if (lag_ > 0) known_.push_back(floor_);
}

Floor Cell::floor(Nanos now) const {
  const std::lock_guard lock(mutex_);
  if (lag_ == 0) return floor_;
  // The first is of the beginning, before any read: it counts however young it is.
  const auto later = std::find_if(known_.begin() + 1, known_.end(),
                                  [&](const Floor& floor) { return floor.why.at > now - lag_; });
  return *std::prev(later);
}

// The first version from `version` on that may have left no row.
std::optional<Version> Cell::absent_since(Version version) const {
  for (auto at = static_cast<std::size_t>(version); at < writes_.size(); ++at)
    if (writes_[at].leaves_absent && writes_[at].fate != Fate::kRolledBack) return static_cast<Version>(at);
  return std::nullopt;
}

std::optional<std::string> Cell::why_impossible(const Floor& floor, Version shown) const {
  if (shown < floor.version)
    return fmt::format("STALE: {} shows version {}, but before the read began version {} was {}", name_,
                       shown, floor.version, describe(floor.why));
  if (shown >= static_cast<Version>(writes_.size()))
    return fmt::format("INVENTED: {} shows version {}, but the newest sent is {}", name_, shown,
                       writes_.size() - 1);
  const Write& write = writes_[static_cast<std::size_t>(shown)];
  if (write.fate == Fate::kRolledBack)
    return fmt::format("ROLLED BACK: {} shows version {}, which was rolled back", name_, shown);
  if (write.leaves_absent)
    return fmt::format("INVENTED: {} shows a row of version {}, which removed it", name_, shown);
  return std::nullopt;
}

std::optional<std::string> Cell::judge(const Floor& floor, std::optional<Version> shown, const Event& event) {
  const std::lock_guard lock(mutex_);
  if (!shown) {
    const auto reached = absent_since(floor.version);
    if (!reached)
      return fmt::format("STALE: {} shows no row, but before the read began version {} was {}", name_,
                         floor.version, describe(floor.why));
    if (lag_ == 0) raise(*reached, event);
    return std::nullopt;
  }
  if (auto complaint = why_impossible(floor, *shown)) return complaint;
  writes_[static_cast<std::size_t>(*shown)].was_read = true;
  if (lag_ == 0) raise(*shown, event);
  return std::nullopt;
}

Version Cell::newest_sent() const {
  const std::lock_guard lock(mutex_);
  return static_cast<Version>(writes_.size()) - 1;
}

bool Cell::is_present() const {
  const std::lock_guard lock(mutex_);
  return !writes_[static_cast<std::size_t>(floor_.version)].leaves_absent;
}

bool Cell::try_lease() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(is_leased_, true);
}

void Cell::release_lease() {
  const std::lock_guard lock(mutex_);
  is_leased_ = false;
}

}  // namespace pgweir::freshness
