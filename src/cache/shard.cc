#include "cache/shard.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "cache/disk_tier.h"

namespace pgweir::cache {
namespace {

// An evenly distributed number in [0, 1) that is the same for every life of a key.
double fraction_of(const Key& key) {
  std::uint64_t x = key.lo ^ std::rotl(key.hi, 32);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

MissWhy miss_why(const std::optional<Ghost::Record>& record) {
  if (!record) return MissWhy::kCold;
  switch (record->why) {
    case Eviction::kCapacity:
      return MissWhy::kEvicted;
    case Eviction::kExpired:
      return MissWhy::kExpired;
    case Eviction::kInvalidated:
      return MissWhy::kInvalidated;
  }
  return MissWhy::kCold;
}

// What a fill costs varies from one to the next.
float smoothed(float last, float now) { return last + (now - last) / 4; }

template <class Enum>
std::size_t index_of(Enum value) {
  return static_cast<std::size_t>(value);
}

// A sixty-fourth of the shard at most, so that a flood of uncacheable keys does not empty the cache.
std::size_t marks_capacity(std::uint64_t memory_bytes) {
  constexpr std::uint64_t kMarksMax = 1024;
  const std::uint64_t affordable = memory_bytes / 64 / sizeof(PassMarks::Mark);
  return std::bit_floor(std::clamp<std::uint64_t>(affordable, PassMarks::kWays, kMarksMax));
}

// Evictions and the like under one hold of the lock, and holds: others may take the room that was made.
constexpr unsigned kStepsMax = 64, kHoldsMax = 1 << 14;

// Entries of a simulation have no bytes, and those that are counted have no size either.
std::uint64_t addresses_wanted(const CacheConfig& config, std::uint64_t memory_bytes) {
  return config.storage == Storage::kCounted ? memory_bytes * Slabs::kSlotBytesMin : memory_bytes;
}

}  // namespace

void Retired::free_all() {
  while (head_ != nullptr) {
    Entry& entry = *head_;
    head_ = head_->older == 0 ? nullptr : &shard_.entries_[head_->older];
    if (entry.touched) shard_.offer(entry, disk_epoch_, settled_);
    shard_.free_retired(entry);
  }
}

void Retired::add(Entry& entry, bool is_current) {
  if (is_current && disk_epoch_ == 0) {
    settled_ = shard_.settled_;
    disk_epoch_ = shard_.disk_->epoch();
  }
  entry.touched = is_current;  // no policy has it any more
  bytes_ += Slabs::taken_by(entry.size());
  entry.older = head_ == nullptr ? 0 : shard_.slabs_.handle_of(head_);
  head_ = &entry;
}

void Retired::keep_off_disk(const Key& key) {
  for (Entry* entry = head_; entry != nullptr;
       entry = entry->older == 0 ? nullptr : &shard_.entries_[entry->older]) {
    if (entry->key() == key) entry->touched = false;
  }
}

Shard::Shard(const CacheConfig& config, std::uint64_t memory_bytes, const base::Clock& clock,
             const Generations& generations)
    : config_(config),
      clock_(clock),
      generations_(generations),
      memory_bytes_(memory_bytes),
      era_(generations.era()),
      slabs_(addresses_wanted(config, memory_bytes), config.storage != Storage::kBytes),
      freed_(Nodes(slabs_.origin())),
      entries_(slabs_),
      index_(entries_),
      policy_(make_policy(config.policy, Nodes(slabs_.origin()))),
      flight_index_(flights_),
      marks_(marks_capacity(memory_bytes)) {
  other_bytes_ = overhead(allocation_bytes(sizeof(Shard)));
  ghost_.set_window(memory_bytes - memory_bytes / 10);
}

Shard::~Shard() {
  CHECK(flight_index_.size() == 0);
  other_bytes_ -= overhead(Ghost::bytes_for(ghost_records(index_.capacity())));
  ghost_.resize(0);  // nobody will ask
  invalidate_all();
  drain_freed();
  slabs_.trim();
  const std::uint64_t others = allocation_bytes(sizeof(Shard)) + tables_bytes(index_.capacity()) -
                               Ghost::bytes_for(ghost_records(index_.capacity())) + flights_.bytes() +
                               flight_index_.bytes_for(flight_index_.capacity()) +
                               (marks_.is_allocated() ? marks_.bytes_allocated() : 0);
  // Else an EntryRef outlives its cache, or something was counted wrongly.
  CHECK(slabs_.empty() && charged_bytes_ == 0 && other_bytes_ == overhead(others));
}

void Shard::judge(Freshness& state, Dependency::Kind kind, bool is_moved, bool is_held, Slot slot) {
  if (kind != Dependency::Kind::kContent) {
    (kind == Dependency::Kind::kVoucher ? state.is_untold : state.is_moved_untold) = true;
    return;
  }
  if (is_moved) state.is_moved = true;
  if (is_held) {
    state.is_held = true;
    state.held_slot = slot;
  }
}

inline bool Shard::is_unchanged(const Entry& entry, base::Nanos now) const {
  for (const PackedDependency packed : entry.dependencies()) {
    const std::uint64_t value = generations_.observe(generations_.slot_of(packed));
    if (generations_.has_moved(packed, value) || Generations::is_held(value)) return false;
  }
  return now < entry.expires_at();
}

Shard::Freshness Shard::freshness(const Entry& entry, base::Nanos now) const {
  Freshness state;
  state.is_expired = now >= entry.expires_at();
  for (const PackedDependency packed : entry.dependencies()) {
    const Slot slot = generations_.slot_of(packed);
    const std::uint64_t value = generations_.observe(slot);
    const bool is_moved = generations_.has_moved(packed, value), is_held = Generations::is_held(value);
    if (is_moved || is_held) [[unlikely]]
      judge(state, generations_.kind_of(packed), is_moved, is_held, slot);
  }
  return state;
}

Shard::Freshness Shard::freshness(const Entry::Content& content, base::Nanos now) const {
  Freshness state;
  state.is_expired = now >= content.expires_at;
  for (const Dependency& dependency : content.dependencies) {
    const std::uint64_t value = generations_.observe(dependency.slot);
    // What was seen under a hold may be from before or after the write, whatever the counter says.
    const bool is_moved =
        Generations::has_moved(dependency.seen, value) || Generations::is_held(dependency.seen);
    const bool is_held = Generations::is_held(value);
    if (is_moved || is_held) judge(state, dependency.kind, is_moved, is_held, dependency.slot);
  }
  return state;
}

inline void Shard::count_hit(const Entry& entry) {
  ++stats_.hits;
  stats_.hit_bytes += entry.bytes().size();
  stats_.hit_cost += static_cast<base::Nanos>(entry.cost);
}

// Drawn anew for each lookup, so that of those that come about then one is the first.
inline bool Shard::is_due(const Entry& entry, base::Nanos now) {
  constexpr double kDrawMax = 24;  // of -ln(u); larger ones come once in 10^10 draws
  const auto left = static_cast<double>(entry.expires_at() - now);
  const double unit = static_cast<double>(entry.cost) * config_.early_refresh;
  if (left >= unit * kDrawMax) [[likely]]
    return false;
  const double u = fraction_of({.lo = entry.key().lo, .hi = ++draws_});
  return left < unit * -std::log(std::max(u, 1e-12));
}

inline Lookup Shard::fresh(Entry& entry, base::Nanos now, const Accepts& accepts, Retired& retired) {
  if (is_due(entry, now)) [[unlikely]]
    return answer_and_fill(entry, Outcome::kHit, MissWhy::kEarly, now, accepts, retired);
  policy_->touch(entry);
  count_hit(entry);
  return {.outcome = Outcome::kHit, .entry = EntryRef::share(entry, freed_)};
}

Lookup Shard::lookup(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                     const Accepts& accepts) {
  Retired retired(*this);
  const std::lock_guard lock(mutex_);
  if (generations_.era() != era_) [[unlikely]]
    drop_all(retired);
  if (const Handle handle = index_.find(key)) {
    Entry& entry = entries_[handle];
    if (accepts.vouched && is_unchanged(entry, now)) [[likely]]
      return fresh(entry, now, accepts, retired);
    Freshness state = freshness(entry, now);
    state.judge(accepts);
    if (state.is_fresh()) return fresh(entry, now, accepts, retired);
    const base::Nanos stale_since = state.is_untold ? entry.asked_at() : entry.expires_at();
    if (!state.is_changed() && now - stale_since < accepts.stale_for) {
      const MissWhy why = state.is_untold ? MissWhy::kInvalidated : MissWhy::kExpired;
      return answer_and_fill(entry, Outcome::kStale, why, now, accepts, retired);
    }
    if (!state.is_changed() && !state.is_untold && now - entry.expires_at() < accepts.if_error) {
      EntryRef kept = EntryRef::share(entry, freed_);
      Lookup lookup = miss(key, waiter, now, accepts, retired, MissWhy::kExpired);
      if (lookup.outcome == Outcome::kMiss || lookup.outcome == Outcome::kPass)
        lookup.entry = std::move(kept);
      return lookup;
    }
    if (state.is_dead() || state.is_untold) drop_dead(entry, state, retired);
    if (state.is_held) return pass(PassWhy::kHeld);
  }
  return miss(key, waiter, now, accepts, retired);
}

Lookup Shard::miss(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                   const Accepts& accepts, Retired& retired, std::optional<MissWhy> why) {
  if (marks_.is_allocated())
    if (const auto marked = find_mark(key, now)) return pass(*marked);
  if (const std::uint32_t flight = flight_index_.find(key))
    return wait(flights_[flight], waiter, now, accepts, retired);
  if (disk_ != nullptr)
    if (auto reading = read(key, waiter, now, accepts, retired)) return std::move(*reading);
  Flight* const flight = start_flight(key, now, retired);
  if (flight == nullptr) return pass(PassWhy::kNoRoom);
  if (why) return fill(*flight, *why);
  const Ghost::Found left = ghost_.look_up(key);
  flight->has_predecessor = false;
  flight->ghost = left.position;
  return fill(*flight, miss_why(left.record));
}

Lookup Shard::fill(Flight& flight, MissWhy why) {
  ++stats_.misses[index_of(why)];
  return {.outcome = Outcome::kMiss, .miss_why = why, .fill = Fill(*this, flight)};
}

// One session asks anew; the others are not kept waiting for it.
Lookup Shard::answer_and_fill(Entry& entry, Outcome outcome, MissWhy why, base::Nanos now,
                              const Accepts& accepts, Retired& retired) {
  if (outcome == Outcome::kStale)
    if (const auto marked = find_mark(entry.key(), now)) return pass(*marked);
  policy_->touch(entry);
  Lookup lookup;
  lookup.entry = EntryRef::share(entry, freed_);  // room for the fill may be made at this entry's cost
  lookup.miss_why = why;
  Flight* const flight =
      flight_index_.find(entry.key()) == 0 ? start_flight(entry.key(), now, retired) : nullptr;
  if (flight != nullptr) lookup.fill = Fill(*this, *flight);
  if (flight != nullptr && !accepts.refreshes) {
    lookup.outcome = Outcome::kMiss;
    lookup.entry.reset();
    ++stats_.misses[index_of(why)];
  } else if (outcome == Outcome::kHit) {
    lookup.outcome = Outcome::kHit;
    count_hit(entry);
  } else {
    lookup.outcome = Outcome::kStale;
    ++stats_.stales;
  }
  return lookup;
}

Lookup Shard::wait(Flight& flight, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                   const Accepts& accepts, Retired& retired) {
  auto& waiters = flight.waiters;
  const bool reads_disk = flight.disk_ticket != 0;
  const base::Nanos wait = reads_disk ? disk_->read_wait() : config_.fill_wait;
  if (reads_disk && now - flight.started_at >= wait) return take_over(flight, now);
  if (waiter == nullptr || !(reads_disk ? accepts.disk_wait : accepts.fill_wait))
    return pass(PassWhy::kInFlight);
  if (!reads_disk && now - flight.started_at >= config_.fill_wait) return pass(PassWhy::kFillSlow);
  if (!reads_disk && waiters.size() >= config_.fill_waiters_max) return pass(PassWhy::kWaitersFull);
  if (waiters.size() == waiters.capacity()) {
    const std::size_t capacity = std::max<std::size_t>(4, waiters.capacity() * 2);
    const std::uint64_t before = flight.waiters_bytes(), after = Flight::waiters_bytes_for(capacity);
    if (!make_room(overhead(after), now, retired)) return pass(PassWhy::kNoRoom);
    waiters.reserve(capacity);
    other_bytes_ += overhead(flight.waiters_bytes() - before);
  }
  waiters.push_back(waiter);
  ++waiters_;
  ++stats_.waits;
  Lookup lookup;
  lookup.outcome = Outcome::kWaiting;
  lookup.wait = wait;
  lookup.waits_for_disk = reads_disk;
  return lookup;
}

Lookup Shard::pass(PassWhy why) {
  ++stats_.passes[index_of(why)];
  Lookup lookup;
  lookup.outcome = Outcome::kPass;
  lookup.pass_why = why;
  return lookup;
}

Flight* Shard::start_flight(const Key& key, base::Nanos now, Retired& retired) {
  if (flight_index_.is_full()) {
    const std::uint64_t before = overhead(flight_index_.bytes_for(flight_index_.capacity()));
    const std::uint64_t after = overhead(flight_index_.bytes_for(flight_index_.next_capacity()));
    if (!make_room(after, now, retired)) return nullptr;
    flight_index_.resize(flight_index_.next_capacity());
    other_bytes_ += after - before;
  }
  const std::uint64_t growth = overhead(flights_.growth());
  if (growth != 0 && !make_room(growth, now, retired)) return nullptr;
  Flight& flight = flights_.start(key, epoch_, now);
  other_bytes_ += growth;
  flight_index_.insert(key, flight.number);
  return &flight;
}

std::vector<std::shared_ptr<Waiter>> Shard::end_flight(Flight& flight) {
  flight_index_.erase(flight.key(), flight.number);
  flights_.end(flight);
  if (flight.waiters.capacity() == 0) return {};
  other_bytes_ -= overhead(flight.waiters_bytes());
  waiters_ -= flight.waiters.size();
  return std::exchange(flight.waiters, {});
}

void Shard::leave(const Key& key, const Waiter& waiter) {
  std::shared_ptr<Waiter> dropped;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const std::uint32_t flight = flight_index_.find(key);
  if (flight == 0) return;
  auto& waiters = flights_[flight].waiters;
  const auto it =
      std::find_if(waiters.begin(), waiters.end(), [&](const auto& w) { return w.get() == &waiter; });
  if (it == waiters.end()) return;
  dropped = std::move(*it);
  waiters.erase(it);
  --waiters_;
}

KeepResult Shard::keep(Flight& flight, std::span<const std::string_view> parts, std::uint32_t mark,
                       std::span<const Dependency> dependencies, base::Nanos ttl, base::Nanos cost) {
  const Entry::Content content{.key = flight.key(),
                               .parts = parts,
                               .bytes = Entry::bytes_of(parts),
                               .dependencies = dependencies,
                               .asked_at = flight.asked_at,
                               .expires_at = expiry(flight, ttl),
                               .cost = cost,
                               .mark = mark,
                               .stores_bytes = config_.storage == Storage::kBytes};
  KeepResult result = KeepResult::kKept;
  EntryRef large;
  if (content.stores_bytes && content.bytes > kLockedCopyBytesMax) {
    const base::Nanos now = clock_.now();
    result = examine(content, freshness(content, now));
    if (result == KeepResult::kKept) large = make_large(content, now);
    if (result == KeepResult::kKept && !large) result = KeepResult::kNoRoom;
  }
  for (unsigned holds = 0; !settle(flight, content, result, large, clock_.now()); ++holds)
    if (holds == kHoldsMax) result = KeepResult::kNoRoom;
  return result;
}

base::Nanos Shard::expiry(const Flight& flight, base::Nanos ttl) const {
  constexpr base::Nanos kTtlMax = base::kSecond * 60 * 60 * 24 * 365 * 10;  // keeps the sum in range
  const base::Nanos bounded = std::clamp<base::Nanos>(ttl, 0, kTtlMax);
  if (config_.ttl_jitter == 0) return flight.asked_at + bounded;
  const double cut = static_cast<double>(bounded) * config_.ttl_jitter * fraction_of(flight.key());
  return flight.asked_at + bounded - static_cast<base::Nanos>(cut);
}

KeepResult Shard::examine(const Entry::Content& content, const Freshness& state) const {
  if (content.bytes > config_.entry_bytes_max) return KeepResult::kTooLarge;
  if (content.dependencies.size() > Entry::kDependenciesMax) return KeepResult::kTooManyDependencies;
  if (state.is_changed()) return KeepResult::kMoved;  // what is untold by now may serve somebody
  return state.is_expired ? KeepResult::kExpired : KeepResult::kKept;
}

Shard::Size Shard::size_of(const Entry::Content& content) const {
  const std::size_t stored = Entry::size_for(content, content.stores_bytes ? content.bytes : 0);
  if (config_.storage == Storage::kCounted) return {.stored = stored, .charge = 1};
  const std::size_t size = content.stores_bytes ? stored : Entry::size_for(content, content.bytes);
  return {.stored = stored, .charge = Slabs::taken_by(size)};
}

EntryRef Shard::make_large(const Entry::Content& content, base::Nanos now) {
  const Size size = size_of(content);
  EntryRef large;
  for (unsigned holds = 0; holds < kHoldsMax && !large; ++holds) {
    Retired retired(*this);
    const std::lock_guard lock(mutex_);
    const Room room = make_room([&] { return slabs_.growth(size.stored); }, now, retired, kStepsMax);
    if (room == Room::kNone) return {};
    if (room == Room::kUnfinished) continue;
    if (Entry* const entry = allocate(content, size, now, retired)) large = EntryRef::adopt(*entry, freed_);
  }
  if (large) large.write_bytes(content.parts);
  return large;
}

inline Entry* Shard::allocate(const Entry::Content& content, const Size& size, base::Nanos now,
                              Retired& retired) {
  const Handle handle = slabs_.allocate(size.stored);
  if (handle == 0) {  // no addresses: the next will find some
    for (unsigned i = 0; i < kStepsMax; ++i) evict_one(now, retired);
    return nullptr;
  }
  charged_bytes_ += size.charge;
  return &Entry::construct(slabs_.at(handle), content, size.charge, generations_);
}

// For an entry, and for its place in the tables.
Shard::Room Shard::make_room_for(const Size& size, bool is_made, base::Nanos now, Retired& retired) {
  const auto needed = [&] {
    const std::uint64_t tables = index_.is_full() ? overhead(tables_bytes(index_.next_capacity())) : 0;
    return tables + (is_made ? 0 : counts_pages() ? slabs_.growth(size.stored) : size.charge);
  };
  return make_room(needed, now, retired, kStepsMax);
}

// Who has filled has seen the new reply, whether it was kept or not: the old one is no answer any more.
inline float Shard::drop_predecessor(const Flight& flight, base::Nanos now, Retired& retired) {
  if (disk_ == nullptr && !flight.has_predecessor) return 0;
  return drop_earlier(flight, now, retired);
}

// The last look at the generations comes before the entry can be found. What moves after it is seen by
// the next lookup, since the entry then differs from the counter.
bool Shard::settle(Flight& flight, const Entry::Content& content, KeepResult& result, EntryRef& large,
                   base::Nanos now) {
  Retired retired(*this);
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    ++settled_;
    const Freshness state = freshness(content, now);
    if (result == KeepResult::kKept) result = examine(content, state);
    if (result == KeepResult::kKept && flight.epoch != epoch_) result = KeepResult::kMoved;
    Size size;
    if (result == KeepResult::kKept) {
      size = size_of(content);
      const Room room = make_room_for(size, static_cast<bool>(large), now, retired);
      if (room == Room::kUnfinished) return false;
      if (room == Room::kNone) result = KeepResult::kNoRoom;
    }
    const float last_cost = drop_predecessor(flight, now, retired);
    if (result == KeepResult::kKept)
      result = place(content, size, large, {.last_cost = last_cost, .ghost = flight.ghost}, now, retired);
    ++stats_.keeps[index_of(result)];
    if (result == KeepResult::kTooLarge || result == KeepResult::kTooManyDependencies) {
      put_mark({.key = flight.key(), .ends_at = now + config_.uncacheable_ttl}, now, retired);
    } else if (result == KeepResult::kMoved && state.is_held) {
      put_mark({.key = flight.key(),
                .ends_at = now + config_.uncacheable_ttl,
                .is_held = true,
                .held_slot = state.held_slot},
               now, retired);
    }
    waiters = end_flight(flight);
  }
  for (const auto& waiter : waiters) waiter->wake();
  return true;
}

void Shard::abandon(Flight& flight, FillEnd end) {
  const base::Nanos now = clock_.now();
  Retired retired(*this);
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.abandons[index_of(end)];
    if (end != FillEnd::kFailed) {
      ++settled_;
      drop_predecessor(flight, now, retired);
      put_mark({.key = flight.key(), .ends_at = now + config_.uncacheable_ttl}, now, retired);
    }
    waiters = end_flight(flight);
  }
  for (const auto& waiter : waiters) waiter->wake();
}

