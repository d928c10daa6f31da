#include "cache/slabs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace pgweir::cache {
namespace {

constexpr std::size_t kPage = PageSpace::kPageBytes;
// Addresses for each byte that may be used: runs are rounded up to powers of two, and leave holes.
constexpr std::uint64_t kAddresses = 4;

// Sanitized builds find who reads what is free. The link of a free slot stays readable.
constexpr std::size_t kLinkBytes = 8;
void poison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(memory, bytes);
#endif
}
void unpoison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

std::size_t pages_for(std::size_t bytes) { return (bytes + kPage - 1) / kPage; }
unsigned order_for(std::size_t pages) { return static_cast<unsigned>(std::bit_width(pages - 1)); }

constexpr std::size_t kSpanBytesMax = kPage << 4;
constexpr std::size_t kFineBytesMax = 256, kCoarseBytesMin = 4096;
constexpr unsigned kSteps = 16;  // to twice the size

struct SlotClass {
  std::uint32_t bytes = 0;
  std::uint8_t order = 0;  // of a span's pages; no more than 64 slots are in one
};
using SlotClasses = std::array<SlotClass, 89>;

// Sixteenths apart up to 4 KiB; above, what one of 15 to 4 parts of a span has.
constexpr SlotClasses make_classes() {
  SlotClasses classes{};
  std::size_t count = 0;
  const auto add = [&](std::size_t bytes, unsigned order) {
    classes[count++] = {.bytes = static_cast<std::uint32_t>(bytes),
                        .order = static_cast<std::uint8_t>(order)};
  };
  for (std::size_t bytes = Slabs::kSlotBytesMin; bytes <= kFineBytesMax; bytes += Slabs::kAlign)
    add(bytes, bytes <= 128 ? 0 : 1);
  for (unsigned octave = 0; kFineBytesMax << octave < kCoarseBytesMin; ++octave)
    for (std::size_t base = kFineBytesMax << octave, i = 1; i <= kSteps; ++i)
      add(base + base / kSteps * i, std::min(octave + 2, 4U));
  for (std::size_t slots = 15; slots >= kSpanBytesMax / Slabs::kSlotBytesMax; --slots)
    add(kSpanBytesMax / slots / Slabs::kAlign * Slabs::kAlign, 4);
  return classes;
}
constexpr SlotClasses kClasses = make_classes();
static_assert(kClasses.back().bytes == Slabs::kSlotBytesMax);

constexpr std::size_t class_of(std::size_t bytes) {
  constexpr std::size_t kFine =
      (kFineBytesMax - Slabs::kSlotBytesMin) / Slabs::kAlign;  // the last of the fine
  const std::size_t size =
      std::max((bytes + Slabs::kAlign - 1) / Slabs::kAlign * Slabs::kAlign, Slabs::kSlotBytesMin);
  if (size <= kFineBytesMax) return (size - Slabs::kSlotBytesMin) / Slabs::kAlign;
  if (size <= kCoarseBytesMin) {
    const auto octave = static_cast<std::size_t>(std::bit_width((size - 1) / kFineBytesMax)) - 1;
    const std::size_t base = kFineBytesMax << octave, step = base / kSteps;
    return kFine + octave * kSteps + (size - base + step - 1) / step;
  }
  return kClasses.size() - 1 - (kSpanBytesMax / size - kSpanBytesMax / Slabs::kSlotBytesMax);
}
// Each size is of its own class, and a byte more is of the next.
static_assert([] {
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    if (class_of(kClasses[i].bytes) != i || (kPage << kClasses[i].order) / kClasses[i].bytes > 64)
      return false;
    if (i + 1 < kClasses.size() && class_of(kClasses[i].bytes + 1) != i + 1) return false;
  }
  return true;
}());

}  // namespace

Slabs::Slabs(std::uint64_t bytes_max, bool uses_huge_pages)
    : space_(bytes_max * kAddresses, uses_huge_pages),
      origin_(space_.base() - kAlign),
      spans_(space_.pages()),
      books_(spans_.bytes() / kPage),
      kept_bytes_max_(bytes_max / 256) {
  spans_.forbid_huge_pages();
  books_bytes_ = space_.bytes() + books_.bytes() + (books_.size() == 0 ? spans_.bytes() : 0);
  static_assert(kClasses.size() == kClassesCount && kClasses.back().order + 1 == kSpanOrders);
  // Little memory is cut into smaller spans.
  const unsigned cut = bytes_max >= 16 << 20 ? 0 : bytes_max >= 4 << 20 ? 1 : 2;
  for (std::size_t i = 0; i < kClassesCount; ++i) {
    const unsigned order = std::max<unsigned>(kClasses[i].order, cut) - cut;
    const auto slots = static_cast<std::uint32_t>((kPage << order) / kClasses[i].bytes);
    shapes_[i] = {.slot_bytes = kClasses[i].bytes,
                  .level_factor = ((kLevels << 16) + slots - 1) / slots,
                  .slots = static_cast<std::uint8_t>(slots),
                  .order = static_cast<std::uint8_t>(order)};
  }
}

