#include "cache/disk_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace pgweir::cache::disk {
namespace {

constexpr std::string_view kMagic = "PGWEIRD1";
constexpr std::uint32_t kSegmentMagic = 0x47455357;  // "WSEG"
constexpr std::uint32_t kTrailerMagic = 0x444E4557;  // "WEND"
constexpr std::uint16_t kHasMark = 1;
constexpr unsigned kKindShift = 30;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kAskedAt = 32;

template <class Word>
Word little(Word word) {
  if constexpr (std::endian::native == std::endian::big) return std::byteswap(word);
  return word;
}

class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  template <class Word>
  Writer& put(Word word) {
    word = little(word);
    std::memcpy(at_, &word, sizeof word);
    at_ += sizeof word;
    return *this;
  }
  Writer& put(const base::Hash128& hash) { return put(hash.lo).put(hash.hi); }
  Writer& put(std::string_view bytes) {
    at_ = std::copy(bytes.begin(), bytes.end(), at_);
    return *this;
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

// The caller has seen that there are enough bytes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()) {}
  template <class Word>
  Word get() {
    Word word;
    std::memcpy(&word, at_, sizeof word);
    at_ += sizeof word;
    return little(word);
  }
  base::Hash128 get_hash() {
    const auto lo = get<std::uint64_t>();
    return {.lo = lo, .hi = get<std::uint64_t>()};
  }
  const char* at() const { return at_; }

 private:
  const char* at_;
};

std::uint64_t seed_of(const Spot& spot) {
  return (spot.run.lo ^ std::rotl(spot.run.hi, 32)) + spot.sequence * 0x9E3779B97F4A7C15ULL + spot.offset;
}

std::uint64_t checksum(std::string_view bytes, const Spot& spot) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed_of(spot));
}

// Rounded down, and out of range as far as it goes.
template <class Int>
Int milliseconds(base::Nanos nanos) {
  const base::Nanos ms =
      nanos >= 0 ? nanos / base::kMillisecond : -((-nanos + base::kMillisecond - 1) / base::kMillisecond);
  return static_cast<Int>(
      std::clamp<base::Nanos>(ms, std::numeric_limits<Int>::min(), std::numeric_limits<Int>::max()));
}

}  // namespace

void encode(const Superblock& superblock, std::span<char> out) {
  CHECK(out.size() == kSuperblockBytes);
  std::fill(out.begin(), out.end(), '\0');
  Writer writer(out.data());
  writer.put(kMagic).put(kFormat).put(superblock.segment_bytes).put(superblock.segments);
  writer.put(superblock.store).put(superblock.identity);
  writer.put(superblock.first_sequence).put(superblock.version);
  const auto size = static_cast<std::size_t>(writer.at() - out.data());
  writer.put(checksum({out.data(), size}, {}));
}

std::optional<Superblock> decode_superblock(std::string_view bytes) {
  constexpr std::size_t kChecked = 72;
  if (bytes.size() < kChecked + kChecksumBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  if (Reader(bytes.substr(kChecked)).get<std::uint64_t>() != checksum(bytes.substr(0, kChecked), {}))
    return std::nullopt;
  Reader reader(bytes.substr(kMagic.size()));
  if (reader.get<std::uint32_t>() != kFormat) return std::nullopt;
  Superblock superblock;
  superblock.segment_bytes = reader.get<std::uint32_t>();
  superblock.segments = reader.get<std::uint64_t>();
  superblock.store = reader.get_hash();
  superblock.identity = reader.get_hash();
  superblock.first_sequence = reader.get<std::uint64_t>();
  superblock.version = reader.get<std::uint64_t>();
  return superblock;
}

// The first superblock may have been cut off anywhere.
bool is_store(std::string_view bytes) {
  bool is_empty = true;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kSuperblockBytes, bytes.size()))) {
    const std::string_view block = bytes.substr(0, kSuperblockBytes);
    if (block.starts_with(kMagic)) return true;
    const auto begun = static_cast<std::size_t>(
        std::mismatch(block.begin(), block.end(), kMagic.begin(), kMagic.end()).first - block.begin());
    is_empty = is_empty && block.find_first_not_of('\0', begun) == std::string_view::npos;
  }
  return is_empty;
}