float Shard::drop_earlier(const Flight& flight, base::Nanos now, Retired& retired) {
  const Key& key = flight.key();
  if (disk_ != nullptr) {
    disk_->erase(key);
    retired.keep_off_disk(key);
  }
  if (!flight.has_predecessor) return 0;
  const Handle handle = index_.find(key);
  if (handle == 0) return 0;
  Entry& entry = entries_[handle];
  const float cost = entry.cost;
  drop_dead(entry, freshness(entry, now), retired);
  return cost;
}

KeepResult Shard::place(const Entry::Content& content, const Size& size, EntryRef& large, const Past& past,
                        base::Nanos now, Retired& retired) {
  if (index_.is_full()) resize_tables(index_.next_capacity());
  Entry* const made = large ? &large.detach() : allocate(content, size, now, retired);
  if (made == nullptr) return KeepResult::kNoRoom;
  Entry& entry = *made;
  if (content.bytes <= kLockedCopyBytesMax) entry.write_bytes(content.parts);
  if (past.last_cost != 0) entry.cost = smoothed(past.last_cost, entry.cost);
  const Key& key = entry.key();
  const auto record = ghost_.take(key, past.ghost);
  index_.insert(key, slabs_.handle_of(&entry));
  reply_bytes_ += entry.bytes().size();
  expiries_.add(index_.home_of(key), entry.expires_at());
  policy_->insert(entry, record ? record->credit : Policy::Credit{0});
  return KeepResult::kKept;
}

