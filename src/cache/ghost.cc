#include "cache/ghost.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace pgweir::cache {

void Ghost::set_window(std::uint64_t bytes) {
  unsigned unit_log2 = 0;
  while (bytes >> unit_log2 > kWindowMax) ++unit_log2;
  if (unit_log2 != unit_log2_) std::fill_n(cells_.get(), capacity_, Cell{});
  unit_log2_ = unit_log2;
  window_ = static_cast<std::uint32_t>(bytes >> unit_log2);
}

void Ghost::resize(std::size_t records) {
  CHECK(records == 0 || (std::has_single_bit(records) && records >= kWays));
  const std::size_t old_capacity = std::exchange(capacity_, records);
  auto old = std::exchange(cells_, records == 0 ? nullptr : std::make_unique<Cell[]>(records));
  for (std::size_t i = 0; i < old_capacity && records != 0; ++i) {
    if (is_live(old[i])) put(old[i]);
  }
}

std::array<Ghost::Cell*, 2> Ghost::sets_of(std::uint32_t fingerprint) const {
  const std::size_t sets = capacity_ / kWays;
  const std::uint64_t other = (fingerprint * 0x9E3779B97F4A7C15ULL) >> 32;
  return {&cells_[fingerprint % sets * kWays], &cells_[other % sets * kWays]};
}

Ghost::Cell* Ghost::find_cell(std::uint32_t fingerprint) const {
  if (capacity_ == 0) return nullptr;
  for (Cell* const set : sets_of(fingerprint))
    for (Cell* cell = set; cell != set + kWays; ++cell)
      if (cell->fingerprint == fingerprint && is_live(*cell)) return cell;
  return nullptr;
}

// Into the emptier set; where both are full, the oldest of all gives way.
void Ghost::put(const Cell& cell) {
  const auto rank = [this](const Cell& c) { return is_live(c) ? age(c) : kStampMask; };
  Cell* target = nullptr;
  std::ptrdiff_t fewest = kWays + 1;
  for (Cell* const set : sets_of(cell.fingerprint)) {
    const auto live = std::count_if(set, set + kWays, [this](const Cell& c) { return is_live(c); });
    Cell* const oldest =
        std::max_element(set, set + kWays, [&](const Cell& a, const Cell& b) { return rank(a) < rank(b); });
    if (live < fewest || (live == fewest && rank(*oldest) > rank(*target))) {
      target = oldest;
      fewest = live;
    }
  }
  *target = cell;
}

void Ghost::remember(const Key& key, const Record& record) {
  if (capacity_ == 0) return;
  Cell cell;
  cell.fingerprint = fingerprint_of(key);
  cell.stamp = now() & kStampMask;
  cell.used = 1;
  cell.credit = record.credit & 63U;
  cell.why = static_cast<std::uint32_t>(record.why) & 3;
  if (Cell* same = find_cell(cell.fingerprint)) {
    *same = cell;
  } else {
    put(cell);
  }
}

std::optional<Ghost::Record> Ghost::find(const Key& key) const {
  const Cell* cell = find_cell(fingerprint_of(key));
  if (cell == nullptr) return std::nullopt;
  return Record{static_cast<Eviction>(cell->why), static_cast<Policy::Credit>(cell->credit)};
}

void Ghost::forget(const Key& key) {
  if (Cell* cell = find_cell(fingerprint_of(key))) *cell = {};
}

}  // namespace pgweir::cache
