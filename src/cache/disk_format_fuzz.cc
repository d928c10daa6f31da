// Any bytes as what a disk may give back. Checksums keep nearly all of them out, so each is also tried with
// the checksum that it should have: what is accepted then lies within its bytes.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <string>

#include "base/check.h"
#include "cache/disk_format.h"

namespace disk = pgweir::cache::disk;

namespace {

constexpr disk::Spot kSpot{.run = {.lo = 1, .hi = 0}, .sequence = 0, .offset = 0};

// With the checksum of bytes [from, to) at `at`.
std::string with_checksum(std::string bytes, std::size_t from, std::size_t to, std::size_t at,
                          std::uint64_t seed) {
  const std::uint64_t sum = XXH3_64bits_withSeed(bytes.data() + from, to - from, seed);
  std::memcpy(bytes.data() + at, &sum, sizeof sum);
  return bytes;
}

void check_record(std::string_view bytes) {
  const auto record = disk::decode_record(bytes, kSpot, 0);
  if (!record) return;
  CHECK(record->bytes.data() >= bytes.data());
  CHECK(record->bytes.data() + record->bytes.size() <= bytes.data() + bytes.size());
  CHECK(record->dependencies.size() <= pgweir::cache::Entry::kDependenciesMax);
  CHECK(record->expires_at >= record->asked_at);
}

void check_footer(std::string_view bytes, std::size_t segment_bytes) {
  const auto entries = disk::decode_footer(bytes, kSpot.run, kSpot.sequence, segment_bytes);
  if (!entries) return;
  for (const disk::FooterEntry& entry : *entries)
    CHECK(std::size_t{entry.offset} + entry.length <= segment_bytes && entry.length > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t kSegmentBytes = 1 << 16;
  disk::decode_superblock(bytes);
  disk::decode_header(bytes, kSpot.run);
  disk::is_store(bytes);
  check_record(bytes);
  check_footer(bytes, kSegmentBytes);
  if (const std::size_t record = disk::record_bytes(bytes); record != 0 && record <= size)
    check_record(with_checksum(bytes, 8, record, 0, 1));
  if (const std::size_t footer = disk::footer_size(bytes, 0, kSegmentBytes); footer != 0 && footer <= size)
    check_footer(with_checksum(bytes, size - footer, size - 8, size - 8, 1), kSegmentBytes);
  if (size >= 80) disk::decode_superblock(with_checksum(bytes, 0, 72, 72, 0));
  if (size >= disk::kHeaderBytes) disk::decode_header(with_checksum(bytes, 0, 56, 56, 1), kSpot.run);
  return 0;
}