// As many keys as the small queue's share leaves for main; a simulation that counts entries wants no record
// lost.
std::size_t Shard::ghost_records(std::size_t index_capacity) const {
  return config_.storage == Storage::kCounted ? index_capacity * 5 / 4 : index_capacity * 7 / 8;
}

std::uint64_t Shard::tables_bytes(std::size_t index_capacity) const {
  return index_.bytes_for(index_capacity) + ExpiryMap::bytes_for(index_capacity) +
         Ghost::bytes_for(ghost_records(index_capacity)) +
         policy_->overhead_bytes(index_.items_max(index_capacity));
}

// Fewer and larger entries have come: tables that are mostly empty are memory for them.
bool Shard::shrink_index() {
  const std::size_t after = index_.capacity_for(index_.size());
  if (after * 2 > index_.capacity()) return false;
  resize_tables(after);
  return true;
}

void Shard::resize_tables(std::size_t index_capacity) {
  other_bytes_ -= overhead(tables_bytes(index_.capacity()));
  index_.resize(index_capacity);
  ghost_.resize(ghost_records(index_capacity));
  policy_->reserve(index_.items_max(index_capacity));
  expiries_.resize(index_capacity);
  other_bytes_ += overhead(tables_bytes(index_capacity));
}

template <class Needed>
Shard::Room Shard::make_room(Needed&& needed, base::Nanos now, Retired& retired, unsigned steps_max) {
  if (used_bytes() + needed() <= memory_bytes_) return Room::kMade;
  drain_freed();
  const std::uint64_t leaving =
      retired.bytes() + policy_->bytes() + (counts_pages() ? slabs_.slack_bytes() : 0);
  if (used_bytes() + needed() > memory_bytes_ + leaving)
    return Room::kNone;  // do not empty the cache in vain
  for (unsigned step = 0; used_bytes() + needed() > memory_bytes_ + retired.bytes(); ++step) {
    if (step == steps_max) return Room::kUnfinished;
    if (!give_back(now, retired)) return Room::kNone;
  }
  return Room::kMade;
}

