#include "cache/ghost.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace pgweir::cache {
namespace {

// Four at a time: what every processor has instructions for, and compilers a notation.
using Lanes [[gnu::vector_size(16)]] = std::uint32_t;
using SignedLanes [[gnu::vector_size(16)]] = std::int32_t;
using Halves [[gnu::vector_size(16)]] = std::uint64_t;

Lanes load(const std::uint32_t* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}
// Any bit of any lane; all bits of all lanes.
std::uint64_t folded(Lanes lanes) {
  const auto halves = std::bit_cast<Halves>(lanes);
  return halves[0] | halves[1];
}
bool any(Lanes mask) { return folded(mask) != 0; }

// How many bits are set in each of two bytes.
constexpr unsigned counts_of(unsigned bytes) {
  bytes -= bytes >> 1 & 0x5555;
  bytes = (bytes & 0x3333) + (bytes >> 2 & 0x3333);
  return (bytes + (bytes >> 4)) & 0x0F0F;
}
static_assert(counts_of(0xFF01) == 0x0801 && counts_of(0x8013) == 0x0103);

}  // namespace

void Ghost::set_window(std::uint64_t bytes) {
  unsigned unit_log2 = 0;
  while (bytes >> unit_log2 > kWindowMax) ++unit_log2;
  if (unit_log2 != unit_log2_) std::fill_n(sets_.data(), sets_.size(), Set{});
  unit_log2_ = unit_log2;
  window_ = static_cast<std::uint32_t>(bytes >> unit_log2);
}

void Ghost::resize(std::size_t records) {
  PageArray<Set> old(sets_for(records));
  old.prefer_huge_pages();
  std::swap(old, sets_);
  if (sets_.size() == 0) return;
  for (std::size_t i = 0; i < old.size() * kWays; ++i) {
    const std::uint32_t fingerprint = old[i / kWays].fingerprints[i % kWays],
                        facts = old[i / kWays].facts[i % kWays];
    if (is_live(facts)) put_first(fingerprint, facts);
  }
}

// Into the first set if it has room: those of one table follow each other as those of the next do, so that
// memory is read and written in order.
void Ghost::put_first(std::uint32_t fingerprint, std::uint32_t facts) {
  const Pair sets = sets_of(fingerprint);
  const unsigned free = free_ways(*sets[0]);
  if (free == 0) return put(sets, fingerprint, facts);
  const Cell cell{sets[0], static_cast<unsigned>(std::countr_zero(free))};
  cell.fingerprint() = fingerprint;
  cell.facts() = facts;
}

inline bool Ghost::may_hold(const Pair& sets, std::uint32_t fingerprint) {
  const auto in = [fingerprint](const Set& set) {
    return (load(set.fingerprints) == fingerprint) | (load(set.fingerprints + 4) == fingerprint);
  };
  return any(std::bit_cast<Lanes>(in(*sets[0]) | in(*sets[1])));
}

Ghost::Cell Ghost::find_cell(const Pair& sets, std::uint32_t fingerprint) const {
  for (Set* const set : sets) {
    for (unsigned way = 0; way < kWays; ++way)
      if (set->fingerprints[way] == fingerprint && is_live(set->facts[way])) return {set, way};
  }
  return {};
}

inline unsigned Ghost::free_ways(const Set& set) const {
  constexpr Lanes kLow = {1, 2, 4, 8}, kHigh = {16, 32, 64, 128};
  const std::uint32_t latest =
      now() << kStampShift | ((1U << kStampShift) - 1);  // so that nothing is borrowed
  const auto window = static_cast<std::int32_t>(window_);
  const auto is_free = [&](const std::uint32_t* from) {
    const Lanes facts = load(from);
    const auto age = std::bit_cast<SignedLanes>((latest - facts) >> kStampShift);
    return std::bit_cast<Lanes>((age > window) | (std::bit_cast<SignedLanes>(facts) == 0));
  };
  const std::uint64_t ways = folded((is_free(set.facts) & kLow) | (is_free(set.facts + 4) & kHigh));
  return static_cast<unsigned>(ways | ways >> 32);
}

// Of both, which are full.
Ghost::Cell Ghost::oldest_of(const Pair& sets) const {
  Cell oldest{sets[0], 0};
  for (Set* const set : sets)
    for (unsigned way = 0; way < kWays; ++way)
      if (age(set->facts[way]) > age(oldest.facts())) oldest = {set, way};
  return oldest;
}

// Into the emptier set; where both are full, the oldest of all gives way.
void Ghost::put(const Pair& sets, std::uint32_t fingerprint, std::uint32_t facts) {
  const unsigned first = free_ways(*sets[0]), second = free_ways(*sets[1]);
  const unsigned counts = counts_of(first | second << 8);
  const bool into_second = counts >> 8 > (counts & 0xFF);
  const unsigned free = into_second ? second : first;
  const Cell cell = free == 0
                        ? oldest_of(sets)
                        : Cell{sets[into_second ? 1 : 0], static_cast<unsigned>(std::countr_zero(free))};
  cell.fingerprint() = fingerprint;
  cell.facts() = facts;
}

// A record of the same key gives way first.
void Ghost::remember(const Key& key, const Record& record) {
  if (sets_.size() == 0) return;
  const std::uint32_t fingerprint = fingerprint_of(key);
  const std::uint32_t facts = now() << kStampShift | kUsed | (record.credit & 63U) << 2 |
                              (static_cast<std::uint32_t>(record.why) & 3);
  const Pair sets = sets_of(fingerprint);
  if (may_hold(sets, fingerprint)) [[unlikely]] {
    if (const Cell same = find_cell(sets, fingerprint); same.set != nullptr) {
      same.facts() = facts;
      return;
    }
  }
  put(sets, fingerprint, facts);
}

Ghost::Found Ghost::look_up(const Key& key) const {
  if (sets_.size() == 0) return {};
  const std::uint32_t fingerprint = fingerprint_of(key);
  const Pair sets = sets_of(fingerprint);
  if (!may_hold(sets, fingerprint)) return {};
  const Cell cell = find_cell(sets, fingerprint);
  if (cell.set == nullptr) return {};
  return {record_of(cell.facts()), static_cast<Position>((cell.set - sets_.data()) * kWays + cell.way)};
}

std::optional<Ghost::Record> Ghost::take(const Key& key, Position position) {
  if (position == kNowhere || sets_.size() == 0) return std::nullopt;
  const std::uint32_t fingerprint = fingerprint_of(key);
  Cell cell;
  if (position < sets_.size() * kWays) cell = {&sets_[position / kWays], position % Position{kWays}};
  if (cell.set == nullptr || cell.fingerprint() != fingerprint)
    cell = find_cell(sets_of(fingerprint), fingerprint);
  if (cell.set == nullptr || !is_live(cell.facts())) return std::nullopt;
  return record_of(std::exchange(cell.facts(), 0));
}

}  // namespace pgweir::cache
