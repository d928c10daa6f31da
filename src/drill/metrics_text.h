// Reading numbers out of Prometheus text. Tolerant: a line it does not understand is skipped.
#pragma once

#include <optional>
#include <string_view>

namespace pgweir::drill {

// The sum of the samples of a metric. label and value restrict it to samples with that label; an empty
// label takes all. Nothing if there is no such sample.
std::optional<double> metric_sum(std::string_view text, std::string_view metric, std::string_view label = {},
                                 std::string_view value = {});

}  // namespace pgweir::drill
