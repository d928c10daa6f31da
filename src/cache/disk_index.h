// Where on disk the keys are: 16 bytes for each place in open-addressing tables of three quarters to seven
// eighths full, so at most 24 for each entry. A table grows by a quarter; there are many small ones, so that
// none takes long to grow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "cache/disk_format.h"
#include "cache/memory.h"

namespace pgweir::cache::disk {

// One thread at a time (the store's lock).
class Index {
 public:
  static constexpr std::uint64_t kPositionMax = ((std::uint64_t{1} << 40) - 1) * kUnit;
  static constexpr std::uint32_t kLengthMax = ((std::uint32_t{1} << 24) - 1) * kUnit;

  struct Item {
    std::uint64_t position = 0;  // bytes, as is length; never 0
    std::uint32_t length = 0;
    std::uint32_t expires = 0;  // in ticks, see kTick
    bool is_hit = false;        // it has been asked for since it was put here
    bool is_void = false;       // of an earlier run, and of no use
  };
  // Expiry is rounded up, so it tells only what need not be read any more.
  static constexpr base::Nanos kTick = 4 * base::kSecond;
  static constexpr std::uint32_t kTickMax = (std::uint32_t{1} << 22) - 1;  // that, or later

  // Takes the place of what the tag had.
  void put(Tag tag, const Item& item);
  std::optional<Item> find(Tag tag) const;
  // REQUIRES: the tag is here.
  void touch(Tag tag);
  // Whether it was there, and at this position.
  bool erase(Tag tag, std::uint64_t position);
  bool erase(Tag tag);
  // All of one table that lie in [begin, end). Looks at every entry of it. REQUIRES: table < kTables.
  std::size_t erase_range(std::size_t table, std::uint64_t begin, std::uint64_t end);
  void clear();

  std::size_t size() const { return size_; }
  std::uint64_t bytes() const { return bytes_; }

  static constexpr std::size_t kTables = 256;

 private:
  static constexpr std::size_t kCapacityMin = 8;

  struct Bucket {
    std::uint64_t tag : 32 = 0;
    std::uint64_t length : 24 = 0;  // in units
    std::uint64_t unused : 8 = 0;
    std::uint64_t position : 40 = 0;  // in units; 0: empty
    std::uint64_t expires : 22 = 0;
    std::uint64_t is_hit : 1 = 0;
    std::uint64_t is_void : 1 = 0;
  };
  static_assert(sizeof(Bucket) == 16);

  struct Table {
    std::unique_ptr<Bucket[]> buckets;
    std::uint32_t capacity = 0;
    std::uint32_t size = 0;

    std::size_t home(std::uint64_t tag) const { return static_cast<std::size_t>(tag * capacity >> 32); }
    std::size_t next(std::size_t i) const { return i + 1 == capacity ? 0 : i + 1; }
    std::size_t distance(std::size_t from, std::size_t to) const {
      return to >= from ? to - from : to + capacity - from;
    }
    Bucket* find(std::uint64_t tag) const;
    void place(const Bucket& bucket);
    void erase(std::size_t hole);
  };

  static std::uint64_t low(Tag tag) { return tag & 0xFFFF'FFFF; }
  const Table& table_of(Tag tag) const { return tables_[tag >> 32]; }
  Table& table_of(Tag tag) { return tables_[tag >> 32]; }
  void grow(Table& table);
  bool erase(Tag tag, const Bucket* bucket);

  std::array<Table, kTables> tables_;
  std::size_t size_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace pgweir::cache::disk
