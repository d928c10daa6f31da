#include "drill/metrics_text.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace pgweir::drill {

namespace {

// Whether {labels} hold label="value". Quoted commas and braces do not confuse it, since it looks for
// the whole pair behind a separator; values with escapes are not found.
bool has_label(std::string_view labels, std::string_view label, std::string_view value) {
  const std::string pair = std::string(label) + "=\"" + std::string(value) + '"';
  for (std::size_t at = labels.find(pair); at != std::string_view::npos; at = labels.find(pair, at + 1)) {
    if (at == 0 || labels[at - 1] == ',' || labels[at - 1] == ' ' || labels[at - 1] == '{') return true;
  }
  return false;
}

std::optional<double> first_number(std::string_view text) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t")));
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<double> metric_sum(std::string_view text, std::string_view metric, std::string_view label,
                                 std::string_view value) {
  std::optional<double> sum;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(metric)) continue;
    line.remove_prefix(metric.size());
    std::string_view labels;
    if (line.starts_with('{')) {
      const std::size_t end = line.rfind('}');
      if (end == std::string_view::npos) continue;
      labels = line.substr(0, end);
      line.remove_prefix(end + 1);
    } else if (!line.starts_with(' ') && !line.starts_with('\t')) {
      continue;  // a longer name
    }
    if (!label.empty() && !has_label(labels, label, value)) continue;
    if (const auto number = first_number(line)) sum = sum.value_or(0) + *number;
  }
  return sum;
}

}  // namespace pgweir::drill
