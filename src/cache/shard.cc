#include "cache/shard.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/check.h"

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
base::Nanos smoothed(base::Nanos last, base::Nanos now) { return last + (now - last) / 4; }

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

}  // namespace

void Retired::free_all() {
  while (head_ != nullptr) {
    auto* entry = static_cast<Entry*>(head_);
    head_ = head_->older;
    entry->older = nullptr;
    entry->unref();
  }
}

void Retired::add(Entry& entry) {
  if (entry.is_sole_reference()) bytes_ += entry.charge_bytes;
  entry.older = head_;
  head_ = &entry;
}

Shard::Shard(const CacheConfig& config, std::uint64_t memory_bytes, const base::Clock& clock,
             const Generations& generations)
    : config_(config),
      clock_(clock),
      generations_(generations),
      memory_bytes_(memory_bytes),
      policy_(make_policy(config.policy)),
      marks_(marks_capacity(memory_bytes)) {
  account_.add(overhead(allocation_bytes(sizeof(Shard))));
  ghost_.set_window(memory_bytes - memory_bytes / 10);
}

Shard::~Shard() {
  CHECK(flights_.size() == 0);
  invalidate_all();
  const std::uint64_t tables = tables_bytes(index_.capacity()) +
                               KeyTable<Flight>::bytes_for(flights_.capacity()) +
                               (marks_.is_allocated() ? marks_.bytes_allocated() : 0);
  // Else an EntryRef outlives its cache, or something was counted wrongly.
  CHECK(account_.bytes() == overhead(allocation_bytes(sizeof(Shard)) + tables));
}

Lookup Shard::lookup(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now,
                     const Accepts& accepts) {
  Retired retired;
  const std::lock_guard lock(mutex_);
  if (Entry* entry = index_.find(key)) {
    entry->prefetch();
    Freshness state = freshness(*entry, now);
    state.judge(accepts);
    if (state.is_fresh()) [[likely]]
      return hit(*entry);
    const base::Nanos stale_since = state.is_untold ? entry->asked_at() : entry->expires_at();
    if (!state.is_changed() && now - stale_since < accepts.stale_for)
      return stale(*entry, state.is_untold ? MissWhy::kInvalidated : MissWhy::kExpired, now, retired);
    if (state.is_dead() || state.is_untold) drop_dead(*entry, state, retired);
    if (state.is_held) return pass(PassWhy::kHeld);
  }
  return miss(key, waiter, now, retired);
}

Shard::Freshness Shard::freshness(std::span<const Dependency> dependencies, base::Nanos expires_at,
                                  base::Nanos now) const {
  Freshness state;
  state.is_expired = now >= expires_at;
  for (const Dependency& dependency : dependencies) {
    const std::uint64_t value = generations_.observe(dependency.slot);
    if (value == dependency.seen && !Generations::is_held(value)) [[likely]]
      continue;
    if (dependency.kind != Dependency::Kind::kContent) {
      (dependency.kind == Dependency::Kind::kVoucher ? state.is_untold : state.is_moved_untold) = true;
      continue;
    }
    // What was seen under a hold may be from before or after the write, whatever the counter says.
    if (Generations::has_moved(dependency.seen, value) || Generations::is_held(dependency.seen)) {
      state.is_moved = true;
    }
    if (Generations::is_held(value)) {
      state.is_held = true;
      state.held_slot = dependency.slot;
    }
  }
  return state;
}

Lookup Shard::hit(Entry& entry) {
  policy_->touch(entry);
  ++stats_.hits;
  stats_.hit_bytes += entry.bytes().size();
  stats_.hit_cost += entry.cost;
  Lookup lookup;
  lookup.outcome = Outcome::kHit;
  lookup.entry = EntryRef::share(entry);
  return lookup;
}

Lookup Shard::miss(const Key& key, const std::shared_ptr<Waiter>& waiter, base::Nanos now, Retired& retired) {
  if (const auto why = find_mark(key, now)) return pass(*why);
  if (Flight* flight = flights_.find(key)) return wait(*flight, waiter, now, retired);
  return fill(key, miss_why(ghost_.find(key)), now, retired);
}

