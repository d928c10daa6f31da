// How far a long job has come: a bar that is redrawn on a terminal, a line every tenth elsewhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace shop {

// add() on any thread; show() and finish() on one.
class Progress {
 public:
  // total: units of work, above 0. terminal: whether standard output is one.
  Progress(std::uint64_t total, bool terminal) : total_(total), terminal_(terminal) {}

  void add(std::uint64_t units) { done_.fetch_add(units, std::memory_order_relaxed); }
  void show(std::string_view stage, double elapsed_s);
  void finish(double elapsed_s);

 private:
  const std::uint64_t total_;
  const bool terminal_;
  std::atomic<std::uint64_t> done_{0};
  int tenths_shown_ = -1;
};

// "  [######------]  50 %  keys and indexes, 4 s"
std::string progress_line(double share, std::string_view stage, double elapsed_s);

}  // namespace shop
