// The part of DiskStore that writes.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cache/disk_store.h"

namespace pgweir::cache {

using disk::FooterEntry;

namespace {

// What is written for each byte that was appended stays below a tenth more; the rest is for the superblock.
constexpr double kAmplification = 1.09;
// Entries dropped under one hold of the lock.
constexpr std::size_t kDropsAtOnce = 256;

}  // namespace

bool DiskStore::has_work() const {
  const std::lock_guard lock(mutex_);
  if (!is_open_) return false;
  if (superblock_is_due_) return true;
  return std::any_of(buffers_.begin(), buffers_.end(), [](const Buffer& buffer) {
    return buffer.state == State::kFree || buffer.state == State::kSealed;
  });
}

std::uint64_t DiskStore::next_write_bytes() const {
  const std::lock_guard lock(mutex_);
  if (superblock_is_due_) return disk::kSuperblockBytes;
  std::uint64_t bytes = 0;
  for (const Buffer& buffer : buffers_) {
    if (buffer.state == State::kFree) return 0;  // is prepared first
    if (buffer.state == State::kSealed)
      bytes = std::max<std::uint64_t>(
          bytes, std::min<std::uint64_t>(config_.write_bytes, config_.segment_bytes - buffer.written));
  }
  return bytes;
}

base::Result<void> DiskStore::work() {
  Buffer* free = nullptr;
  Buffer* sealed = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!is_open_) return {};
    free = buffer_with(State::kFree);
    sealed = buffer_with(State::kSealed);
    if (superblock_is_due_) free = sealed = nullptr;
  }
  if (free != nullptr) {
    prepare(*free);
    return {};
  }
  if (sealed != nullptr) return write_part(*sealed);
  return write_superblock();
}

base::Result<void> DiskStore::flush() {
  {
    const std::lock_guard lock(mutex_);
    Buffer* open = is_open_ ? buffer_with(State::kOpen) : nullptr;
    if (open != nullptr && !open->footer.empty()) seal(*open);
  }
  for (;;) {
    Buffer* sealed = nullptr;
    {
      const std::lock_guard lock(mutex_);
      sealed = is_open_ ? buffer_with(State::kSealed) : nullptr;
    }
    if (sealed == nullptr) return {};
    if (auto done = write_part(*sealed); !done) return done;
  }
}

base::Result<void> DiskStore::write_superblock() {
  constexpr std::size_t kBytes = disk::kSuperblockBytes;
  const std::unique_ptr<char, FreeAligned> block(
      static_cast<char*>(std::aligned_alloc(io::Device::kAlign, kBytes)));
  CHECK(block != nullptr);
  std::uint64_t version = 0;
  {
    const std::lock_guard lock(mutex_);
    superblock_is_due_ = false;
    version = ++superblock_.version;
    disk::encode(superblock_, {block.get(), kBytes});
    stats_.written_bytes += kBytes;
  }
  auto done = device_.write(version % 2 * disk::kSuperblockBytes, {block.get(), kBytes});
  if (done) done = device_.sync();
  if (!done) {
    const std::lock_guard lock(mutex_);
    superblock_is_due_ = true;
    ++stats_.faults[static_cast<std::size_t>(DiskFault::kWrite)];
  }
  return done;
}

base::Result<void> DiskStore::write_part(Buffer& buffer) {
  // Sealed, it is the writer's alone but for readers.
  if (buffer.written == 0) {
    if (auto same = device_.check(); !same) return failed(buffer, DiskFault::kReplaced, same.error());
  }
  const std::size_t n = std::min<std::size_t>(config_.write_bytes, config_.segment_bytes - buffer.written);
  const std::uint64_t at = begin_of(slot_of(buffer.header.sequence)) + buffer.written;
  {
    const std::lock_guard lock(mutex_);
    stats_.written_bytes += n;
  }
  if (auto done = device_.write(at, {buffer.bytes.get() + buffer.written, n}); !done) {
    const bool is_full = done.error().code == base::ErrorCode::kLimit;
    return failed(buffer, is_full ? DiskFault::kNoSpace : DiskFault::kWrite, done.error());
  }
  if (buffer.written + n == config_.segment_bytes) {
    if (auto done = device_.sync(); !done) return failed(buffer, DiskFault::kSync, done.error());
    const std::lock_guard lock(mutex_);
    written_payload_bytes_ += buffer.payload_bytes;
    written_fresh_bytes_ += config_.segment_bytes - buffer.reinserted_bytes;
    release(buffer);
  } else {
    buffer.written += n;
  }
  return {};
}

// A file that is not the one that was opened holds nothing of ours.
void DiskStore::lose() {
  ++stats_.faults[static_cast<std::size_t>(DiskFault::kReplaced)];
  is_open_ = false;
  ++epoch_;
  index_.clear();
  for (Buffer& buffer : buffers_) release(buffer);
}

base::Result<void> DiskStore::failed(Buffer& buffer, DiskFault fault, base::Error error) {
  const std::lock_guard lock(mutex_);
  if (fault == DiskFault::kReplaced) {
    lose();
  } else {
    ++stats_.faults[static_cast<std::size_t>(fault)];
    forget_segment(buffer);
  }
  return std::unexpected(std::move(error));
}

