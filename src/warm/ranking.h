// The statements that hits save the most database time by, from what workers sample. Bounded; what is not
// asked for any more is forgotten within about a day.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "warm/samples.h"
#include "warm/statement.h"

namespace pgweir::warm {

struct RankingLimits {
  std::size_t statements_max = kStatementsMax;   // of a database
  std::size_t bytes_max = std::size_t{8} << 20;  // of all
  base::Nanos half_life = 3600 * base::kSecond;  // of what a hit counts
  double forgotten_ns = 1'000;                   // who has saved less, by now, is
};

// One thread at a time.
class Ranking {
 public:
  explicit Ranking(const RankingLimits& limits = {}) : limits_(limits) {}

  // As list() gave it, in this process or an earlier one.
  void start_with(List list);
  void add(Samples::Batch batch);
  // So much time has passed.
  void age(base::Nanos by);

  List list() const;
  std::size_t size() const { return statements_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  // The index of an equal one, that was there or is added; none: there are too many.
  std::optional<std::size_t> session(const SessionState& state);
  void add(Statement statement, const std::vector<SessionState>& sessions);
  std::vector<const Statement*> best() const;
  void trim();

  const RankingLimits limits_;
  std::vector<SessionState> sessions_;
  std::unordered_map<base::Hash128, Statement> statements_;  // by key
  std::size_t bytes_ = 0;
  std::size_t trim_at_ = 0;  // so many statements
};

}  // namespace pgweir::warm