Slabs::~Slabs() { unpoison(space_.base(), space_.pages() * kPage); }

std::uint64_t Slabs::taken_by(std::size_t bytes) {
  return is_paged(bytes) ? pages_for(bytes) * kPage : kClasses[class_of(bytes)].bytes;
}

std::uint64_t Slabs::growth(std::size_t bytes) const {
  if (is_paged(bytes)) return pages_for(bytes) * kPage;
  const std::size_t slot_class = class_of(bytes);
  const unsigned order = order_of(slot_class);
  if (has_free_slot(slot_class) || kept_count_[order] != 0) return 0;
  return (kPage << order) + (books_.size() == 0 ? 0 : kPage);
}

Handle Slabs::allocate(std::size_t bytes) {
  if (!is_paged(bytes)) {
    const std::size_t slot_class = class_of(bytes);
    if (!has_free_slot(slot_class)) {
      const Page span = start_span(slot_class);
      if (span == kNoPage) return 0;
      list(span);
    }
    return take_slot(slot_class);
  }
  const std::size_t pages = pages_for(bytes);
  const auto first = space_.take(order_for(pages));
  if (!first) return 0;
  in_use_bytes_ += pages * kPage;
  unpoison(space_.at(*first), bytes);
  return handle_of(space_.at(*first));
}

void Slabs::free(Handle handle, std::size_t bytes) {
  if (!is_paged(bytes)) return put_slot(handle, class_of(bytes));
  const std::size_t pages = pages_for(bytes);
  poison(at(handle), pages * kPage);
  space_.give(static_cast<Page>((at(handle) - space_.base()) / static_cast<std::ptrdiff_t>(kPage)),
              order_for(pages));
  in_use_bytes_ -= pages * kPage;
}

void Slabs::discard(std::byte* memory, std::size_t bytes) { PageSpace::discard(memory, pages_for(bytes)); }

std::uint64_t Slabs::bytes() const { return in_use_bytes_ + books_bytes_; }

Slabs::Page Slabs::span_of(Handle handle, std::size_t slot_class) const {
  const auto page = static_cast<Page>((at(handle) - space_.base()) / static_cast<std::ptrdiff_t>(kPage));
  return page >> order_of(slot_class) << order_of(slot_class);
}

Handle Slabs::handle_of(Page span, unsigned slot) const {
  return handle_of(space_.at(span) + std::size_t{slot} * kClasses[spans_[span].slot_class].bytes);
}

// The fullest that has room, so that the emptiest have a chance to become empty.
Slabs::Page Slabs::find_span(std::size_t slot_class) const {
  const auto& heads = lists_[slot_class].heads;
  for (unsigned level = kLevels; level-- != 0;)
    if (heads[level] != kNoPage) return heads[level];
  return kNoPage;
}

Handle Slabs::take_slot(std::size_t slot_class) {
  const Page page = find_span(slot_class);
  if (page == kNoPage) return 0;
  Span& span = spans_[page];
  const std::size_t slot_bytes = shapes_[slot_class].slot_bytes;
  std::byte* slot = space_.at(page);
  if (span.free != 0) {
    slot += (span.free - 1U) * kAlign;
    std::memcpy(&span.free, slot, sizeof(span.free));
  } else {
    slot += span.carved++ * slot_bytes;
  }
  ++span.in_use;
  --lists_[slot_class].free_slots;
  slack_bytes_ -= slot_bytes;
  relist(page);
  unpoison(slot, slot_bytes);
  return handle_of(slot);
}

void Slabs::put_slot(Handle handle, std::size_t slot_class) {
  const std::size_t slot_bytes = shapes_[slot_class].slot_bytes;
  std::byte* const slot = at(handle);
  const Page page = span_of(handle, slot_class);
  Span& span = spans_[page];
  CHECK(span.in_use != 0);
  poison(slot + kLinkBytes, slot_bytes - kLinkBytes);
  std::memcpy(slot, &span.free, sizeof(span.free));
  span.free = static_cast<std::uint16_t>(static_cast<std::size_t>(slot - space_.at(page)) / kAlign + 1);
  --span.in_use;
  slack_bytes_ += slot_bytes;
  if (page == victim_) return;
  ++lists_[slot_class].free_slots;
  if (span.in_use != 0) return relist(page);
  unlist(page);
  lists_[slot_class].free_slots -= slots_of(slot_class);
  end_span(page);
}

