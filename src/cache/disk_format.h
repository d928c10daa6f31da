// What the disk tier's file holds, byte by byte. All numbers are little endian; all positions count from the
// start of the file, offsets from the start of a segment.
//
//   0         superblock, 80 bytes used of 4,096
//   4096      superblock: of the two, the valid one with the higher version holds
//   8192      segment 0, then the others, each of segment_bytes
//
//   superblock     0 magic "PGWEIRD1" | 8 format u32 = 1 | 12 segment_bytes u32 | 16 segments u64
//                  24 store, 16 bytes | 40 identity, 16 bytes | 56 first_sequence u64 | 64 version u64
//                  72 checksum u64 of what is before
//   segment        header, records one after another, zeros, footer, trailer
//   segment header 0 magic u32 | 4 format u32 | 8 sequence u64 | 16 store, first half | 24 run, 16 bytes
//                  40 begun_wall i64 | 48 begun_at i64 | 56 checksum u64 of what is before
//   record         0 checksum u64 of what follows | 8 length u32, all told | 12 dependencies u16
//                  14 flags u16 (1: has a mark) | 16 key lo, hi | 32 asked_ms i32, counted from begun_at
//                  36 lifetime_ms u32 | 40 cost_us u32 | 44 mark u32, if it has one
//                  then for each dependency: slot u32 (kind in its two highest bits), seen u64
//                  then the reply; zeros up to a multiple of four
//   footer         for each record: tag u40 and length u24 in one u64 | offset u32; lengths and offsets in
//                  units of four bytes. Ends where the trailer begins.
//   trailer        the last 32 bytes: magic u32 | records u32 | sequence u64 | 0 u64 | checksum u64 of the
//                  footer and of what is before
//
// Checksums are XXH3-64; that of a segment's header is seeded with the store, those of what is behind it with
// the run, the sequence, and for a record its offset: what was written to another place, in another round or
// run never passes for what should be there. That is no defence against who can write to the file: it has
// mode 0600.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/entry.h"
#include "cache/generations.h"

namespace pgweir::cache::disk {

inline constexpr std::uint32_t kFormat = 1;
inline constexpr std::size_t kSuperblockBytes = 4096;
inline constexpr std::uint64_t kSegmentsBegin = 2 * kSuperblockBytes;
inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::size_t kRecordHeaderBytes = 44;
inline constexpr std::size_t kDependencyBytes = 12;
inline constexpr std::size_t kFooterEntryBytes = 12;
inline constexpr std::size_t kTrailerBytes = 32;
inline constexpr std::size_t kUnit = 4;  // of positions and lengths

// Names a key in footers and index: a key that shares its tag with another takes its place.
using Tag = std::uint64_t;
inline constexpr unsigned kTagBits = 40;
inline Tag tag_of(const Key& key) { return key.hi >> (64 - kTagBits); }

struct Superblock {
  std::uint32_t segment_bytes = 0;
  std::uint64_t segments = 0;
  base::Hash128 store;               // drawn when the store was made
  base::Hash128 identity;            // of what its keys mean: another secret or database never uses it
  std::uint64_t first_sequence = 1;  // older segments are void
  std::uint64_t version = 0;
};
// REQUIRES: out has kSuperblockBytes.
void encode(const Superblock& superblock, std::span<char> out);
std::optional<Superblock> decode_superblock(std::string_view bytes);
// Whether the two superblocks are of such a store, valid or not: else the file is somebody else's.
bool is_store(std::string_view bytes);

struct SegmentHeader {
  std::uint64_t sequence = 0;
  base::Hash128 run;  // drawn at each opening of the store; times and generations are those of one run
  base::Nanos begun_wall = 0;  // the same moment by both clocks
  base::Nanos begun_at = 0;
};
// REQUIRES: out has kHeaderBytes.
void encode(const SegmentHeader& header, const base::Hash128& store, std::span<char> out);
std::optional<SegmentHeader> decode_header(std::string_view bytes, const base::Hash128& store);

// Where in which segment of which run something is.
struct Spot {
  base::Hash128 run;
  std::uint64_t sequence = 0;
  std::uint32_t offset = 0;
};

// What is written: a view of an entry.
struct Content {
  Key key;
  base::Nanos asked_at = 0;  // by the clock of this run
  base::Nanos expires_at = 0;
  base::Nanos cost = 0;
  std::uint32_t mark = 0;
  std::span<const Dependency> dependencies;
  std::string_view bytes;
};

struct Record {
  Key key;
  base::Nanos asked_at = 0;  // by the clock of its run
  base::Nanos expires_at = 0;
  base::Nanos cost = 0;
  std::uint32_t mark = 0;
  std::vector<Dependency> dependencies;
  std::string_view bytes;  // of what was decoded

  static std::size_t size_of(std::size_t bytes, std::size_t dependencies, std::uint32_t mark) {
    return kRecordHeaderBytes + (mark != 0 ? 4 : 0) + dependencies * kDependencyBytes + bytes;
  }
};
constexpr std::size_t padded(std::size_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }

// False if its times cannot be told here. REQUIRES: out has the size of the record, padded.
bool encode(const Content& content, const Spot& spot, base::Nanos begun_at, std::span<char> out);
// The record at the start of the bytes, which may go on behind it.
std::optional<Record> decode_record(std::string_view bytes, const Spot& spot, base::Nanos begun_at);
// The same bytes for another spot. REQUIRES: a record that decode_record has accepted.
void move_record(std::span<char> record, const Spot& to, base::Nanos from_begun_at, base::Nanos to_begun_at);
// The size of the record that begins here, 0 if none can.
std::size_t record_bytes(std::string_view bytes);

struct FooterEntry {
  Tag tag = 0;
  std::uint32_t offset = 0;  // bytes, as is length, which is padded
  std::uint32_t length = 0;
};
constexpr std::size_t footer_bytes(std::size_t records) {
  return records * kFooterEntryBytes + kTrailerBytes;
}
// REQUIRES: out has footer_bytes(entries.size()) and is the end of a segment.
void encode(std::span<const FooterEntry> entries, const base::Hash128& run, std::uint64_t sequence,
            std::span<char> out);
// How many bytes the footer takes, by the trailer at the end of these bytes; 0 if there is none.
std::size_t footer_size(std::string_view segment_end, std::uint64_t sequence, std::size_t segment_bytes);
// REQUIRES: bytes has what footer_size said. Only entries that lie within the segment, or none.
std::optional<std::vector<FooterEntry>> decode_footer(std::string_view bytes, const base::Hash128& run,
                                                      std::uint64_t sequence, std::size_t segment_bytes);

}  // namespace pgweir::cache::disk
