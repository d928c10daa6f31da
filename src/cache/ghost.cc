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

Lanes load(const std::uint32_t* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}
bool any(Lanes mask) {
  const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(mask);
  return (halves[0] | halves[1]) != 0;
}

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
    if (is_live(facts) && !put_first(fingerprint, facts)) put(fingerprint, facts);
  }
}

// Into a free cell of the first set: those of one table follow each other as those of the next do, so that
// memory is read and written in order.
bool Ghost::put_first(std::uint32_t fingerprint, std::uint32_t facts) {
  Set& set = *sets_of(fingerprint).front();
  const Fullness fullness = fullness_of(set);
  if (fullness.live == kWays) return false;
  set.fingerprints[fullness.oldest] = fingerprint;
  set.facts[fullness.oldest] = facts;
  return true;
}

std::array<Ghost::Set*, 2> Ghost::sets_of(std::uint32_t fingerprint) const {
  const std::uint64_t sets = sets_.size();
  const std::uint32_t other = (fingerprint * 0x9E3779B97F4A7C15ULL) >> 32;
  return {&sets_[fingerprint * sets >> 32], &sets_[other * sets >> 32]};
}

Ghost::Cell Ghost::find_cell(std::uint32_t fingerprint) const {
  if (sets_.size() == 0) return {};
  for (Set* const set : sets_of(fingerprint)) {
    const auto low = load(set->fingerprints) == fingerprint,
               high = load(set->fingerprints + 4) == fingerprint;
    if (!any(std::bit_cast<Lanes>(low | high))) [[likely]]
      continue;
    for (unsigned way = 0; way < kWays; ++way)
      if (set->fingerprints[way] == fingerprint && is_live(set->facts[way])) return {set, way};
  }
  return {};
}

Ghost::Fullness Ghost::fullness_of(const Set& set) const {
  constexpr unsigned kWayBits = 3;
  SignedLanes live{};
  SignedLanes oldest{};  // by age, and then by way
  for (unsigned way = 0; way < kWays; way += 4) {
    const Lanes facts = load(set.facts + way);
    const Lanes is_free = ((facts >> 8 & 1) - 1) & kStampMask;
    const auto age = std::bit_cast<SignedLanes>((((now() - (facts >> 9)) & kStampMask) | is_free));
    const auto window = static_cast<std::int32_t>(window_);
    live -= age <= window;
    const SignedLanes ranked = age << kWayBits | (SignedLanes{0, 1, 2, 3} + static_cast<std::int32_t>(way));
    oldest = ranked > oldest ? ranked : oldest;
  }
  const std::int32_t first = std::max(std::max(oldest[0], oldest[1]), std::max(oldest[2], oldest[3]));
  return {.live = static_cast<unsigned>(live[0] + live[1] + live[2] + live[3]),
          .oldest = static_cast<unsigned>(first % 8),
          .age = static_cast<std::uint32_t>(first) >> kWayBits};
}

// Into the emptier set; where both are full, the oldest of all gives way.
void Ghost::put(std::uint32_t fingerprint, std::uint32_t facts) {
  const auto sets = sets_of(fingerprint);
  const Fullness first = fullness_of(*sets[0]), second = fullness_of(*sets[1]);
  const bool into_second = second.live < first.live || (second.live == first.live && second.age > first.age);
  const Cell cell{into_second ? sets[1] : sets[0], into_second ? second.oldest : first.oldest};
  cell.fingerprint() = fingerprint;
  cell.facts() = facts;
}

// A record of the same key gives way first.
void Ghost::remember(const Key& key, const Record& record) {
  if (sets_.size() == 0) return;
  const std::uint32_t fingerprint = fingerprint_of(key);
  const std::uint32_t facts =
      now() << 9 | 1U << 8 | (record.credit & 63U) << 2 | (static_cast<std::uint32_t>(record.why) & 3);
  if (const Cell same = find_cell(fingerprint); same.set != nullptr) {
    same.facts() = facts;
  } else {
    put(fingerprint, facts);
  }
}

std::optional<Ghost::Record> Ghost::find(const Key& key) const {
  const Cell cell = find_cell(fingerprint_of(key));
  if (cell.set == nullptr) return std::nullopt;
  return record_of(cell.facts());
}

std::optional<Ghost::Record> Ghost::take(const Key& key) {
  const Cell cell = find_cell(fingerprint_of(key));
  if (cell.set == nullptr) return std::nullopt;
  return record_of(std::exchange(cell.facts(), 0));
}

}  // namespace pgweir::cache
