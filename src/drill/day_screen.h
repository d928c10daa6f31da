// The live view of a day in the shop, as text. It computes what to write and writes nothing itself.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "drill/day_report.h"

namespace pgweir::drill {

enum class ScreenStyle {
  kPanel,  // for a terminal: redrawn in place
  kLines,  // for a file or pipe: a line each second
  kJson,   // for programs: an object per line, with "event": "start", "second" or "summary"
};

struct ScreenOptions {
  ScreenStyle style = ScreenStyle::kLines;
  bool colour = false;
  bool unicode = false;             // whether the terminal shows block characters
  std::size_t width_columns = 100;  // of the terminal; longer lines of the panel are cut
};

class DayScreen {
 public:
  explicit DayScreen(const ScreenOptions& options) : options_(options) {}

  std::string start(const DayAddresses& addresses);
  std::string second(const DaySecond& second);
  std::string summary(const DaySummary& summary);

 private:
  std::string panel(const DaySecond& second);
  std::string line(const DaySecond& second);

  const ScreenOptions options_;
  std::size_t panel_lines_ = 0;                   // drawn last time
  std::size_t lines_ = 0;                         // seconds written as lines
  std::deque<double> requests_, hits_, queries_;  // the last seconds, for the sparklines
};

// 1234567.8 as "1,234,568".
std::string grouped(double number);
// Milliseconds with two decimals; "-" for nothing.
std::string milliseconds(const std::optional<base::Nanos>& duration);
// "87.3 %" of a share; "-" for nothing.
std::string percent(const std::optional<double>& share);
// One character per value, from the lowest to the highest; scaled from 0 to the largest value.
std::string sparkline(const std::deque<double>& values, bool unicode);

}  // namespace pgweir::drill
