// What the guard can be told. Read by config/, validated there, immutable here.
#pragma once

#include "base/clock.h"

namespace pgweir::guard {

struct GuardConfig {
  // Statements outside transactions that PostgreSQL has at once; 0: as many as their latency allows, from
  // limit_min to limit_max.
  unsigned limit = 0;
  unsigned limit_min = 16;
  unsigned limit_max = 64;
  unsigned queue_max = 1000;  // statements that wait for their turn; 0: none does
  base::Nanos queue_wait = 5 * base::kSecond;
};

}  // namespace pgweir::guard
