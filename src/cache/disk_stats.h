// A snapshot of the disk tier's counters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::cache {

// How a read from the disk ended.
enum class DiskRead : std::uint8_t {
  kFound,
  kGone,      // replaced or erased meanwhile
  kDead,      // expired, or what it depends on has changed
  kOtherKey,  // its key shares a tag with the one that was asked for
  kShort,     // the file ends before it
  kCorrupt,   // not the bytes that were written there
  kError,     // the device refused
};
inline constexpr std::size_t kDiskReads = 7;

// What the device refused of what was to be written; each voids one segment.
enum class DiskFault : std::uint8_t { kWrite, kNoSpace, kSync, kReplaced };
inline constexpr std::size_t kDiskFaults = 4;

std::string_view name(DiskRead end);
std::string_view name(DiskFault fault);

struct DiskStats {
  std::array<std::uint64_t, kDiskReads> reads{};    // by DiskRead
  std::array<std::uint64_t, kDiskFaults> faults{};  // by DiskFault

  std::uint64_t appended = 0;        // entries
  std::uint64_t appended_bytes = 0;  // their keys, dependencies and replies
  std::uint64_t too_large = 0;
  std::uint64_t no_buffer = 0;  // the device or its budget did not keep up
  std::uint64_t reinserted = 0;
  std::uint64_t reinserted_bytes = 0;
  std::uint64_t written_bytes = 0;     // to the device, all told
  std::uint64_t dropped = 0;           // entries that left with their segment
  std::uint64_t rebuilt = 0;           // entries found at the start
  std::uint64_t scanned_segments = 0;  // of those found then, without a valid footer

  // Levels.
  std::uint64_t entries = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t buffer_bytes = 0;
};

}  // namespace pgweir::cache
