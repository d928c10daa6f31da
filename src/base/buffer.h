// A byte queue: append at the tail, consume from the head. Holds no memory while empty after
// release(), so that an idle session costs nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "base/counters.h"

namespace pgweir::base {

// Not thread-safe; views are valid until the next non-const call.
class Buffer {
 public:
  Buffer() = default;
  // What it has allocated counts in the level.
  explicit Buffer(Level& level) : held_(level) {}

  std::size_t size() const { return tail_ - head_; }
  bool empty() const { return head_ == tail_; }
  std::size_t capacity() const { return capacity_; }
  std::string_view view() const { return {data_.get() + head_, size()}; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    tail_ += bytes.size();
  }
  void push_back(char byte) { append({&byte, 1}); }
  // Room for n bytes at the tail; follow with commit(<= n).
  char* reserve(std::size_t n) {
    if (capacity_ - tail_ < n) grow(n);
    return data_.get() + tail_;
  }
  void commit(std::size_t n) {
    CHECK(n <= capacity_ - tail_);
    tail_ += n;
  }
  void consume(std::size_t n) {
    CHECK(n <= size());
    head_ += n;
    if (head_ == tail_) head_ = tail_ = 0;
  }
  void clear() { head_ = tail_ = 0; }
  // Gives the memory back if the buffer is empty.
  void release() {
    if (!empty()) return;
    data_.reset();
    head_ = tail_ = capacity_ = 0;
    held_.set(0);
  }

 private:
  // Most bursts are one small message, for which malloc() keeps memory at hand that is not larger.
  static constexpr std::size_t kFirstBytes = 1000, kSecondBytes = 16384;

  void grow(std::size_t n) {
    const std::size_t used = size();
    if (capacity_ - used >= n && head_ >= used) {
      std::memcpy(data_.get(), data_.get() + head_, used);
    } else {
      std::size_t capacity = capacity_ == 0 ? kFirstBytes : std::max(2 * capacity_, kSecondBytes);
      while (capacity < used + n) capacity = std::max(2 * capacity, kSecondBytes);
      std::unique_ptr<char[]> data(new char[capacity]);
      if (used != 0) std::memcpy(data.get(), data_.get() + head_, used);
      data_ = std::move(data);
      capacity_ = capacity;
      held_.set(capacity);
    }
    head_ = 0;
    tail_ = used;
  }

  std::unique_ptr<char[]> data_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t capacity_ = 0;
  Held held_;
};

}  // namespace pgweir::base