Lookup Shard::fill(const Key& key, MissWhy why, base::Nanos now, Retired& retired) {
  Flight* flight = start_flight(key, now, retired);
  if (flight == nullptr) return pass(PassWhy::kNoRoom);
  Lookup lookup;
  lookup.outcome = Outcome::kMiss;
  lookup.miss_why = why;
  lookup.fill = Fill(*this, *flight);
  ++stats_.misses[index_of(why)];
  return lookup;
}

// One session asks anew; the others are not kept waiting for it.
Lookup Shard::stale(Entry& entry, MissWhy why, base::Nanos now, Retired& retired) {
  if (const auto marked = find_mark(entry.key(), now)) return pass(*marked);
  if (flights_.find(entry.key()) == nullptr) return fill(entry.key(), why, now, retired);
  policy_->touch(entry);
  ++stats_.stales;
  Lookup lookup;
  lookup.outcome = Outcome::kStale;
  lookup.entry = EntryRef::share(entry);
  return lookup;
}

Lookup Shard::wait(Flight& flight, const std::shared_ptr<Waiter>& waiter, base::Nanos now, Retired& retired) {
  auto& waiters = flight.waiters;
  if (waiter == nullptr) return pass(PassWhy::kInFlight);
  if (now - flight.started_at >= config_.fill_wait) return pass(PassWhy::kFillSlow);
  if (waiters.size() >= config_.fill_waiters_max) return pass(PassWhy::kWaitersFull);
  if (waiters.size() == waiters.capacity()) {
    const std::size_t capacity = std::max<std::size_t>(4, waiters.capacity() * 2);
    const std::uint64_t before = overhead(flight.bytes()), after = overhead(Flight::bytes_for(capacity));
    if (!make_room(after - before, now, retired)) return pass(PassWhy::kNoRoom);
    waiters.reserve(capacity);
    account_.add(overhead(flight.bytes()) - before);
  }
  waiters.push_back(waiter);
  ++waiters_;
  ++stats_.waits;
  Lookup lookup;
  lookup.outcome = Outcome::kWaiting;
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
  if (flights_.is_full()) {
    const std::uint64_t before = overhead(KeyTable<Flight>::bytes_for(flights_.capacity()));
    const std::uint64_t after = overhead(KeyTable<Flight>::bytes_for(flights_.next_capacity()));
    if (!make_room(after, now, retired)) return nullptr;
    flights_.grow();
    account_.add(after - before);
  }
  if (!make_room(overhead(Flight::bytes_for(0)), now, retired)) return nullptr;
  auto flight = std::make_unique<Flight>(key, epoch_, now);
  account_.add(overhead(flight->bytes()));
  flights_.insert(*flight);
  return flight.release();
}

std::unique_ptr<Flight> Shard::take_flight(Flight& flight) {
  flights_.erase(flight);
  account_.subtract(overhead(flight.bytes()));
  waiters_ -= flight.waiters.size();
  return std::unique_ptr<Flight>(&flight);
}

void Shard::leave(const Key& key, const Waiter& waiter) {
  std::shared_ptr<Waiter> dropped;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  Flight* flight = flights_.find(key);
  if (flight == nullptr) return;
  auto& waiters = flight->waiters;
  const auto it =
      std::find_if(waiters.begin(), waiters.end(), [&](const auto& w) { return w.get() == &waiter; });
  if (it == waiters.end()) return;
  dropped = std::move(*it);
  waiters.erase(it);
  --waiters_;
}

KeepResult Shard::keep(Flight& flight, std::span<const std::string_view> parts, std::uint32_t mark,
                       std::span<const Dependency> dependencies, base::Nanos ttl, base::Nanos cost) {
  const base::Nanos now = clock_.now();
  Entry::Content content{.key = flight.key(),
                         .parts = parts,
                         .dependencies = dependencies,
                         .asked_at = flight.started_at,
                         .expires_at = expiry(flight, ttl),
                         .cost = cost,
                         .mark = mark};
  KeepResult result = examine(content, now);
  EntryRef entry;
  if (result == KeepResult::kKept) {
    entry = allocate(content, now);
    if (!entry) result = KeepResult::kNoRoom;
  }
  return settle(flight, content, result, std::move(entry));
}

base::Nanos Shard::expiry(const Flight& flight, base::Nanos ttl) const {
  constexpr base::Nanos kTtlMax = base::kSecond * 60 * 60 * 24 * 365 * 10;  // keeps the sum in range
  const base::Nanos bounded = std::clamp<base::Nanos>(ttl, 0, kTtlMax);
  const double cut = static_cast<double>(bounded) * config_.ttl_jitter * fraction_of(flight.key());
  return flight.started_at + bounded - static_cast<base::Nanos>(cut);
}

