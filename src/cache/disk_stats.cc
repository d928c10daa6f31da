#include "cache/disk_stats.h"

#include <array>

namespace pgweir::cache {

std::string_view name(DiskRead end) {
  constexpr std::array<std::string_view, kDiskReads> kNames{"found", "gone",    "dead", "other_key",
                                                            "short", "corrupt", "error"};
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view name(DiskFault fault) {
  constexpr std::array<std::string_view, kDiskFaults> kNames{"write", "no_space", "sync", "replaced"};
  return kNames[static_cast<std::size_t>(fault)];
}

std::string_view name(Admission admission) {
  constexpr std::array<std::string_view, kAdmissions> kNames{
      "admitted", "there", "first_sight", "short_lived", "cheap", "too_large", "no_buffer", "closed"};
  return kNames[static_cast<std::size_t>(admission)];
}

}  // namespace pgweir::cache
