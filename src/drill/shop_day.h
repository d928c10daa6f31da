// A day in the shop: the whole main job on real parts, live on the terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "drill/day_screen.h"

namespace pgweir::drill {

struct ShopDayOptions {
  std::string dir = ".cache/shop";  // keeps the database from one run to the next, and the logs
  std::string bin_dir;              // of pgweir, shop-api and shop-load; empty: this program's own
  std::uint16_t port =
      7430;         // PostgreSQL; the next four: pgweir, its admin, the API through it, the API direct
  int seconds = 0;  // how long the traffic lasts; 0: until Ctrl-C
  double requests_per_s = 600;
  double direct_share = 0.1;  // of the reads, sent past pgweir to compare
  std::size_t users = 5000;
  std::uint64_t seed = 1;  // of the data and of the traffic
  bool json = false;       // JSON lines instead of text
};

// kInvalid with the flag at fault and what it takes.
base::Result<void> validate(const ShopDayOptions& options);

// Brings everything up, shows it live, sums up and takes everything down. Writes to standard output and
// errors to standard error. Returns the exit code: 0 when the time is over or after Ctrl-C during the
// traffic, 1 if something failed, 2 for wrong options, 130 if stopped before the traffic began. Call it
// on the main thread before others are started, since it takes over SIGINT, SIGTERM and SIGHUP.
int run_shop_day(const ShopDayOptions& options);

}  // namespace pgweir::drill