void encode(const SegmentHeader& header, const base::Hash128& store, std::span<char> out) {
  CHECK(out.size() == kHeaderBytes);
  Writer writer(out.data());
  writer.put(kSegmentMagic).put(kFormat).put(header.sequence).put(store.lo).put(header.run);
  writer.put(header.begun_wall).put(header.begun_at);
  const std::string_view checked(out.data(), kHeaderBytes - kChecksumBytes);
  writer.put(checksum(checked, {.run = store}));
}

std::optional<SegmentHeader> decode_header(std::string_view bytes, const base::Hash128& store) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const std::string_view checked = bytes.substr(0, kHeaderBytes - kChecksumBytes);
  if (Reader(bytes.substr(checked.size())).get<std::uint64_t>() != checksum(checked, {.run = store}))
    return std::nullopt;
  Reader reader(bytes);
  if (reader.get<std::uint32_t>() != kSegmentMagic || reader.get<std::uint32_t>() != kFormat)
    return std::nullopt;
  SegmentHeader header;
  header.sequence = reader.get<std::uint64_t>();
  if (reader.get<std::uint64_t>() != store.lo) return std::nullopt;
  header.run = reader.get_hash();
  header.begun_wall = reader.get<base::Nanos>();
  header.begun_at = reader.get<base::Nanos>();
  return header;
}

bool encode(const Content& content, const Spot& spot, base::Nanos begun_at, std::span<char> out) {
  const auto asked_ms = milliseconds<std::int32_t>(content.asked_at - begun_at);
  if (asked_ms == std::numeric_limits<std::int32_t>::min()) return false;
  const std::size_t size = Record::size_of(content.bytes.size(), content.dependencies.size(), content.mark);
  CHECK(out.size() == padded(size));
  Writer writer(out.data() + kChecksumBytes);
  writer.put(static_cast<std::uint32_t>(size)).put(static_cast<std::uint16_t>(content.dependencies.size()));
  writer.put(content.mark != 0 ? kHasMark : std::uint16_t{0}).put(content.key).put(asked_ms);
  writer.put(milliseconds<std::uint32_t>(std::max<base::Nanos>(content.expires_at - content.asked_at, 0)));
  writer.put(static_cast<std::uint32_t>(std::clamp<base::Nanos>(content.cost / base::kMicrosecond, 0,
                                                                std::numeric_limits<std::uint32_t>::max())));
  if (content.mark != 0) writer.put(content.mark);
  for (const Dependency& dependency : content.dependencies) {
    writer.put(dependency.slot | static_cast<std::uint32_t>(dependency.kind) << kKindShift);
    writer.put(dependency.seen);
  }
  writer.put(content.bytes);
  std::fill(writer.at(), out.data() + out.size(), '\0');
  Writer(out.data()).put(checksum({out.data() + kChecksumBytes, size - kChecksumBytes}, spot));
  return true;
}

std::size_t record_bytes(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes) return 0;
  const auto size = Reader(bytes.substr(kChecksumBytes)).get<std::uint32_t>();
  return size < kRecordHeaderBytes ? 0 : size;
}

std::optional<Record> decode_record(std::string_view bytes, const Spot& spot, base::Nanos begun_at) {
  const std::size_t size = record_bytes(bytes);
  if (size == 0 || size > bytes.size()) return std::nullopt;
  bytes = bytes.substr(0, size);
  if (Reader(bytes).get<std::uint64_t>() != checksum(bytes.substr(kChecksumBytes), spot)) return std::nullopt;
  Reader reader(bytes.substr(kChecksumBytes + 4));
  const auto count = reader.get<std::uint16_t>();
  const auto flags = reader.get<std::uint16_t>();
  const bool has_mark = (flags & kHasMark) != 0;
  const std::size_t head = Record::size_of(0, count, has_mark ? 1 : 0);
  if (head > size || count > Entry::kDependenciesMax) return std::nullopt;
  Record record;
  record.key = reader.get_hash();
  record.asked_at = begun_at + reader.get<std::int32_t>() * base::kMillisecond;
  record.expires_at = record.asked_at + reader.get<std::uint32_t>() * base::kMillisecond;
  record.cost = reader.get<std::uint32_t>() * base::kMicrosecond;
  if (has_mark) record.mark = reader.get<std::uint32_t>();
  record.dependencies.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    const auto slot = reader.get<std::uint32_t>();
    const auto kind = slot >> kKindShift;
    if (kind > static_cast<std::uint32_t>(Dependency::Kind::kUnvouched)) return std::nullopt;
    record.dependencies.push_back({.slot = slot & ((std::uint32_t{1} << kKindShift) - 1),
                                   .kind = static_cast<Dependency::Kind>(kind),
                                   .seen = reader.get<std::uint64_t>()});
  }
  record.bytes = bytes.substr(head);
  return record;
}

