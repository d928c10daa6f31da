#include "progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace shop {

namespace {
constexpr int kBarWidth = 32;
}

std::string progress_line(double share, std::string_view stage, double elapsed_s) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth);
  return fmt::format("  [{:#<{}}{:-<{}}] {:3.0f} %  {}, {:.0f} s", "", filled, "", kBarWidth - filled,
                     std::clamp(share, 0.0, 1.0) * 100, stage, elapsed_s);
}

void Progress::show(std::string_view stage, double elapsed_s) {
  const double share =
      static_cast<double>(done_.load(std::memory_order_relaxed)) / static_cast<double>(total_);
  if (terminal_) {
    fmt::print("\r\033[K{}", progress_line(share, stage, elapsed_s));
  } else if (const int tenths = static_cast<int>(share * 10); tenths > tenths_shown_) {
    tenths_shown_ = tenths;
    fmt::print("{}\n", progress_line(share, stage, elapsed_s));
  }
  std::fflush(stdout);
}

void Progress::finish(double elapsed_s) {
  if (terminal_) fmt::print("\r\033[K");
  fmt::print("  the shop's data is loaded, {:.1f} s\n", elapsed_s);
  std::fflush(stdout);
}

}  // namespace shop
