#include "model.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgweir::freshness {
namespace {

constexpr std::uint64_t kReadsPerFocus = 3000;
constexpr unsigned kFocusKinds = 6;

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

std::size_t choose_few(Random& random, std::size_t size) { return chance(random, 3) ? random() % size : 0; }

Model::Model(std::uint64_t seed, std::optional<Nanos> direct_lag, const std::string& only) : seed_(seed) {
  for (const Kind& kind : all_kinds()) {
    if (kind.is_direct && !direct_lag) continue;
    if (!only.empty() && only != kind.name) continue;
    kinds_.push_back(&kind);
    auto& cells = cells_.emplace_back();
    for (int id = 1; id <= kind.cells; ++id)
      cells.emplace_back(fmt::format("{} {}", kind.name, id), kind.is_direct ? *direct_lag : 0);
  }
}

bool Model::has_direct() const {
  return std::ranges::any_of(kinds_, [](const Kind* kind) { return kind->is_direct; });
}

Snapshot Model::floors(Nanos now) const {
  Snapshot snapshot;
  for (const auto& cells : cells_)
    for (const Cell& cell : cells) snapshot.floors.emplace(&cell, cell.floor(now));
  return snapshot;
}

std::size_t Model::choose(Random& random, std::uint64_t reads, bool direct) const {
  for (;;) {
    std::uint64_t number = random();
    if (!chance(random, 10))
      number = mix(seed_ + reads / kReadsPerFocus * kFocusKinds + random() % kFocusKinds);
    const std::size_t kind = number % kinds_.size();
    if (kinds_[kind]->is_direct == direct) return kind;
    if (kinds_.size() == 1) return kind;
  }
}

}  // namespace pgweir::freshness