Slabs::Page Slabs::start_span(std::size_t slot_class) {
  const unsigned order = order_of(slot_class), slots = slots_of(slot_class);
  const std::uint64_t bytes = kPage << order;
  Page page = kNoPage;
  if (kept_count_[order] != 0) {
    page = kept_[order][--kept_count_[order]];
    kept_bytes_ -= bytes;
    slack_bytes_ -= bytes;
  } else {
    const auto taken = space_.take(order);
    if (!taken) return kNoPage;
    page = *taken;
    in_use_bytes_ += bytes;
    count_books(page);
  }
  spans_[page] = {.newer = kNoPage,
                  .older = kNoPage,
                  .in_use = 0,
                  .carved = 0,
                  .free = 0,
                  .level = kUnlisted,
                  .slot_class = static_cast<std::uint8_t>(slot_class)};
  slack_bytes_ += std::uint64_t{kClasses[slot_class].bytes} * slots;
  lists_[slot_class].free_slots += slots;
  poison(space_.at(page), bytes);
  return page;
}

// The page of spans_ that this one's record lies in will be written.
void Slabs::count_books(Page page) {
  if (books_.size() == 0) return;
  std::uint8_t& is_counted = books_[page * sizeof(Span) / kPage];
  if (is_counted == 0) books_bytes_ += kPage;
  is_counted = 1;
}

void Slabs::end_span(Page page) {
  const std::size_t slot_class = spans_[page].slot_class;
  const unsigned order = order_of(slot_class);
  const std::uint64_t bytes = kPage << order;
  slack_bytes_ -= std::uint64_t{kClasses[slot_class].bytes} * slots_of(slot_class);
  if (kept_count_[order] < kKeptMax && kept_bytes_ + bytes <= kept_bytes_max_) {
    kept_[order][kept_count_[order]++] = page;
    kept_bytes_ += bytes;
    slack_bytes_ += bytes;
    return;
  }
  space_.discard(page, bytes / kPage);
  space_.give(page, order);
  in_use_bytes_ -= bytes;
}

bool Slabs::trim() {
  if (kept_bytes_ == 0) return false;
  for (unsigned order = 0; order < kSpanOrders; ++order) {
    for (; kept_count_[order] != 0; --kept_count_[order]) {
      const Page page = kept_[order][kept_count_[order] - 1];
      space_.discard(page, std::size_t{1} << order);
      space_.give(page, order);
    }
  }
  in_use_bytes_ -= kept_bytes_;
  slack_bytes_ -= kept_bytes_;
  kept_bytes_ = 0;
  return true;
}

std::uint8_t Slabs::level_of(const Span& span) const {
  return static_cast<std::uint8_t>(span.in_use * shapes_[span.slot_class].level_factor >>
                                   16);  // kUnlisted if full
}

void Slabs::list(Page page) {
  Span& span = spans_[page];
  span.level = level_of(span);
  if (span.level == kUnlisted) return;
  Page& head = lists_[span.slot_class].heads[span.level];
  span.newer = kNoPage;
  span.older = head;
  if (head != kNoPage) spans_[head].newer = page;
  head = page;
}

void Slabs::unlist(Page page) {
  Span& span = spans_[page];
  if (span.level == kUnlisted) return;
  Page& head = lists_[span.slot_class].heads[span.level];
  (span.newer != kNoPage ? spans_[span.newer].older : head) = span.older;
  if (span.older != kNoPage) spans_[span.older].newer = span.newer;
  span.level = kUnlisted;
}

void Slabs::relist(Page page) {
  if (spans_[page].level == level_of(spans_[page])) return;
  unlist(page);
  list(page);
}

// The emptiest span of the class with most room, if all of it fits into others.
std::optional<Slabs::Page> Slabs::take_victim() {
  std::size_t most = 0, slot_class = kClassesCount;
  for (std::size_t i = 0; i < kClassesCount; ++i) {
    const std::size_t room = std::size_t{lists_[i].free_slots} * kClasses[i].bytes;
    if (room <= most || lists_[i].free_slots < slots_of(i)) continue;
    most = room;
    slot_class = i;
  }
  if (slot_class == kClassesCount) return std::nullopt;
  const auto& heads = lists_[slot_class].heads;
  victim_ = *std::find_if(heads.begin(), heads.end(), [](Page page) { return page != kNoPage; });
  const Span& span = spans_[victim_];
  lists_[slot_class].free_slots -= slots_of(slot_class) - span.in_use;
  unlist(victim_);
  victim_free_ = 0;
  for (std::uint16_t link = span.free; link != 0;) {
    const std::size_t offset = (link - 1U) * kAlign;
    victim_free_ |= std::uint64_t{1} << offset / shapes_[slot_class].slot_bytes;
    std::memcpy(&link, space_.at(victim_) + offset, sizeof(link));
  }
  return victim_;
}

bool Slabs::settle_victim(Page page) {
  victim_ = kNoPage;
  const Span& span = spans_[page];
  if (span.in_use == 0) {
    end_span(page);
    return true;
  }
  lists_[span.slot_class].free_slots += slots_of(span.slot_class) - span.in_use;
  list(page);
  return false;
}

}  // namespace pgweir::cache
