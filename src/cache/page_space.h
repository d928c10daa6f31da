// Addresses for a shard's entries: one reservation of the system, handed out in runs of pages. Only pages in
// use take memory, so there are several times as many addresses as bytes may be used, and holes between runs
// cost nothing. Runs are found by the buddy system, lowest addresses first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cache/page_array.h"

namespace pgweir::cache {

// One thread at a time, but for discard().
class PageSpace {
 public:
  using Page = std::uint32_t;
  static constexpr std::size_t kPageBytes = 4096;
  static constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 36;

  // As many addresses, rounded up to a power of two; fewer if the system refuses, none if it refuses all.
  // Huge pages: for who gives little back, or does not count what is resident.
  explicit PageSpace(std::uint64_t bytes, bool uses_huge_pages = false);
  PageSpace(const PageSpace&) = delete;
  PageSpace& operator=(const PageSpace&) = delete;
  ~PageSpace();

  std::byte* base() const { return base_; }
  std::byte* at(Page page) const { return base_ + std::uint64_t{page} * kPageBytes; }
  std::size_t pages() const { return pages_; }

  // The first of 2^order pages, all zero or never used since discard(); nothing if there are no such
  // addresses.
  std::optional<Page> take(unsigned order);
  // REQUIRES: taken with this order; its pages have been discarded.
  void give(Page first, unsigned order);
  // Their memory goes back to the system. Any thread that owns the pages.
  void discard(Page first, std::size_t pages) const { discard(at(first), pages); }
  static void discard(std::byte* first, std::size_t pages);

  // Of what keeps the books.
  std::uint64_t bytes() const;

 private:
  static constexpr unsigned kOrders = 25;  // 2^24 pages are kBytesMax

  // A set of numbers that knows its least one.
  class Numbers {
   public:
    void resize(std::size_t count);
    bool contains(std::size_t n) const { return (words_[n / 64] >> (n % 64) & 1) != 0; }
    void insert(std::size_t n);
    void erase(std::size_t n);
    std::optional<std::size_t> least() const;
    std::uint64_t bytes() const { return words_.bytes() + summary_.bytes(); }

   private:
    PageArray<std::uint64_t> words_;
    PageArray<std::uint64_t> summary_;  // a bit for each word that is not 0
    std::size_t size_ = 0;
  };

  std::byte* base_ = nullptr;
  std::size_t pages_ = 0;
  unsigned order_max_ = 0;
  std::array<Numbers, kOrders> free_;  // by order, of first page >> order
};

}  // namespace pgweir::cache
