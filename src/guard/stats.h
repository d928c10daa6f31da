// What the guard counts and shows; any thread reads.
#pragma once

#include "base/counters.h"

namespace pgweir::guard {

struct GuardStats {
  base::Gauge limit;           // of statements outside transactions
  base::Gauge slowdown_x1000;  // of statements, compared with calm times
  base::Gauge active;          // outside transactions, overdue ones aside
  base::Gauge in_transaction;  // likewise, inside
  base::Gauge overdue;         // run for so long that they no longer keep others waiting
  base::Gauge queued;
  base::Counter admitted;  // outside transactions
  base::Counter waited;    // of these, after waiting
  base::Histogram wait_time;
};

}  // namespace pgweir::guard
