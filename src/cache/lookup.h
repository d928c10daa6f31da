// What a lookup gives back.
#pragma once

#include "base/clock.h"
#include "cache/entry.h"
#include "cache/fill.h"
#include "cache/outcome.h"

namespace pgweir::cache {

// What the caller accepts besides what is fresh. An entry is *untold* if a voucher has moved.
struct Accepts {
  // How long after its ttl an entry may still answer while another session fills; an untold one, how long
  // after it was asked for. Never one that has changed.
  base::Nanos stale_for = 0;
  // How long after its ttl one may answer if the fill fails. Never an untold one, or one that has changed.
  base::Nanos if_error = 0;
  bool untold = false;  // untold entries are as good as others
  bool vouched = true;  // false: nobody vouches now, so all entries are untold
  // What a caller with a waiter waits for.
  bool fill_wait = true;  // another's fill
  bool disk_wait = true;  // a read from the disk
  // With an answer that is due to be asked anew may come the fill: for who can do so without waiting.
  bool refreshes = false;
};

struct Lookup {
  Outcome outcome = Outcome::kPass;
  MissWhy miss_why = MissWhy::kCold;         // of kMiss, and of any other that has a fill
  PassWhy pass_why = PassWhy::kUncacheable;  // of kPass
  EntryRef entry{};             // of kHit and kStale; of kMiss and kPass: what may answer instead of an error
  Fill fill{};                  // of kMiss; of kHit and kStale if Accepts::refreshes
  base::Nanos wait = 0;         // of kWaiting: for how long, before another lookup
  bool waits_for_disk = false;  // likewise: and not for another's fill
};

}  // namespace pgweir::cache
