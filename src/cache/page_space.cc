#include "cache/page_space.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace pgweir::cache {

void PageSpace::Numbers::resize(std::size_t count) {
  words_ = PageArray<std::uint64_t>((count + 63) / 64);
  summary_ = PageArray<std::uint64_t>((words_.size() + 63) / 64);
}

void PageSpace::Numbers::insert(std::size_t n) {
  words_[n / 64] |= std::uint64_t{1} << (n % 64);
  summary_[n / 4096] |= std::uint64_t{1} << (n / 64 % 64);
  ++size_;
}

void PageSpace::Numbers::erase(std::size_t n) {
  words_[n / 64] &= ~(std::uint64_t{1} << (n % 64));
  if (words_[n / 64] == 0) summary_[n / 4096] &= ~(std::uint64_t{1} << (n / 64 % 64));
  --size_;
}

std::optional<std::size_t> PageSpace::Numbers::least() const {
  if (size_ == 0) return std::nullopt;
  std::size_t i = 0;
  while (summary_[i] == 0) ++i;
  const std::size_t word = i * 64 + static_cast<std::size_t>(std::countr_zero(summary_[i]));
  return word * 64 + static_cast<std::size_t>(std::countr_zero(words_[word]));
}

// A huge page would keep the memory of what was freed within it.
PageSpace::PageSpace(std::uint64_t bytes, bool uses_huge_pages) {
  std::uint64_t wanted = std::bit_ceil(std::clamp<std::uint64_t>(bytes, kPageBytes, kBytesMax));
  void* memory = MAP_FAILED;
  for (; wanted >= kPageBytes && memory == MAP_FAILED; wanted /= 2) {
    memory =
        mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) pages_ = wanted / kPageBytes;
  }
  if (pages_ == 0) return;
  base_ = static_cast<std::byte*>(memory);
  madvise(base_, pages_ * kPageBytes, uses_huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  order_max_ = static_cast<unsigned>(std::countr_zero(pages_));
  for (unsigned order = 0; order <= order_max_; ++order) free_[order].resize(pages_ >> order);
  free_[order_max_].insert(0);
}

PageSpace::~PageSpace() {
  if (base_ != nullptr) munmap(base_, pages_ * kPageBytes);
}

std::optional<PageSpace::Page> PageSpace::take(unsigned order) {
  if (pages_ == 0) return std::nullopt;
  for (unsigned from = order; from <= order_max_; ++from) {
    const auto found = free_[from].least();
    if (!found) continue;
    free_[from].erase(*found);
    std::size_t number = *found;
    for (; from > order; --from) {
      number *= 2;
      free_[from - 1].insert(number + 1);
    }
    return static_cast<Page>(number << order);
  }
  return std::nullopt;
}

void PageSpace::give(Page first, unsigned order) {
  std::size_t number = first >> order;
  CHECK(!free_[order].contains(number));
  for (; order < order_max_ && free_[order].contains(number ^ 1); ++order) {
    free_[order].erase(number ^ 1);
    number /= 2;
  }
  free_[order].insert(number);
}

void PageSpace::discard(std::byte* first, std::size_t pages) {
  CHECK(madvise(first, pages * kPageBytes, MADV_DONTNEED) == 0);
}

std::uint64_t PageSpace::bytes() const {
  std::uint64_t bytes = 0;
  for (const Numbers& numbers : free_) bytes += numbers.bytes();
  return bytes;
}

}  // namespace pgweir::cache