KeepResult Shard::examine(const Entry::Content& content, base::Nanos now) const {
  if (Entry::bytes_of(content.parts) > config_.entry_bytes_max) return KeepResult::kTooLarge;
  if (content.dependencies.size() > Entry::kDependenciesMax) return KeepResult::kTooManyDependencies;
  const Freshness state = freshness(content.dependencies, content.expires_at, now);
  if (state.is_changed()) return KeepResult::kMoved;  // what is untold by now may serve somebody
  return state.is_expired ? KeepResult::kExpired : KeepResult::kKept;
}

EntryRef Shard::allocate(Entry::Content& content, base::Nanos now) {
  content.stores_bytes = config_.storage == Storage::kBytes;
  content.charge = 1;
  if (config_.storage != Storage::kCounted)
    content.charge = Entry::charge_of(Entry::bytes_of(content.parts), content.dependencies.size());
  {
    Retired retired;
    const std::lock_guard lock(mutex_);
    if (!make_room(content.charge, now, retired)) return {};
    account_.add(content.charge);
  }
  EntryRef entry = Entry::make(content, account_);
  if (!entry) account_.subtract(content.charge);
  return entry;
}

// The last look at the generations comes before the entry can be found. What moves after it is seen by
// the next lookup, since the entry then differs from the counter.
KeepResult Shard::settle(Flight& flight, const Entry::Content& content, KeepResult result, EntryRef entry) {
  const base::Nanos now = clock_.now();
  Retired retired;
  std::unique_ptr<Flight> ended;
  {
    const std::lock_guard lock(mutex_);
    const base::Nanos last_cost = drop_predecessor(flight.key(), now, retired);
    const Freshness state = freshness(content.dependencies, content.expires_at, now);
    if (result == KeepResult::kKept) {
      if (flight.epoch != epoch_ || state.is_changed()) {
        result = KeepResult::kMoved;
      } else {
        if (last_cost != 0) entry.set_cost(smoothed(last_cost, content.cost));
        result = place(entry, now, retired);
      }
    }
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
    ended = take_flight(flight);
  }
  for (const auto& waiter : ended->waiters) waiter->wake();
  return result;
}

void Shard::abandon(Flight& flight, FillEnd end) {
  const base::Nanos now = clock_.now();
  Retired retired;
  std::unique_ptr<Flight> ended;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.abandons[index_of(end)];
    if (end == FillEnd::kUncacheable) {
      drop_predecessor(flight.key(), now, retired);
      put_mark({.key = flight.key(), .ends_at = now + config_.uncacheable_ttl}, now, retired);
    }
    ended = take_flight(flight);
  }
  for (const auto& waiter : ended->waiters) waiter->wake();
}

// Who has filled has seen the new reply, whether it was kept or not: the old one is no answer any more.
base::Nanos Shard::drop_predecessor(const Key& key, base::Nanos now, Retired& retired) {
  Entry* const entry = index_.find(key);
  if (entry == nullptr) return 0;
  const base::Nanos cost = entry->cost;
  drop_dead(*entry, freshness(*entry, now), retired);
  return cost;
}

KeepResult Shard::place(EntryRef& entry, base::Nanos now, Retired& retired) {
  if (index_.is_full() && !grow_index(now, retired)) return KeepResult::kNoRoom;
  const Key& key = entry->key();
  const auto record = ghost_.find(key);
  if (record) ghost_.forget(key);
  Entry* placed = entry.detach();
  index_.insert(*placed);
  expiries_.add(index_.home_of(key), placed->expires_at());
  policy_->insert(*placed, record ? record->credit : Policy::Credit{0});
  return KeepResult::kKept;
}

// The ghost remembers about as many keys as there can be entries.
std::uint64_t Shard::tables_bytes(std::size_t index_capacity) const {
  return KeyTable<Entry>::bytes_for(index_capacity) + ExpiryMap::bytes_for(index_capacity) +
         Ghost::bytes_for(index_capacity) + policy_->overhead_bytes(index_capacity);
}

