// How pgweir follows what changes in PostgreSQL. Read by config/, validated there, immutable here.
#pragma once

#include <string>

#include "base/clock.h"

namespace pgweir::sync {

struct SyncConfig {
  // pgweir's own login for the change stream, with the attribute REPLICATION; empty: nothing is followed,
  // and what is changed by others than through pgweir is bounded by the ttl alone.
  std::string user;
  std::string passfile;  // as libpq's; empty: libpq's own default
  base::Nanos max_lag = 2 * base::kSecond;
  // So that a restart need not lose what is on disk: PostgreSQL keeps the changes meanwhile.
  bool permanent_slot = false;
  // At once. Each takes a walsender and a replication slot, of which PostgreSQL has ten by default, and
  // backups and standbys want some too.
  unsigned databases_max = 8;
};

}  // namespace pgweir::sync