bool Shard::make_room(std::uint64_t bytes, base::Nanos now, Retired& retired) {
  return make_room([bytes] { return bytes; }, now, retired, kStepsMax) == Room::kMade;
}

bool Shard::give_back(base::Nanos now, Retired& retired) {
  return slabs_.trim() || compact() || shrink_index() || evict_one(now, retired);
}

// Moves what nobody reads. Not for a little: the next entries will fill what is free.
bool Shard::compact() {
  constexpr unsigned kSlackShare = 16;
  if (slabs_.slack_bytes() < memory_bytes_ / kSlackShare || !counts_pages()) return false;
  return slabs_.compact([this](Handle from, Handle to) {
    Entry& entry = entries_[from];
    if (entry.queue == Queue::kNone || !entry.is_sole_reference()) return false;
    Entry& moved = entry.move_to(slabs_.at(to));
    policy_->move(entry, moved);
    index_.replace(moved.key(), from, to);
    return true;
  });
}

bool Shard::evict_one(base::Nanos now, Retired& retired) {
  if (expiries_.may_have_expired(now) && drop_expired(now, retired)) return true;
  const Policy::Victim victim = policy_->evict([this, now](const PolicyNode& node) {
    const auto& entry = static_cast<const Entry&>(node);
    return !is_unchanged(entry, now) && freshness(entry, now).is_dead();
  });
  if (victim.node == nullptr) return false;
  auto& entry = static_cast<Entry&>(*victim.node);
  for (const PolicyNode* later : policy_->upcoming_victims()) {
    if (later == nullptr) continue;
    const Key& key = static_cast<const Entry*>(later)->key();
    index_.prefetch(key);
    ghost_.prefetch(key);
  }
  if (victim.ages_ghosts) ghost_.advance(entry.charge_bytes);
  const Eviction why = victim.is_dead ? freshness(entry, now).eviction() : Eviction::kCapacity;
  forget(entry, {.why = why, .credit = victim.credit}, retired);
  return true;
}