bool Shard::grow_index(base::Nanos now, Retired& retired) {
  const std::size_t before = index_.capacity(), after = index_.next_capacity();
  const std::uint64_t grown = overhead(tables_bytes(after));
  if (!make_room(grown, now, retired)) return false;
  account_.add(grown);
  index_.grow();
  ghost_.resize(after);
  policy_->reserve(after);
  expiries_.reset(after);
  index_.visit_homes(0, after, [this](const Entry& entry) {
    expiries_.add(index_.home_of(entry.key()), entry.expires_at());
  });
  account_.subtract(overhead(tables_bytes(before)));
  return true;
}

bool Shard::make_room(std::uint64_t bytes, base::Nanos now, Retired& retired) {
  const std::uint64_t fixed = account_.bytes() - policy_->bytes() - retired.bytes();
  if (fixed + bytes > memory_bytes_) return false;  // do not empty the cache in vain
  while (account_.bytes() + bytes > memory_bytes_ + retired.bytes()) {
    if (!evict_one(now, retired)) return false;
  }
  return true;
}

bool Shard::evict_one(base::Nanos now, Retired& retired) {
  if (drop_expired(now, retired)) return true;
  const Policy::Victim victim = policy_->evict([this, now](const PolicyNode& node) {
    return freshness(static_cast<const Entry&>(node), now).is_dead();
  });
  if (victim.node == nullptr) return false;
  auto& entry = static_cast<Entry&>(*victim.node);
  if (victim.ages_ghosts) ghost_.advance(entry.charge_bytes);
  const Freshness state = freshness(entry, now);
  forget(entry, {.why = state.is_dead() ? state.eviction() : Eviction::kCapacity, .credit = victim.credit},
         retired);
  return true;
}

bool Shard::drop_expired(base::Nanos now, Retired& retired) {
  std::array<Entry*, ExpiryMap::kBlock> expired{};
  for (;;) {
    const std::size_t block = expiries_.find(now);
    if (block == ExpiryMap::kNone) return false;
    expiries_.clear(block);
    std::size_t count = 0;
    const std::size_t begin = block * ExpiryMap::kBlock;
    const std::size_t end = std::min(begin + ExpiryMap::kBlock, index_.capacity());
    index_.visit_homes(begin, end, [&](Entry& entry) {
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
  index_.erase(entry);
  ghost_.remember(entry.key(), record);
  ++stats_.evictions[index_of(record.why)];
  retired.add(entry);
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
    account_.add(overhead(marks_.bytes_allocated()));
    marks_.allocate();
  }
  marks_.put(mark);
}

void Shard::invalidate_all() {
  Retired retired;
  const std::lock_guard lock(mutex_);
  ++epoch_;
  marks_.clear();
  for (;;) {
    const Policy::Victim victim = policy_->evict([](const PolicyNode&) { return true; });
    if (victim.node == nullptr) break;
    forget(static_cast<Entry&>(*victim.node), {.why = Eviction::kInvalidated, .credit = victim.credit},
           retired);
  }
}

void Shard::set_memory_bytes(std::uint64_t memory_bytes) {
  constexpr unsigned kBatch = 64;  // evictions under one hold of the lock
  const base::Nanos now = clock_.now();
  for (bool is_done = false; !is_done;) {
    Retired retired;
    const std::lock_guard lock(mutex_);
    memory_bytes_ = memory_bytes;
    ghost_.set_window(memory_bytes - memory_bytes / 10);
    for (unsigned i = 0; i < kBatch && !is_done; ++i) {
      is_done = account_.bytes() <= memory_bytes_ + retired.bytes() || !evict_one(now, retired);
    }
  }
}

CacheStats Shard::stats() const {
  const std::lock_guard lock(mutex_);
  CacheStats stats = stats_;
  stats.entries = index_.size();
  stats.bytes = account_.bytes();
  stats.bytes_max = memory_bytes_;
  stats.fills_in_flight = flights_.size();
  stats.waiters = waiters_;
  return stats;
}

KeepResult Fill::keep(std::span<const std::string_view> parts, std::uint32_t mark,
                      std::span<const Dependency> dependencies, base::Nanos ttl, base::Nanos cost) {
  CHECK(flight_ != nullptr);
  return shard_->keep(*std::exchange(flight_, nullptr), parts, mark, dependencies, ttl, cost);
}

void Fill::abandon(FillEnd end) {
  if (flight_ != nullptr) shard_->abandon(*std::exchange(flight_, nullptr), end);
}

}  // namespace pgweir::cache
