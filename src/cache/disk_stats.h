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

// What became of an entry that left the memory to make room.
enum class Admission : std::uint8_t {
  kAdmitted,
  kThere,       // it came from the disk and still is there
  kFirstSight,  // it has to leave the memory once more first
  kShortLived,  // its ttl is nearly over
  kCheap,       // the database gives it faster than the disk
  kTooLarge,    // for a segment
  kNoBuffer,    // the device, or its budget, does not keep up
  kClosed,      // the device is not used at the moment, or everything was dropped meanwhile
};
inline constexpr std::size_t kAdmissions = 8;

std::string_view name(DiskRead end);
std::string_view name(DiskFault fault);
std::string_view name(Admission admission);

struct DiskStats {
  std::array<std::uint64_t, kAdmissions> admissions{};  // by Admission
  std::array<std::uint64_t, kDiskReads> reads{};        // by DiskRead
  std::array<std::uint64_t, kDiskFaults> faults{};      // by DiskFault

  std::uint64_t appended = 0;        // entries
  std::uint64_t appended_bytes = 0;  // their keys, dependencies and replies
  std::uint64_t reinserted = 0;
  std::uint64_t reinserted_bytes = 0;
  std::uint64_t written_bytes = 0;  // to the device, all told
  std::uint64_t dropped = 0;        // entries that left with their segment
  std::uint64_t rebuilt = 0;        // entries found at the start
  std::uint64_t continued = 0;      // of those, what can be compared with the generations
  std::uint64_t queue_full = 0;     // lookups that went to the database instead
  std::uint64_t overdue = 0;        // reads that nobody waited for any more
  std::uint64_t breaker_opened = 0;
  std::uint64_t slow_reads = 0;
  std::uint64_t slow_writes = 0;
  std::uint64_t scanned_segments = 0;  // of those found then, without a valid footer

  // Levels.
  std::uint64_t entries = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t buffer_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t written_in_day_bytes = 0;  // by this store, also before the start
  bool is_used = false;                    // open, and the breaker closed
  bool is_stalled = false;
};

}  // namespace pgweir::cache
