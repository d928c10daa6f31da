#include "cache/disk_store.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace pgweir::cache {

using disk::FooterEntry;
using disk::Record;

namespace {

std::size_t payload_bytes(const disk::Content& content) {
  return sizeof(Key) + content.dependencies.size() * disk::kDependencyBytes + content.bytes.size();
}

}  // namespace

void DiskStore::FreeAligned::operator()(char* memory) const { std::free(memory); }

DiskStore::DiskStore(const DiskStoreConfig& config, io::Device& device, const base::Clock& clock,
                     IsDead is_dead)
    : config_(config),
      device_(device),
      clock_(clock),
      is_dead_(std::move(is_dead)),
      buffers_(config.buffers) {
  CHECK(config_.segment_bytes % io::Device::kAlign == 0 && config_.segment_bytes <= disk::Index::kLengthMax);
  CHECK(config_.write_bytes % io::Device::kAlign == 0 && config_.buffers >= 2);
  for (Buffer& buffer : buffers_) {
    buffer.bytes.reset(static_cast<char*>(std::aligned_alloc(io::Device::kAlign, config_.segment_bytes)));
    CHECK(buffer.bytes != nullptr);
  }
}

std::uint32_t DiskStore::expires_tick(base::Nanos expires_at) const {
  const base::Nanos ticks = (expires_at - opened_at_) / disk::Index::kTick + 1;
  return static_cast<std::uint32_t>(std::clamp<base::Nanos>(ticks, 0, disk::Index::kTickMax));
}

std::optional<DiskPlace> DiskStore::find(const Key& key) {
  const disk::Tag tag = disk::tag_of(key);
  const std::lock_guard lock(mutex_);
  if (is_clearing_ || !is_open_) return std::nullopt;
  const auto item = index_.find(tag);
  if (!item || item->is_void) return std::nullopt;
  const bool is_over = item->expires != disk::Index::kTickMax &&
                       clock_.now() >= opened_at_ + item->expires * disk::Index::kTick;
  if (is_over) {
    index_.erase(tag);
    return std::nullopt;
  }
  const std::uint64_t sequence = segments_[slot_at(item->position)].header.sequence;
  if (sequence == 0) return std::nullopt;
  index_.touch(tag);
  return DiskPlace{.position = item->position, .length = item->length, .sequence = sequence, .epoch = epoch_};
}

bool DiskStore::contains(const Key& key) const {
  const std::lock_guard lock(mutex_);
  const auto item = index_.find(disk::tag_of(key));
  return item && !item->is_void && segments_[slot_at(item->position)].header.sequence != 0;
}

std::expected<DiskPlace, Admission> DiskStore::append(const disk::Content& content, std::uint64_t epoch) {
  const std::size_t size =
      disk::padded(Record::size_of(content.bytes.size(), content.dependencies.size(), content.mark));
  const std::lock_guard lock(mutex_);
  if (is_clearing_ || !is_open_ || epoch != epoch_) return std::unexpected(Admission::kClosed);
  if (disk::kHeaderBytes + size + disk::footer_bytes(1) > config_.segment_bytes)
    return std::unexpected(Admission::kTooLarge);
  Buffer* buffer = index_.bytes() < config_.index_bytes_max ? room_for(size) : nullptr;
  if (buffer == nullptr) return std::unexpected(Admission::kNoBuffer);
  const auto offset = static_cast<std::uint32_t>(buffer->used);
  const disk::Spot spot{.run = run_, .sequence = buffer->header.sequence, .offset = offset};
  if (!disk::encode(content, spot, buffer->header.begun_at, {buffer->bytes.get() + offset, size}))
    return std::unexpected(Admission::kShortLived);
  buffer->used += size;
  const auto length = static_cast<std::uint32_t>(size);
  buffer->footer.push_back({.tag = disk::tag_of(content.key), .offset = offset, .length = length});
  buffer->payload_bytes += payload_bytes(content);
  ++stats_.appended;
  stats_.appended_bytes += payload_bytes(content);
  return DiskPlace{.position = begin_of(slot_of(spot.sequence)) + offset,
                   .length = length,
                   .sequence = spot.sequence,
                   .epoch = epoch_,
                   .expires = expires_tick(content.expires_at)};
}

void DiskStore::publish(const Key& key, const DiskPlace& place) {
  const std::lock_guard lock(mutex_);
  if (!is_current(place)) return;
  index_.put(disk::tag_of(key),
             {.position = place.position, .length = place.length, .expires = place.expires});
}

bool DiskStore::is_current(const DiskPlace& place) const {
  return is_open_ && !is_clearing_ && place.epoch == epoch_ &&
         segments_[slot_at(place.position)].header.sequence == place.sequence;
}

void DiskStore::erase(const Key& key) {
  const std::lock_guard lock(mutex_);
  index_.erase(disk::tag_of(key));
}

