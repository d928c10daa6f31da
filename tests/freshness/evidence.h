// What else is known at the moment of a violation.
#pragma once

#include <string>

#include "session.h"

namespace pgweir::freshness {

// Whether the last reply to the session with this backend came from the cache, which fault came last, and how
// far pgweir's change stream is behind. began: when the read was sent. Lines to be printed.
std::string evidence_at(const Run& run, int backend, Nanos began);

}  // namespace pgweir::freshness