// Gives a buffer its place in the file, once nothing is looked for there any more.
void DiskStore::prepare(Buffer& buffer) {
  std::uint64_t slot = 0;
  Segment old;
  {
    const std::lock_guard lock(mutex_);
    buffer.header = {
        .sequence = next_sequence_++, .run = run_, .begun_wall = clock_.wall(), .begun_at = clock_.now()};
    slot = slot_of(buffer.header.sequence);
    old = segments_[slot];
    disk::encode(buffer.header, superblock_.store, {buffer.bytes.get(), disk::kHeaderBytes});
    buffer.used = disk::kHeaderBytes;
  }
  const auto moves = reclaim(old, slot, buffer);
  {
    const std::lock_guard lock(mutex_);
    segments_[slot] = {};  // from here on nothing of it is found or published, so it may leave step by step
  }
  if (moves) {
    drop_unmoved(*moves, slot);
  } else {
    drop_all(slot);
    buffer.used = disk::kHeaderBytes;
    buffer.footer.clear();
  }
  const std::lock_guard lock(mutex_);
  if (moves) take_place(*moves, slot);
  segments_[slot] = {.header = buffer.header};
  buffer.state = State::kReady;
}

void DiskStore::drop_unmoved(std::span<const Move> moves, std::uint64_t slot) {
  while (!moves.empty()) {
    const std::lock_guard lock(mutex_);
    const std::size_t n = std::min(moves.size(), kDropsAtOnce);
    for (const Move& move : moves.first(n))
      if (move.to == 0 && index_.erase(move.from.tag, begin_of(slot) + move.from.offset)) ++stats_.dropped;
    moves = moves.subspan(n);
  }
}

// Whatever it is that lies there.
void DiskStore::drop_all(std::uint64_t slot) {
  for (std::size_t table = 0; table < disk::Index::kTables; ++table) {
    const std::lock_guard lock(mutex_);
    stats_.dropped += index_.erase_range(table, begin_of(slot), begin_of(slot + 1));
  }
}

void DiskStore::take_place(std::span<const Move> moves, std::uint64_t slot) {
  for (const Move& move : moves) {
    if (move.to == 0) continue;
    const auto item = index_.find(move.from.tag);
    if (!item || item->position != begin_of(slot) + move.from.offset) continue;  // replaced, or erased
    index_.put(move.from.tag,
               {.position = begin_of(slot) + move.to, .length = move.from.length, .expires = item->expires});
    ++stats_.reinserted;
    stats_.reinserted_bytes += move.from.length;
  }
}

std::optional<std::vector<DiskStore::Move>> DiskStore::reclaim(const Segment& segment, std::uint64_t slot,
                                                               Buffer& into) {
  std::vector<Move> moves;
  if (segment.header.sequence == 0) return moves;
  const auto footer = read_footer(segment, slot);
  if (!footer) return std::nullopt;
  moves.reserve(footer->size());
  for (const FooterEntry& entry : *footer)
    moves.push_back({.from = entry, .to = reinsert(entry, segment, slot, into)});
  return moves;
}

// As much as keeps what is written below kAmplification times what was appended.
std::uint64_t DiskStore::reinsert_bytes_max() const {
  const std::lock_guard lock(mutex_);
  if (written_payload_bytes_ == 0) return 0;
  const double once = static_cast<double>(written_fresh_bytes_) / static_cast<double>(written_payload_bytes_);
  const double share = std::max(0.0, 1 - once / kAmplification);
  return static_cast<std::uint64_t>(share * config_.segment_bytes);
}

std::uint32_t DiskStore::reinsert(const FooterEntry& entry, const Segment& segment, std::uint64_t slot,
                                  Buffer& into) {
  const std::uint64_t from = begin_of(slot) + entry.offset;
  {
    const std::lock_guard lock(mutex_);
    const auto item = index_.find(entry.tag);
    if (!item || item->position != from || !item->is_hit || item->is_void) return 0;
  }
  if (into.reinserted_bytes + entry.length > reinsert_bytes_max()) return 0;
  if (into.used + entry.length + disk::footer_bytes(into.footer.size() + 1) > config_.segment_bytes) return 0;
  const std::span<char> bytes(into.bytes.get() + into.used, entry.length);
  if (!read_all(from, bytes)) return 0;
  const auto record = disk::decode_record({bytes.data(), bytes.size()}, spot_of(segment, entry.offset),
                                          segment.header.begun_at);
  if (!record || disk::tag_of(record->key) != entry.tag || is_dead_(*record)) return 0;
  const auto offset = static_cast<std::uint32_t>(into.used);
  disk::move_record(bytes, {.run = run_, .sequence = into.header.sequence, .offset = offset},
                    segment.header.begun_at, into.header.begun_at);
  into.footer.push_back({.tag = entry.tag, .offset = offset, .length = entry.length});
  into.used += entry.length;
  into.reinserted_bytes += entry.length;
  return offset;
}

}  // namespace pgweir::cache
