// A zeroed array on pages of its own, given back to the system when it goes: what is freed is free, which the
// heap does not promise.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "cache/memory.h"

namespace pgweir::cache {

// Less than a page comes from the heap. One thread at a time.
template <class T>
class PageArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  static constexpr std::size_t kPage = 4096;

  PageArray() = default;
  explicit PageArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    if (is_mapped()) {
      void* const memory = mmap(nullptr, bytes_for(size), PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      CHECK(memory != MAP_FAILED);
      items_ = static_cast<T*>(memory);
    } else {
      items_ = static_cast<T*>(std::calloc(size, sizeof(T)));
      CHECK(items_ != nullptr);
    }
  }
  PageArray(PageArray&& other) noexcept
      : items_(std::exchange(other.items_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PageArray& operator=(PageArray&& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(size_, other.size_);
    return *this;
  }
  PageArray(const PageArray&) = delete;
  PageArray& operator=(const PageArray&) = delete;
  ~PageArray() {
    if (items_ == nullptr) return;
    if (is_mapped()) {
      munmap(items_, bytes_for(size_));
    } else {
      std::free(items_);
    }
  }

  // What an array of so many items takes, once all of it has been written.
  static std::uint64_t bytes_for(std::size_t size) {
    const std::size_t bytes = size * sizeof(T);
    if (bytes == 0) return 0;
    return bytes < kPage ? allocation_bytes(bytes) : (bytes + kPage - 1) / kPage * kPage;
  }
  std::uint64_t bytes() const { return bytes_for(size_); }
  std::size_t size() const { return size_; }
  // For what is read at random and written all over: fewer misses in the TLB.
  void prefer_huge_pages() const { advise(MADV_HUGEPAGE); }
  // For what is written here and there, and counted so.
  void forbid_huge_pages() const { advise(MADV_NOHUGEPAGE); }
  T* data() const { return items_; }
  T& operator[](std::size_t i) const { return items_[i]; }

 private:
  void advise(int advice) const {
    if (is_mapped()) madvise(items_, bytes(), advice);
  }
  bool is_mapped() const { return size_ * sizeof(T) >= kPage; }

  T* items_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace pgweir::cache
