// All cells of a run, and which of them clients are busy with at the moment: most reads and writes go to
// a few kinds at a time, so that they meet.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "cell.h"
#include "kinds.h"
#include "progress.h"

namespace pgweir::freshness {

using Random = std::mt19937_64;

inline bool chance(Random& random, unsigned in) { return random() % in == 0; }

// What a REPEATABLE READ transaction must show: the floors of its beginning, and in each read the same.
struct Snapshot {
  std::map<const Cell*, Floor> floors;
  std::map<const Cell*, std::optional<Version>> shown;
};

// One of so many; the first is chosen most of the time, so that there is something to hit.
std::size_t choose_few(Random& random, std::size_t size);

// Any thread.
class Model {
 public:
  // direct_lag: how long a direct write may stay unseen; none: nothing is written directly.
  // only: the name of the one kind in use; empty: all.
  Model(std::uint64_t seed, std::optional<Nanos> direct_lag, const std::string& only);

  const std::vector<const Kind*>& kinds() const { return kinds_; }
  Cell& cell(std::size_t kind, int id) { return cells_[kind][static_cast<std::size_t>(id) - 1]; }
  bool has_direct() const;
  Snapshot floors(Nanos now) const;
  // An index of kinds().
  std::size_t choose(Random& random, std::uint64_t reads, bool direct) const;

 private:
  const std::uint64_t seed_;
  std::vector<const Kind*> kinds_;
  std::vector<std::deque<Cell>> cells_;  // by kind and id
};

}  // namespace pgweir::freshness