bool Shard::drop_expired(base::Nanos now, Retired& retired) {
  for (;;) {
    const std::size_t block = expiries_.find(now);
    if (block == ExpiryMap::kNone) return false;
    expiries_.clear(block);
    std::array<Entry*, ExpiryMap::kBlock> expired{};
    std::size_t count = 0;
    const std::size_t begin = block * ExpiryMap::kBlock;
    const std::size_t end = std::min(begin + ExpiryMap::kBlock, index_.capacity());
    index_.visit_homes(begin, end, [&](Handle handle) {
      Entry& entry = entries_[handle];
      if (now >= entry.expires_at() && count < expired.size()) {
        expired[count++] = &entry;
      } else {
        expiries_.add(index_.home_of(entry.key()), entry.expires_at());
      }
    });
    for (std::size_t i = 0; i < count; ++i) drop_dead(*expired[i], freshness(*expired[i], now), retired);
    if (count != 0) return true;
  }
}

void Shard::drop_dead(Entry& entry, const Freshness& state, Retired& retired) {
  const Policy::Credit credit = policy_->remove(entry);
  forget(entry, {.why = state.eviction(), .credit = credit}, retired);
}

void Shard::forget(Entry& entry, const Ghost::Record& record, Retired& retired) {
  index_.erase(entry.key(), slabs_.handle_of(&entry));
  reply_bytes_ -= entry.bytes().size();
  ghost_.remember(entry.key(), record);
  ++stats_.evictions[index_of(record.why)];
  const bool is_paged = Slabs::is_paged(entry.size());
  if (disk_ != nullptr && record.why != Eviction::kCapacity) disk_->erase(entry.key());
  if (disk_ != nullptr && record.why == Eviction::kCapacity && !is_paged) offer(entry);
  // With the lock nobody can get another reference.
  if (!entry.is_sole_reference() && !entry.unref()) return;  // who has it frees it
  if (is_paged) {
    retired.add(entry, disk_ != nullptr && record.why == Eviction::kCapacity);
  } else {
    free(entry);
  }
}

