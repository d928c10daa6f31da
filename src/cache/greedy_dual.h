// GreedyDual-Size-Frequency (Cherkasova, "Improving WWW proxies performance with
// Greedy-Dual-Size-Frequency caching policy", HP Laboratories 1998), with hits that move nothing and a
// memory of frequencies.
//
// A node has the value  clock + frequency * cost / bytes , and the lowest value leaves. The clock rises to
// the value of what leaves, so that what was valuable once and is not asked for any more is overtaken: that
// is the ageing.
//
// A key that comes for the first time counts a sixteenth of a hit: most never come again, and where costs
// differ by orders of magnitude those that cost much would crowd out what is asked for (scans and loops do
// that).
//
// A hit only counts. When a node that was hit since comes to be the lowest, it gets the value that it has by
// now and goes back: the same second chance as in S3-FIFO. What has left is remembered with its frequency,
// and goes on from there when its key returns within a cache's worth of evictions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cache/page_array.h"
#include "cache/policy.h"

namespace pgweir::cache {

// A credit is the frequency so far, with four significant bits.
class GreedyDual final : public Policy {
 public:
  void insert(PolicyNode& node, Credit credit) override;
  void touch(PolicyNode& node) override;
  Credit remove(PolicyNode& node) override;
  void move(const PolicyNode& from, PolicyNode& to) override;
  Victim evict(const IsDead& is_dead) override;
  std::uint64_t bytes() const override { return bytes_; }
  std::uint64_t overhead_bytes(std::size_t nodes) const override;
  void reserve(std::size_t nodes) override;

 private:
  // The least value is first; a node knows its place.
  struct Item {
    double value = 0;
    PolicyNode* node = nullptr;
  };
  // More children than two: half the depth, and those of a parent lie on one cache line.
  static constexpr std::size_t kChildren = 4;

  // Frequencies count in sixteenths of a hit.
  static constexpr unsigned kNew = 1, kHit = 16;

  static Credit credit_of(unsigned frequency);
  static unsigned frequency_of(Credit credit);
  double value_of(const PolicyNode& node) const;
  void put(std::size_t place, const Item& item);
  void rise(std::size_t place, const Item& item);
  void sink(std::size_t place, const Item& item);
  void erase(std::size_t place);

  PageArray<Item> heap_;
  std::size_t size_ = 0;
  std::uint64_t bytes_ = 0;
  double clock_ = 0;
};

}  // namespace pgweir::cache
