// What a server under test has used, read from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::bench {

struct ProcessUsage {
  base::Nanos cpu = 0;          // user and system time, in steps of the kernel's clock tick (10 ms)
  std::uint64_t rss_bytes = 0;  // resident; memory that processes share is counted in each of them
};

// The sum over the processes `roots` and all their living descendants. kInvalid if a root is gone.
base::Result<ProcessUsage> usage_of(const std::vector<pid_t>& roots);

}  // namespace pgweir::bench