void Shard::free(Entry& entry) {
  const std::size_t size = entry.size();
  charged_bytes_ -= entry.charge_bytes;
  if (Slabs::is_paged(size)) {
    auto* const memory = reinterpret_cast<std::byte*>(&entry);
    Slabs::discard(memory, size);
  }
  slabs_.free(slabs_.handle_of(&entry), size);
}

void Shard::free_retired(Entry& entry) {
  const std::size_t size = entry.size();
  const std::uint64_t charge = entry.charge_bytes;
  Slabs::discard(reinterpret_cast<std::byte*>(&entry), size);
  const std::lock_guard lock(mutex_);
  charged_bytes_ -= charge;
  slabs_.free(slabs_.handle_of(&entry), size);
}

void Shard::drain_freed() {
  if (!freed_.empty()) freed_.drain([this](Entry& entry) { free(entry); });
}

std::optional<PassWhy> Shard::find_mark(const Key& key, base::Nanos now) {
  const PassMarks::Mark* mark = marks_.find(key, now);
  if (mark == nullptr) return std::nullopt;
  if (!mark->is_held) return PassWhy::kUncacheable;
  if (Generations::is_held(generations_.observe(mark->held_slot))) return PassWhy::kHeld;
  marks_.erase(key);
  return std::nullopt;
}

