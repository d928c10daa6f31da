#include "cache/ghost.h"

#include <algorithm>
#include <utility>

namespace pgweir::cache {

void Ghost::set_window(std::uint64_t bytes) {
  unsigned unit_log2 = 0;
  while (bytes >> unit_log2 > kWindowMax) ++unit_log2;
  if (unit_log2 != unit_log2_) std::fill_n(cells_.data(), cells_.size(), Cell{});
  unit_log2_ = unit_log2;
  window_ = static_cast<std::uint32_t>(bytes >> unit_log2);
}

void Ghost::resize(std::size_t records) {
  PageArray<Cell> old(cells_for(records));
  std::swap(old, cells_);
  for (std::size_t i = 0; i < old.size() && cells_.size() != 0; ++i)
    if (is_live(old[i]) && !put_first(old[i])) put(old[i]);
}

// Into a free cell of the first set: those of one table follow each other as those of the next do, so that
// memory is read and written in order.
bool Ghost::put_first(const Cell& cell) {
  Cell* const set = sets_of(cell.fingerprint).front();
  for (Cell* at = set; at != set + kWays; ++at) {
    if (is_live(*at)) continue;
    *at = cell;
    return true;
  }
  return false;
}

std::array<Ghost::Cell*, 2> Ghost::sets_of(std::uint32_t fingerprint) const {
  const std::uint64_t sets = cells_.size() / kWays;
  const std::uint32_t other = (fingerprint * 0x9E3779B97F4A7C15ULL) >> 32;
  return {&cells_[(fingerprint * sets >> 32) * kWays], &cells_[(other * sets >> 32) * kWays]};
}

Ghost::Cell* Ghost::find_cell(std::uint32_t fingerprint) const {
  if (cells_.size() == 0) return nullptr;
  for (Cell* const set : sets_of(fingerprint))
    for (Cell* cell = set; cell != set + kWays; ++cell)
      if (cell->fingerprint == fingerprint && is_live(*cell)) return cell;
  return nullptr;
}

// Into the emptier set; where both are full, the oldest of all gives way. A record of the same key gives way
// first.
void Ghost::remember(const Key& key, const Record& record) {
  if (cells_.size() == 0) return;
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

void Ghost::put(const Cell& cell) {
  Cell* target = nullptr;
  unsigned fewest = kWays + 1;
  std::uint32_t target_rank = 0;
  for (Cell* const set : sets_of(cell.fingerprint)) {
    unsigned live = 0;
    std::uint32_t highest = 0;
    Cell* oldest = set;
    for (Cell* at = set; at != set + kWays; ++at) {
      const bool is_live = this->is_live(*at);
      const std::uint32_t rank = is_live ? age(*at) : kStampMask;
      live += is_live ? 1 : 0;
      oldest = rank > highest ? at : oldest;
      highest = std::max(highest, rank);
    }
    if (live < fewest || (live == fewest && highest > target_rank)) {
      target = oldest;
      fewest = live;
      target_rank = highest;
    }
  }
  *target = cell;
}

std::optional<Ghost::Record> Ghost::find(const Key& key) const {
  const Cell* cell = find_cell(fingerprint_of(key));
  if (cell == nullptr) return std::nullopt;
  return record_of(*cell);
}

std::optional<Ghost::Record> Ghost::take(const Key& key) {
  Cell* cell = find_cell(fingerprint_of(key));
  if (cell == nullptr) return std::nullopt;
  return record_of(std::exchange(*cell, {}));
}

}  // namespace pgweir::cache
