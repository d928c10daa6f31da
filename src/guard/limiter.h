// How many statements PostgreSQL is to have at once, found out from how long they take.
//
// A statement is compared with its own template in calm times: when so few were running that none was in
// another's way. The slowdown is the geometric mean of latency over calm latency,
// over the statements of a window. Past the slowdown that is aimed at the limit falls, below it the limit
// rises, if it was in the way; both in proportion (docs/decisions/0014-guard.md has the reasons and figures).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "guard/config.h"

namespace pgweir::guard {

// One thread at a time.
class Limiter {
 public:
  explicit Limiter(const GuardConfig& config) { configure(config); }

  // From now on within these bounds.
  void configure(const GuardConfig& config);

  struct Sample {
    std::uint64_t template_hash;
    base::Nanos latency;  // from sending it to the first of its reply
    unsigned active;      // when it was sent, itself included
  };
  void add(const Sample& sample, base::Nanos now);
  // A statement had to wait for another to end.
  void held_back(base::Nanos now);

  unsigned limit() const;
  // Never more than this.
  unsigned limit_max() const { return is_fixed_ ? fixed_ : max_; }
  // Of the last windows: 1 is calm.
  double slowdown() const;
  // What the template takes in calm times; 0: not known.
  base::Nanos calm_latency(std::uint64_t template_hash) const;

 private:
  struct Template {
    std::uint64_t hash = 0;
    unsigned samples = 0;
    double calm = 0;  // mean of the logarithms of latencies in nanoseconds
    base::Nanos calm_at = 0;
    base::Nanos seen = 0;
  };
  struct Window {
    base::Nanos began = 0;
    unsigned samples = 0;
    double sum = 0;  // of the logarithms of slowdowns
    bool held_back = false;
  };
  static constexpr std::size_t kTemplatesLog2 = 10;
  static constexpr std::size_t kWays = 4;

  Template& template_of(std::uint64_t hash);
  void learn(Template& known, double x, bool calm, base::Nanos now) const;
  void close_window(base::Nanos now);
  void probe(base::Nanos now);

  bool is_fixed_ = false;
  unsigned fixed_ = 0;
  unsigned min_ = 0;
  unsigned max_ = 0;
  double limit_ = 0;
  double slowdown_ = 0;  // logarithm
  Window window_;
  unsigned calm_wanted_ = 0;         // samples until the probe for them ends; 0: there is none
  base::Nanos held_back_since_ = 0;  // without a calm sample since; 0: not
  base::Nanos probe_ends_ = 0;
  Template others_;  // all that are not known yet
  std::array<Template, std::size_t{1} << kTemplatesLog2> templates_{};
};

}  // namespace pgweir::guard