void Shard::put_mark(const PassMarks::Mark& mark, base::Nanos now, Retired& retired) {
  if (!marks_.is_allocated()) {
    if (!make_room(overhead(marks_.bytes_allocated()), now, retired)) return;
    other_bytes_ += overhead(marks_.bytes_allocated());
    marks_.allocate();
  }
  marks_.put(mark);
}

void Shard::drop(const Key& key) {
  Retired retired(*this);
  const std::lock_guard lock(mutex_);
  ++settled_;
  if (disk_ != nullptr) disk_->erase(key);
  const Handle handle = index_.find(key);
  if (handle == 0) return;
  Entry& entry = entries_[handle];
  forget(entry, {.why = Eviction::kInvalidated, .credit = policy_->remove(entry)}, retired);
}

void Shard::invalidate_all() {
  Retired retired(*this);
  const std::lock_guard lock(mutex_);
  drop_all(retired);
}

void Shard::drop_all(Retired& retired) {
  ++epoch_;
  era_ = generations_.era();
  ++settled_;
  marks_.clear();
  for (;;) {
    const Policy::Victim victim = policy_->evict([](const PolicyNode&) { return true; });
    if (victim.node == nullptr) break;
    forget(static_cast<Entry&>(*victim.node), {.why = Eviction::kInvalidated, .credit = victim.credit},
           retired);
  }
}

