// What a lookup gives back.
#pragma once

#include "cache/entry.h"
#include "cache/fill.h"
#include "cache/outcome.h"

namespace pgweir::cache {

struct Lookup {
  Outcome outcome = Outcome::kPass;
  MissWhy miss_why = MissWhy::kCold;         // of kMiss
  PassWhy pass_why = PassWhy::kUncacheable;  // of kPass
  EntryRef entry;                            // of kHit and kStale
  Fill fill;                                 // of kMiss
};

}  // namespace pgweir::cache
