// Warm-up after a start. Read by config/, validated there, immutable here.
#pragma once

#include <string>

namespace pgweir::warm {

struct WarmConfig {
  // The login under which statements are asked again after a start, and whose statements are recorded for
  // that; empty: no warm-up.
  std::string user;
  std::string passfile;  // as libpq's; empty: libpq's own default
  // Texts and values of statements are kept in the state directory.
  bool record = false;
  // Readiness waits for the end of the warm-up, and not for PostgreSQL alone.
  bool ready_when_warm = false;
};

}  // namespace pgweir::warm
