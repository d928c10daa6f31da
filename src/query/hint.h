// Comments that say how one statement is to be treated: /* pgweir: ttl=60s accept_ttl */.
#pragma once

#include <string_view>

#include "base/clock.h"

namespace pgweir::query {

// How long a rule or a hint may have a reply kept, and answer once its ttl is over.
inline constexpr base::Nanos kTtlMin = base::kMillisecond;
inline constexpr base::Nanos kTtlMax = 30 * 86'400 * base::kSecond;

// What all hint comments of a text come to.
struct Hint {
  base::Nanos ttl = 0;                     // 0: not given
  base::Nanos stale_while_revalidate = 0;  // likewise
  base::Nanos stale_if_error = 0;          // likewise
  bool bypass = false;
  bool accept_ttl = false;
  bool given = false;  // there is one
  // One says something unknown, nothing at all, or another duration than one before it. Nothing of it counts
  // then.
  bool bad = false;

  friend bool operator==(const Hint&, const Hint&) = default;
};

// A comment with its signs. Left alone unless it begins with "pgweir:", in any case. Any thread.
void read_hint(std::string_view comment, Hint& hint);

}  // namespace pgweir::query
