// Makes things go wrong for sessions: ends their backends, cancels what they do. Its thread's.
#pragma once

#include "session.h"

namespace pgweir::freshness {

class Disturber {
 public:
  explicit Disturber(Run& run);
  // Until the run is over: one fault each so many reads.
  void run(std::uint64_t reads_per_fault);

 private:
  void once();

  Run& run_;
  Random random_;
  Connection direct_;
};

}  // namespace pgweir::freshness
