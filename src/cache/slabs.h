// Memory for a shard's entries, such that what is freed can be used for something else.
//
// Small things live in *slots* of some ninety sizes, a sixteenth apart; spans of a few pages are cut into
// slots of one size. Things too large for a slot take whole pages. What counts is every page in use, so
// fragmentation counts too: the limit holds whatever is stored in whatever order.
//
// A span goes back to the system once its last slot is free. That may be never while sizes change: each span
// may keep one thing in use. So compact() empties the emptiest span by moving what is in it to free slots of
// other spans; the owner does the moving, since it knows who points to what.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cache/page_array.h"
#include "cache/page_space.h"

namespace pgweir::cache {

// Names a piece of memory within a Slabs, in four bytes. 0: none.
using Handle = std::uint32_t;

// One thread at a time (the shard's lock), but for discard().
class Slabs {
 public:
  static constexpr std::size_t kAlign = 16;
  static constexpr std::size_t kSlotBytesMin = 64;
  static constexpr std::size_t kSlotBytesMax = 16 << 10;

  // There will be `bytes_max` in use at most, and as much may be allocated in whatever order.
  // Huge pages as in PageSpace.
  explicit Slabs(std::uint64_t bytes_max, bool uses_huge_pages = false);
  Slabs(const Slabs&) = delete;
  Slabs& operator=(const Slabs&) = delete;
  ~Slabs();

  // What something of this size takes by itself: its slot or its pages.
  static std::uint64_t taken_by(std::size_t bytes);
  static bool is_paged(std::size_t bytes) { return bytes > kSlotBytesMax; }

  // By how much bytes() grows with allocate(bytes).
  std::uint64_t growth(std::size_t bytes) const;
  // 0 if there are no addresses. The memory is not cleared.
  Handle allocate(std::size_t bytes);
  // `bytes` as allocated. REQUIRES: what is paged has been discarded.
  void free(Handle handle, std::size_t bytes);
  // Gives pages back to the system; their content is gone, and free() is left to do. For who owns them, on
  // any thread. REQUIRES: is_paged(bytes), or a part of such from a page's first byte on.
  static void discard(std::byte* memory, std::size_t bytes);

  // All memory in use, and that of the books.
  std::uint64_t bytes() const;
  // Of that, what no slot in use and no pages are: free slots, spans kept for the next to come.
  std::uint64_t slack_bytes() const { return slack_bytes_; }

  bool empty() const { return in_use_bytes_ == 0; }

  // Gives back spans that were kept for the next to come. False if there were none.
  bool trim();
  // Empties one span by moving what is in it, and gives it back: false if that is impossible. Calls
  // move(from, to) for each slot in use, up to 64; what it returns says whether the content has moved.
  template <class Move>
  bool compact(Move&& move) {
    const auto victim = take_victim();
    if (!victim) return false;
    const std::size_t slot_class = spans_[*victim].slot_class;
    for (unsigned slot = 0; slot < spans_[*victim].carved; ++slot) {
      if ((victim_free_ >> slot & 1) != 0) continue;
      const Handle from = handle_of(*victim, slot), to = take_slot(slot_class);
      if (to == 0) break;
      put_slot(move(from, to) ? from : to, slot_class);
    }
    return settle_victim(*victim);
  }

  std::byte* at(Handle handle) const { return origin_ + std::uint64_t{handle} * kAlign; }
  Handle handle_of(const void* memory) const {
    return static_cast<Handle>(static_cast<std::uint64_t>(static_cast<const std::byte*>(memory) - origin_) /
                               kAlign);
  }
  // handle_of() and at() for others: what has handle 0 would be here.
  std::byte* origin() const { return origin_; }

 private:
  using Page = PageSpace::Page;
  static constexpr Page kNoPage = UINT32_MAX;
  static constexpr unsigned kLevels = 4;  // of fullness, for spans with free slots
  static constexpr std::uint8_t kUnlisted = kLevels;
  static constexpr std::size_t kClassesCount = 89;
  static constexpr unsigned kSpanOrders = 5;  // 4 to 64 KiB
  static constexpr unsigned kKeptMax = 4;     // empty spans of each order

  // Of the first page of a span.
  struct Span {
    Page newer, older;  // in its list
    std::uint16_t in_use;
    std::uint16_t carved;  // slots that were ever handed out; those beyond are free too
    std::uint16_t free;    // where the first free one of them is, in kAlign, from 1; each names the next
    std::uint8_t level;    // kUnlisted: full, empty, or being emptied
    std::uint8_t slot_class;
  };
  struct Lists {
    std::array<Page, kLevels> heads{kNoPage, kNoPage, kNoPage, kNoPage};
    std::uint32_t free_slots = 0;  // in listed spans
  };

  Handle handle_of(Page span, unsigned slot) const;
  unsigned order_of(std::size_t slot_class) const { return shapes_[slot_class].order; }
  unsigned slots_of(std::size_t slot_class) const { return shapes_[slot_class].slots; }
  // Of the spans of a class here, given how much memory there is.
  struct Shape {
    std::uint32_t slot_bytes = 0;
    std::uint32_t level_factor = 0;  // slots in use, times this, shifted by 16: the level
    std::uint8_t slots = 0;
    std::uint8_t order = 0;
  };
  Page span_of(Handle handle, std::size_t slot_class) const;
  bool has_free_slot(std::size_t slot_class) const { return lists_[slot_class].free_slots != 0; }
  Page find_span(std::size_t slot_class) const;
  Handle take_slot(std::size_t slot_class);
  void put_slot(Handle handle, std::size_t slot_class);
  Page start_span(std::size_t slot_class);
  void end_span(Page span);
  void count_books(Page span);
  void list(Page span);
  void unlist(Page span);
  void relist(Page span);
  std::uint8_t level_of(const Span& span) const;

  std::optional<Page> take_victim();
  bool settle_victim(Page span);

  PageSpace space_;
  std::byte* origin_;
  PageArray<Span> spans_;          // by page
  PageArray<std::uint8_t> books_;  // by page of spans_, if it has such: is it in use
  std::uint64_t books_bytes_ = 0;
  std::array<Shape, kClassesCount> shapes_;
  std::array<Lists, kClassesCount> lists_{};
  std::array<std::array<Page, kKeptMax>, kSpanOrders> kept_{};
  std::array<unsigned, kSpanOrders> kept_count_{};
  std::uint64_t kept_bytes_max_;
  std::uint64_t kept_bytes_ = 0;
  std::uint64_t in_use_bytes_ = 0;
  std::uint64_t slack_bytes_ = 0;
  Page victim_ = kNoPage;          // being emptied
  std::uint64_t victim_free_ = 0;  // its free slots, a bit for each
};

}  // namespace pgweir::cache
