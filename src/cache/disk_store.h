// Entries in a file that is written from its beginning to its end and then from the beginning again:
// segments, each put together in memory and written in one go, with a footer from which the index is rebuilt.
// The oldest segment makes room for the newest; what was asked for since it was written is written once more
// with it.
//
//   append, publish   memory only: a copy into the open buffer
//   find, erase       memory only: the index
//   read              one read from the device, or a copy out of a buffer
//   work              one step of the writer: prepares a buffer, writes a part of one
//
// A read gives back the bytes that were appended under that very key, or nothing: whatever the device did to
// them, and whatever is written meanwhile. What was appended before the store was opened is found only if its
// dependencies mean something still (KeptGenerations).
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/disk_format.h"
#include "cache/disk_index.h"
#include "cache/disk_stats.h"
#include "cache/kept_generations.h"
#include "io/device.h"

namespace pgweir::cache {

struct DiskStoreConfig {
  // A multiple of io::Device::kAlign; the largest record is a little less.
  std::uint32_t segment_bytes = std::uint32_t{2} << 20;
  // With three segments of 2 MiB in memory a crash costs less than the last 8 MiB.
  unsigned buffers = 3;
  std::uint32_t write_bytes = std::uint32_t{256} << 10;  // of one write
  std::uint64_t index_bytes_max = std::uint64_t{1} << 40;
  base::Hash128 identity;           // see disk::Superblock
  KeptGenerations* kept = nullptr;  // null: what earlier runs have left is of no use
};

// Where an entry is; for one key, until the store says otherwise.
struct DiskPlace {
  std::uint64_t position = 0;
  std::uint32_t length = 0;
  std::uint64_t sequence = 0;  // of its segment
  std::uint64_t epoch = 0;     // of the store, which clear() moves
  std::uint32_t expires = 0;
};

// Any thread, but for what says otherwise. The device and the clock must outlive it.
class DiskStore {
 public:
  // Whether a record can answer nothing any more. Called without the lock.
  using IsDead = std::function<bool(const disk::Record&)>;

  DiskStore(const DiskStoreConfig& config, io::Device& device, const base::Clock& clock, IsDead is_dead);
  DiskStore(const DiskStore&) = delete;
  DiskStore& operator=(const DiskStore&) = delete;

  // Where the key's entry may be; it counts as asked for.
  std::optional<DiskPlace> find(const Key& key);
  bool contains(const Key& key) const;
  // Copies what was current in this epoch; it is not found until publish(). Empty if there is no
  // room.
  std::expected<DiskPlace, Admission> append(const disk::Content& content, std::uint64_t epoch);
  void publish(const Key& key, const DiskPlace& place);
  void erase(const Key& key);
  // Between the two nothing is found and nothing appended; afterwards everything that was there is void, for
  // later runs too as soon as work() has said so to the device.
  void begin_clear();
  void end_clear();
  std::uint64_t epoch() const;
  DiskStats stats() const;
  // What it takes of memory, at most.
  static std::uint64_t buffer_bytes(const DiskStoreConfig& config) {
    return std::uint64_t{config.segment_bytes} * config.buffers;
  }

  // May block. `record` points into `bytes`.
  DiskRead read(const Key& key, const DiskPlace& place, std::string& bytes, disk::Record& record);

  // The writer's thread, which may block.
  // Makes the store if there is none of this identity; else finds what it holds. After kClosed: again.
  base::Result<void> open();
  bool is_open() const;
  // Whether work() has anything to do, and how much of it would be written.
  bool has_work() const;
  std::uint64_t next_write_bytes() const;
  // An error voids what was to be written.
  base::Result<void> work();
  // Writes what is in memory, however little.
  base::Result<void> flush();
  // A small read, to see whether the device answers. If it is not what was opened, the store is open no more.
  base::Result<void> probe();
  struct EarlierWrite {
    base::Nanos age = 0;
    std::uint64_t bytes = 0;
  };
  // What open() found written in the last day.
  std::vector<EarlierWrite> earlier_writes() const;