void Shard::set_memory_bytes(std::uint64_t memory_bytes) {
  const std::lock_guard lock(mutex_);
  memory_bytes_ = memory_bytes;
  ghost_.set_window(memory_bytes - memory_bytes / 10);
}

bool Shard::shrink() {
  constexpr unsigned kSteps = 32;  // few: nobody should notice
  const base::Nanos now = clock_.now();
  Retired retired(*this);
  const std::lock_guard lock(mutex_);
  drain_freed();
  for (unsigned i = 0; i < kSteps; ++i) {
    if (used_bytes() <= memory_bytes_ + retired.bytes() || !give_back(now, retired)) return false;
  }
  return true;
}

CacheStats Shard::stats() {
  const std::lock_guard lock(mutex_);
  drain_freed();
  CacheStats stats = stats_;
  stats.entries = index_.size();
  stats.bytes = used_bytes();
  stats.content_bytes = reply_bytes_ + index_.size() * sizeof(Key);
  stats.bytes_max = memory_bytes_;
  stats.fills_in_flight = flight_index_.size();
  stats.waiters = waiters_;
  return stats;
}

KeepResult Fill::keep(std::span<const std::string_view> parts, std::uint32_t mark,
                      std::span<const Dependency> dependencies, base::Nanos ttl, base::Nanos cost) {
  CHECK(flight_ != nullptr);
  return shard_->keep(*std::exchange(flight_, nullptr), parts, mark, dependencies, ttl, cost);
}

void Fill::sent(base::Nanos now) {
  CHECK(flight_ != nullptr);
  flight_->asked_at = now;
}

void Fill::abandon(FillEnd end) {
  if (flight_ != nullptr) shard_->abandon(*std::exchange(flight_, nullptr), end);
}

}  // namespace pgweir::cache