void DiskStore::begin_clear() {
  const std::lock_guard lock(mutex_);
  is_clearing_ = true;
  ++epoch_;
  index_.clear();
}

void DiskStore::end_clear() {
  const std::lock_guard lock(mutex_);
  is_clearing_ = false;
  ++epoch_;
  index_.clear();
  superblock_.first_sequence = next_sequence_;
  superblock_is_due_ = true;
}

std::uint64_t DiskStore::epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

bool DiskStore::is_open() const {
  const std::lock_guard lock(mutex_);
  return is_open_;
}

DiskStats DiskStore::stats() const {
  const std::lock_guard lock(mutex_);
  DiskStats stats = stats_;
  stats.entries = index_.size();
  stats.index_bytes = index_.bytes();
  stats.buffer_bytes = buffer_bytes(config_);
  return stats;
}

DiskStore::Buffer* DiskStore::buffer_with(State state) {
  Buffer* first = nullptr;
  for (Buffer& buffer : buffers_) {
    const bool is_next =
        buffer.state == state && (first == nullptr || buffer.header.sequence < first->header.sequence);
    if (is_next) first = &buffer;
  }
  return first;
}

DiskStore::Buffer* DiskStore::buffer_of(std::uint64_t sequence) {
  for (Buffer& buffer : buffers_)
    if (buffer.state != State::kFree && buffer.header.sequence == sequence) return &buffer;
  return nullptr;
}

DiskStore::Buffer* DiskStore::room_for(std::size_t bytes) {
  Buffer* buffer = buffer_with(State::kOpen);
  for (;;) {
    if (buffer != nullptr) {
      const std::size_t end = buffer->used + bytes + disk::footer_bytes(buffer->footer.size() + 1);
      if (end <= config_.segment_bytes) return buffer;
      seal(*buffer);
    }
    buffer = buffer_with(State::kReady);
    if (buffer == nullptr) return nullptr;
    buffer->state = State::kOpen;
  }
}

void DiskStore::seal(Buffer& buffer) {
  const std::size_t footer = disk::footer_bytes(buffer.footer.size());
  char* const end = buffer.bytes.get() + config_.segment_bytes;
  std::fill(buffer.bytes.get() + buffer.used, end - footer, '\0');
  disk::encode(buffer.footer, run_, buffer.header.sequence, {end - footer, footer});
  buffer.state = State::kSealed;
}

void DiskStore::release(Buffer& buffer) {
  buffer.state = State::kFree;
  buffer.used = buffer.written = 0;
  buffer.payload_bytes = buffer.reinserted_bytes = 0;
  buffer.footer.clear();
}

// What was to be written is not.
void DiskStore::forget_segment(Buffer& buffer) {
  const std::uint64_t slot = slot_of(buffer.header.sequence);
  for (const FooterEntry& entry : buffer.footer)
    if (index_.erase(entry.tag, begin_of(slot) + entry.offset)) ++stats_.dropped;
  segments_[slot] = {};
  release(buffer);
}

DiskRead DiskStore::read(const Key& key, const DiskPlace& place, std::string& bytes, Record& record) {
  Segment segment;
  const std::uint64_t slot = slot_at(place.position);
  const std::size_t offset = place.position - begin_of(slot);
  bool in_memory = false;
  const auto end = [&](DiskRead how) {
    const std::lock_guard lock(mutex_);
    if (!is_current(place)) how = DiskRead::kGone;  // perhaps overwritten while it was read
    if (how != DiskRead::kFound && how != DiskRead::kGone && how != DiskRead::kOtherKey)
      index_.erase(disk::tag_of(key), place.position);
    ++stats_.reads[static_cast<std::size_t>(how)];
    return how;
  };
  {
    const std::lock_guard lock(mutex_);
    if (!is_current(place)) {
      ++stats_.reads[static_cast<std::size_t>(DiskRead::kGone)];
      return DiskRead::kGone;
    }
    segment = segments_[slot];
    if (const Buffer* buffer = buffer_of(place.sequence)) {
      bytes.assign(buffer->bytes.get() + offset, place.length);
      in_memory = true;
    }
  }
  if (!in_memory) {
    bytes.resize(place.length);
    const auto got = device_.read(place.position, bytes);
    if (!got) return end(DiskRead::kError);
    if (*got < place.length) return end(DiskRead::kShort);
  }
  auto found = disk::decode_record(bytes, spot_of(segment, offset), segment.header.begun_at);
  if (!found) return end(DiskRead::kCorrupt);
  if (found->key != key) return end(DiskRead::kOtherKey);
  record = std::move(*found);
  // The clock may have been set back, a little.
  if (segment.is_earlier && record.asked_at > clock_.now()) return end(DiskRead::kDead);
  return end(is_dead_(record) ? DiskRead::kDead : DiskRead::kFound);
}

}  // namespace pgweir::cache