 private:
  enum class State : std::uint8_t {
    kFree,
    kReady,   // has its place in the file
    kOpen,    // is being filled
    kSealed,  // is being written
  };
  struct FreeAligned {
    void operator()(char* memory) const;
  };
  struct Buffer {
    std::unique_ptr<char, FreeAligned> bytes;
    State state = State::kFree;
    disk::SegmentHeader header;
    std::size_t used = 0;
    std::size_t written = 0;
    std::uint64_t payload_bytes = 0;     // of what was appended
    std::uint64_t reinserted_bytes = 0;  // of what was here before
    std::vector<disk::FooterEntry> footer;
  };
  // Of the oldest segment: where its entry is in the buffer that takes its place; 0: nowhere.
  struct Move {
    disk::FooterEntry from;
    std::uint32_t to = 0;
  };
  struct Segment {
    // sequence 0: void, whatever of it may be in the index still; begun_at is by the clock of this run
    disk::SegmentHeader header;
    bool is_earlier = false;
  };

  // Of what never changes while the store is open.
  std::uint64_t begin_of(std::uint64_t slot) const {
    return disk::kSegmentsBegin + slot * config_.segment_bytes;
  }
  std::uint64_t slot_at(std::uint64_t position) const {
    return (position - disk::kSegmentsBegin) / config_.segment_bytes;
  }
  std::uint64_t slot_of(std::uint64_t sequence) const { return sequence % segments_.size(); }
  static disk::Spot spot_of(const Segment& segment, std::size_t offset) {
    return {.run = segment.header.run,
            .sequence = segment.header.sequence,
            .offset = static_cast<std::uint32_t>(offset)};
  }
  std::uint32_t expires_tick(base::Nanos expires_at) const;

  // With the lock.
  Buffer* buffer_with(State state);
  Buffer* buffer_of(std::uint64_t sequence);
  // The open buffer, with room for so many bytes more.
  Buffer* room_for(std::size_t bytes);
  void start(Buffer& buffer);
  void seal(Buffer& buffer);
  void release(Buffer& buffer);
  void forget_segment(Buffer& buffer);
  void lose();
  bool is_current(const DiskPlace& place) const;

  // The writer.
  base::Result<void> load();
  base::Result<void> write_superblock();
  base::Result<void> write_part(Buffer& buffer);
  base::Result<void> failed(Buffer& buffer, DiskFault fault, base::Error error);
  void prepare(Buffer& buffer);
  // Empty if what the segment holds cannot be told.
  std::optional<std::vector<Move>> reclaim(const Segment& segment, std::uint64_t slot, Buffer& into);
  std::uint32_t reinsert(const disk::FooterEntry& entry, const Segment& segment, std::uint64_t slot,
                         Buffer& into);
  std::uint64_t reinsert_bytes_max() const;
  void drop_unmoved(std::span<const Move> moves, std::uint64_t slot);
  void drop_all(std::uint64_t slot);
  void take_place(std::span<const Move> moves, std::uint64_t slot);
  std::optional<std::vector<disk::FooterEntry>> read_footer(const Segment& segment, std::uint64_t slot);
  void rebuild();
  void rebuild(const Segment& segment, std::uint64_t slot);
  std::vector<disk::FooterEntry> scan(const Segment& segment, std::uint64_t slot);
  bool read_all(std::uint64_t at, std::span<char> out) const;

  const DiskStoreConfig config_;
  io::Device& device_;
  const base::Clock& clock_;
  const IsDead is_dead_;

  mutable std::mutex mutex_;
  bool is_open_ = false;
  bool is_clearing_ = false;
  bool superblock_is_due_ = false;
  std::uint64_t epoch_ = 1;
  disk::Superblock superblock_;
  base::Hash128 run_;
  base::Nanos opened_at_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t written_payload_bytes_ = 0;  // of whole segments
  std::uint64_t written_fresh_bytes_ = 0;    // the same segments without what was reinserted
  std::vector<Segment> segments_;
  std::vector<Buffer> buffers_;
  disk::Index index_;
  DiskStats stats_;
};

}  // namespace pgweir::cache
