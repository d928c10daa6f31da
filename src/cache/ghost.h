// What has left the cache, and why: the ghost queue of S3-FIFO, which also gives a later miss its
// reason. As in the paper's implementation it is no queue but a table of fingerprints with the time of
// leaving, where time is counted in bytes that left the small queue: a record older than the window is
// as good as gone, and nothing ever has to be moved or removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "cache/entry.h"
#include "cache/memory.h"
#include "cache/outcome.h"

namespace pgweir::cache {

// A false record (two keys with one fingerprint, or the clock come round after 64 GiB) costs a wrong
// reason or a place in the main queue, nothing else. One thread at a time (the shard's lock).
class Ghost {
 public:
  struct Record {
    Eviction why = Eviction::kCapacity;
    bool returns_to_main = false;  // where the entry goes when its key is filled again
  };

  // How many bytes may leave the small queue before a record is forgotten.
  void set_window(std::uint64_t bytes);
  // Room for about `records`; a power of two, or 0. Keeps what fits.
  void resize(std::size_t records);
  std::size_t capacity() const { return capacity_; }
  static std::uint64_t bytes_for(std::size_t records) {
    return records == 0 ? 0 : allocation_bytes(records * sizeof(Cell));
  }

  // Moves the clock on by the charge of an entry that left the small queue.
  void advance(std::uint64_t bytes) { clock_bytes_ += bytes; }
  void remember(const Key& key, const Record& record);
  std::optional<Record> find(const Key& key) const;
  void forget(const Key& key);

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr unsigned kUnitLog2 = 8;  // one tick of a stamp is 256 bytes
  static constexpr std::uint32_t kStampMask = (std::uint32_t{1} << 28) - 1;

  struct Cell {
    std::uint32_t fingerprint = 0;
    std::uint32_t stamp : 28 = 0;
    std::uint32_t used : 1 = 0;
    std::uint32_t returns_to_main : 1 = 0;
    std::uint32_t why : 2 = 0;
  };

  static std::uint32_t fingerprint_of(const Key& key) { return static_cast<std::uint32_t>(key.hi >> 32); }
  std::uint32_t now() const { return static_cast<std::uint32_t>(clock_bytes_ >> kUnitLog2) & kStampMask; }
  std::uint32_t age(const Cell& cell) const { return (now() - cell.stamp) & kStampMask; }
  bool is_live(const Cell& cell) const { return cell.used != 0 && age(cell) <= window_; }
  Cell* set_of(std::uint32_t fingerprint) const;
  Cell* find_cell(std::uint32_t fingerprint) const;
  void put(const Cell& cell);

  std::unique_ptr<Cell[]> cells_;  // sets of kWays
  std::size_t capacity_ = 0;
  std::uint32_t window_ = 0;  // in ticks
  std::uint64_t clock_bytes_ = 0;
};

}  // namespace pgweir::cache
