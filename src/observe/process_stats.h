// What the kernel says about this process, as the standard process_* metrics.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "observe/prometheus.h"

namespace pgweir::observe {

struct ProcessStats {
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  double cpu_seconds = 0;  // user and system, all threads
  std::uint64_t threads = 0;
  std::uint64_t open_fds = 0;
  std::optional<std::uint64_t> max_fds;  // none: unlimited
  double start_time_seconds = 0;         // since the Unix epoch
};

// Reads /proc. Any thread. kInternal if /proc is not there or not as documented.
base::Result<ProcessStats> read_process_stats();

void write_process_stats(const ProcessStats& stats, PrometheusWriter& writer);

}  // namespace pgweir::observe
