#include "cache/ghost.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace pgweir::cache {

void Ghost::set_window(std::uint64_t bytes) {
  // Half the clock's round at most, or old records would look young again.
  window_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes >> kUnitLog2, kStampMask / 2));
}

void Ghost::resize(std::size_t records) {
  CHECK(records == 0 || (std::has_single_bit(records) && records >= kWays));
  const std::size_t old_capacity = std::exchange(capacity_, records);
  auto old = std::exchange(cells_, records == 0 ? nullptr : std::make_unique<Cell[]>(records));
  for (std::size_t i = 0; i < old_capacity && records != 0; ++i) {
    if (is_live(old[i])) put(old[i]);
  }
}

Ghost::Cell* Ghost::set_of(std::uint32_t fingerprint) const {
  return &cells_[fingerprint % (capacity_ / kWays) * kWays];
}

Ghost::Cell* Ghost::find_cell(std::uint32_t fingerprint) const {
  if (capacity_ == 0) return nullptr;
  Cell* set = set_of(fingerprint);
  Cell* cell = std::find_if(set, set + kWays,
                            [&](const Cell& c) { return c.fingerprint == fingerprint && is_live(c); });
  return cell == set + kWays ? nullptr : cell;
}

void Ghost::put(const Cell& cell) {
  Cell* set = set_of(cell.fingerprint);
  Cell* target = std::max_element(set, set + kWays, [&](const Cell& a, const Cell& b) {
    const auto rank = [this](const Cell& c) { return c.used != 0 ? age(c) : kStampMask; };
    return rank(a) < rank(b);
  });
  *target = cell;
}

void Ghost::remember(const Key& key, const Record& record) {
  if (capacity_ == 0) return;
  Cell cell;
  cell.fingerprint = fingerprint_of(key);
  cell.stamp = now() & kStampMask;
  cell.used = 1;
  cell.returns_to_main = record.returns_to_main ? 1 : 0;
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
  return Record{static_cast<Eviction>(cell->why), cell->returns_to_main != 0};
}

void Ghost::forget(const Key& key) {
  if (Cell* cell = find_cell(fingerprint_of(key))) *cell = {};
}

}  // namespace pgweir::cache