void move_record(std::span<char> record, const Spot& to, base::Nanos from_begun_at, base::Nanos to_begun_at) {
  const std::size_t size = record_bytes({record.data(), record.size()});
  CHECK(size != 0 && size <= record.size());
  const auto asked_ms = Reader({record.data() + kAskedAt, 4}).get<std::int32_t>();
  const base::Nanos asked_at = from_begun_at + asked_ms * base::kMillisecond;
  Writer(record.data() + kAskedAt).put(milliseconds<std::int32_t>(asked_at - to_begun_at));
  Writer(record.data()).put(checksum({record.data() + kChecksumBytes, size - kChecksumBytes}, to));
}

void encode(std::span<const FooterEntry> entries, const base::Hash128& run, std::uint64_t sequence,
            std::span<char> out) {
  CHECK(out.size() == footer_bytes(entries.size()));
  Writer writer(out.data());
  for (const FooterEntry& entry : entries) {
    const std::uint64_t units = entry.length / kUnit;
    writer.put(entry.tag << (64 - kTagBits) | units)
        .put(static_cast<std::uint32_t>(entry.offset / std::uint32_t{kUnit}));
  }
  writer.put(kTrailerMagic)
      .put(static_cast<std::uint32_t>(entries.size()))
      .put(sequence)
      .put(std::uint64_t{0});
  const auto size = static_cast<std::size_t>(writer.at() - out.data());
  writer.put(checksum({out.data(), size}, {.run = run, .sequence = sequence}));
}

std::size_t footer_size(std::string_view segment_end, std::uint64_t sequence, std::size_t segment_bytes) {
  if (segment_end.size() < kTrailerBytes || segment_bytes < kHeaderBytes + kTrailerBytes) return 0;
  Reader reader(segment_end.substr(segment_end.size() - kTrailerBytes));
  if (reader.get<std::uint32_t>() != kTrailerMagic) return 0;
  const auto records = reader.get<std::uint32_t>();
  if (reader.get<std::uint64_t>() != sequence) return 0;
  if (records > (segment_bytes - kHeaderBytes - kTrailerBytes) / kFooterEntryBytes) return 0;
  return footer_bytes(records);
}

std::optional<std::vector<FooterEntry>> decode_footer(std::string_view bytes, const base::Hash128& run,
                                                      std::uint64_t sequence, std::size_t segment_bytes) {
  const std::size_t size = footer_size(bytes, sequence, segment_bytes);
  if (size == 0 || size > bytes.size()) return std::nullopt;
  bytes = bytes.substr(bytes.size() - size);
  const std::string_view checked = bytes.substr(0, size - kChecksumBytes);
  if (Reader(bytes.substr(checked.size())).get<std::uint64_t>() !=
      checksum(checked, {.run = run, .sequence = sequence}))
    return std::nullopt;
  std::vector<FooterEntry> entries((size - kTrailerBytes) / kFooterEntryBytes);
  Reader reader(bytes);
  for (FooterEntry& entry : entries) {
    constexpr std::uint64_t kLengthMask = (std::uint64_t{1} << (64 - kTagBits)) - 1;
    const auto tag_and_length = reader.get<std::uint64_t>();
    const std::uint64_t length = (tag_and_length & kLengthMask) * kUnit;
    const std::uint64_t offset = std::uint64_t{reader.get<std::uint32_t>()} * kUnit;
    const bool fits =
        offset >= kHeaderBytes && length >= kRecordHeaderBytes && offset + length <= segment_bytes;
    if (!fits) return std::nullopt;
    entry = {.tag = tag_and_length >> (64 - kTagBits),
             .offset = static_cast<std::uint32_t>(offset),
             .length = static_cast<std::uint32_t>(length)};
  }
  return entries;
}

}  // namespace pgweir::cache::disk
