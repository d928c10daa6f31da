// The part of Shard that has to do with the disk.
#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "cache/disk_tier.h"
#include "cache/shard.h"

namespace pgweir::cache {

namespace {

using Dependencies = std::array<Dependency, Entry::kDependenciesMax>;

disk::Content content_of(const Entry& entry, const Generations& generations, Dependencies& dependencies) {
  std::size_t count = 0;
  for (const PackedDependency packed : entry.dependencies())
    dependencies[count++] = generations.unpack(packed);
  return {.key = entry.key(),
          .asked_at = entry.asked_at(),
          .expires_at = entry.expires_at(),
          .cost = static_cast<base::Nanos>(entry.cost),
          .mark = entry.mark(),
          .dependencies = std::span(dependencies).first(count),
          .bytes = entry.bytes()};
}

}  // namespace

std::optional<DiskPlace> Shard::copy_to_disk(const Entry& entry, std::uint64_t disk_epoch) {
  Dependencies dependencies;
  return disk_->offer(content_of(entry, generations_, dependencies), disk_epoch);
}

bool Shard::save(std::size_t& from, std::uint64_t& saved) {
  constexpr std::size_t kHomes = 64;
  const std::lock_guard lock(mutex_);
  while (from < index_.capacity()) {
    const std::size_t end = std::min(from + kHomes, index_.capacity());
    bool has_room = true;
    std::uint64_t there = 0;
    index_.visit_homes(from, end, [&](Handle handle) {
      const Admission admission = has_room ? save(entries_[handle]) : Admission::kNoBuffer;
      has_room = admission != Admission::kNoBuffer;
      there += admission == Admission::kAdmitted || admission == Admission::kThere ? 1 : 0;
    });
    if (!has_room) return true;
    saved += there;
    from = end;
  }
  return false;
}

Admission Shard::save(const Entry& entry) {
  if (freshness(entry, clock_.now()).is_dead()) return Admission::kShortLived;
  Dependencies dependencies;
  const auto place = disk_->save(content_of(entry, generations_, dependencies), disk_->epoch());
  if (!place) return place.error();
  disk_->publish(entry.key(), *place);
  return Admission::kAdmitted;
}

void Shard::offer(const Entry& entry) {
  if (const auto place = copy_to_disk(entry, disk_->epoch())) disk_->publish(entry.key(), *place);
}

// Meanwhile the key may have been filled again, or everything dropped: then nobody finds the copy.
void Shard::offer(const Entry& entry, std::uint64_t disk_epoch, std::uint64_t settled) {
  const auto place = copy_to_disk(entry, disk_epoch);
  if (!place) return;
  const std::lock_guard lock(mutex_);
  if (settled_ == settled) disk_->publish(entry.key(), *place);
}

std::optional<Lookup> Shard::read(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                                  const Accepts& accepts, Retired& retired) {
  if (waiter == nullptr || !accepts.disk_wait) return std::nullopt;
  const auto place = disk_->find(key);
  if (!place) return std::nullopt;
  Flight* const flight = start_flight(key, now, retired);
  if (flight == nullptr) return pass(PassWhy::kNoRoom);
  flight->disk_ticket = ++last_ticket_;
  if (!disk_->request(key, *place, flight->disk_ticket)) return take_over(*flight, now);
  return wait(*flight, waiter, now, accepts, retired);
}

Lookup Shard::take_over(Flight& flight, base::Nanos now) {
  flight.disk_ticket = 0;
  flight.started_at = flight.asked_at = now;
  flight.epoch = epoch_;
  return fill(flight, MissWhy::kEvicted);
}

Flight* Shard::reading_flight(const DiskRequest& request) {
  const std::uint32_t flight = flight_index_.find(request.key);
  return flight != 0 && flights_[flight].disk_ticket == request.ticket ? &flights_[flight] : nullptr;
}

void Shard::read_ended(const DiskRequest& request, const disk::Record* record) {
  const base::Nanos now = clock_.now();
  Entry::Content content;
  EntryRef large;
  bool is_kept = false;
  if (record != nullptr) {
    content = {.key = request.key,
               .parts = {&record->bytes, 1},
               .bytes = record->bytes.size(),
               .dependencies = record->dependencies,
               .asked_at = record->asked_at,
               .expires_at = record->expires_at,
               .cost = record->cost,
               .mark = record->mark};
    is_kept = examine(content, freshness(content, now)) == KeepResult::kKept;
    if (is_kept && content.bytes > kLockedCopyBytesMax) {
      large = make_large(content, now);
      is_kept = static_cast<bool>(large);
    }
  }
  Retired retired(*this);
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    Flight* const flight = reading_flight(request);
    if (flight == nullptr) return;
    if (is_kept && flight->epoch == epoch_ && !freshness(content, now).is_changed()) {
      const Size size = size_of(content);
      const Room room = make_room_for(size, static_cast<bool>(large), now, retired);
      if (room == Room::kMade) place(content, size, large, {}, now, retired);
    }
    waiters = end_flight(*flight);
  }
  for (const auto& waiter : waiters) waiter->wake();
}

}  // namespace pgweir::cache
