// The part of DiskStore that finds what is there when it is opened.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "cache/disk_store.h"

namespace pgweir::cache {

using disk::FooterEntry;

namespace {

constexpr std::size_t kFooterGuess = 16 << 10;

base::Hash128 draw() {
  const base::HashSecret drawn = base::random_secret();
  return {.lo = drawn.k0, .hi = drawn.k1};
}

}  // namespace

bool DiskStore::read_all(std::uint64_t at, std::span<char> out) const {
  const auto got = device_.read(at, out);
  return got && *got == out.size();
}

base::Result<void> DiskStore::open() {
  if (auto opened = device_.open(); !opened) return opened;
  {
    const std::lock_guard lock(mutex_);
    is_open_ = false;
    ++epoch_;
    index_.clear();
    for (Buffer& buffer : buffers_) release(buffer);
    run_ = draw();
    opened_at_ = clock_.now();
    next_sequence_ = 1;
  }
  if (config_.kept != nullptr) config_.kept->add_run(run_);
  if (auto loaded = load(); !loaded) return loaded;
  rebuild();
  const std::lock_guard lock(mutex_);
  next_sequence_ = std::max(next_sequence_, superblock_.first_sequence);
  is_open_ = true;
  return {};
}

base::Result<void> DiskStore::load() {
  std::string bytes(disk::kSegmentsBegin, '\0');
  const auto got = device_.read(0, bytes);
  if (!got) return std::unexpected(got.error());
  bytes.resize(*got);
  if (!disk::is_store(bytes))
    return base::fail(base::ErrorCode::kInvalid,
                      "the file holds something else: name another, or delete it to have a new one made");
  const std::uint64_t size = device_.size_bytes();
  const std::uint64_t segments =
      size < disk::kSegmentsBegin ? 0 : (size - disk::kSegmentsBegin) / config_.segment_bytes;
  if (segments <= config_.buffers)
    return base::fail(
        base::ErrorCode::kInvalid,
        "too small for a store: at least " + std::to_string(begin_of(config_.buffers + 1)) + " bytes");
  if (auto reserved = device_.reserve(); !reserved) return reserved;
  const auto first = disk::decode_superblock(bytes);
  const auto second = disk::decode_superblock(
      std::string_view(bytes).substr(std::min<std::size_t>(disk::kSuperblockBytes, bytes.size())));
  auto found = first;
  if (second && (!found || second->version > found->version)) found = second;
  const bool is_ours = found && found->identity == config_.identity && found->segments == segments &&
                       found->segment_bytes == config_.segment_bytes;
  const std::lock_guard lock(mutex_);
  segments_.assign(segments, {});
  if (is_ours) {
    superblock_ = *found;
    return {};
  }
  superblock_ = {.segment_bytes = config_.segment_bytes,
                 .segments = segments,
                 .store = draw(),
                 .identity = config_.identity,
                 .version = found ? found->version : 0};
  superblock_is_due_ = true;
  return {};
}

base::Result<void> DiskStore::probe() {
  std::string bytes(disk::kSegmentsBegin, '\0');
  if (auto same = device_.check(); !same) {
    const std::lock_guard lock(mutex_);
    lose();
    return same;
  }
  const auto got = device_.read(0, bytes);
  if (!got) return std::unexpected(got.error());
  if (*got < bytes.size())
    return base::fail(base::ErrorCode::kUnavailable, "the file is shorter than it was");
  return {};
}

std::vector<DiskStore::EarlierWrite> DiskStore::earlier_writes() const {
  constexpr base::Nanos kDay = 24 * 3600 * base::kSecond;
  const base::Nanos now = clock_.wall();
  std::vector<EarlierWrite> writes;
  const std::lock_guard lock(mutex_);
  for (const Segment& segment : segments_) {
    const base::Nanos age = now - segment.header.begun_wall;
    if (segment.is_earlier && age < kDay) writes.push_back({.age = age, .bytes = config_.segment_bytes});
  }
  return writes;
}

// Oldest first, so that of two entries of a key the newer one holds.
void DiskStore::rebuild() {
  std::vector<Segment> found;
  std::array<char, disk::kHeaderBytes> bytes{};
  for (std::uint64_t slot = 0; slot < segments_.size(); ++slot) {
    if (!read_all(begin_of(slot), bytes)) continue;
    const auto header = disk::decode_header({bytes.data(), bytes.size()}, superblock_.store);
    if (header && header->sequence >= superblock_.first_sequence && slot_of(header->sequence) == slot)
      found.push_back({.header = *header, .is_earlier = true});
  }
  std::sort(found.begin(), found.end(),
            [](const Segment& a, const Segment& b) { return a.header.sequence < b.header.sequence; });
  for (const Segment& segment : found) rebuild(segment, slot_of(segment.header.sequence));
  const std::lock_guard lock(mutex_);
  if (!found.empty()) next_sequence_ = found.back().header.sequence + 1;
  stats_.rebuilt += index_.size();
}

// What it holds is of use if it was written under the counters that are kept, and in the past.
void DiskStore::rebuild(const Segment& segment, std::uint64_t slot) {
  const bool is_known = config_.kept != nullptr && config_.kept->knows_run(segment.header.run) &&
                        segment.header.begun_wall <= clock_.wall();
  auto entries = read_footer(segment, slot);
  const bool is_whole = entries.has_value();
  if (!is_whole) entries = scan(segment, slot);
  const std::lock_guard lock(mutex_);
  segments_[slot] = segment;
  segments_[slot].header.begun_at = clock_.now() - (clock_.wall() - segment.header.begun_wall);
  if (is_known) stats_.continued += entries->size();
  if (!is_whole) ++stats_.scanned_segments;
  for (const FooterEntry& entry : *entries) {
    if (index_.bytes() >= config_.index_bytes_max) break;
    index_.put(entry.tag, {.position = begin_of(slot) + entry.offset,
                           .length = entry.length,
                           .expires = disk::Index::kTickMax,
                           .is_void = !is_known});
  }
}

std::optional<std::vector<FooterEntry>> DiskStore::read_footer(const Segment& segment, std::uint64_t slot) {
  std::string bytes(std::min<std::size_t>(kFooterGuess, config_.segment_bytes), '\0');
  if (!read_all(begin_of(slot + 1) - bytes.size(), bytes)) return std::nullopt;
  const std::size_t size = disk::footer_size(bytes, segment.header.sequence, config_.segment_bytes);
  if (size > bytes.size()) {
    bytes.resize(size);
    if (!read_all(begin_of(slot + 1) - size, bytes)) return std::nullopt;
  }
  return disk::decode_footer(bytes, segment.header.run, segment.header.sequence, config_.segment_bytes);
}

// The records of a segment that was not written to its end, up to the first that is not whole.
std::vector<FooterEntry> DiskStore::scan(const Segment& segment, std::uint64_t slot) {
  std::vector<FooterEntry> entries;
  std::string bytes(config_.segment_bytes, '\0');
  const auto got = device_.read(begin_of(slot), bytes);
  if (!got) return entries;
  bytes.resize(*got);
  for (std::size_t offset = disk::kHeaderBytes; offset < bytes.size();) {
    const auto record = disk::decode_record(std::string_view(bytes).substr(offset), spot_of(segment, offset),
                                            segment.header.begun_at);
    if (!record) break;
    const std::size_t length = disk::padded(disk::record_bytes(std::string_view(bytes).substr(offset)));
    if (offset + length > bytes.size()) break;
    entries.push_back({.tag = disk::tag_of(record->key),
                       .offset = static_cast<std::uint32_t>(offset),
                       .length = static_cast<std::uint32_t>(length)});
    offset += length;
  }
  return entries;
}

}  // namespace pgweir::cache
