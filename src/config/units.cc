#include "config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

#include "base/check.h"
#include "config/quoted.h"

namespace pgweir::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

constexpr std::uint64_t kKibi = 1024;

// Largest first.
constexpr std::array<Unit, 7> kDurationUnits{{{"d", 86'400'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"s", 1'000'000'000},
                                              {"ms", 1'000'000},
                                              {"us", 1'000},
                                              {"ns", 1}}};
constexpr std::array<Unit, 9> kByteUnits{{{"TiB", kKibi* kKibi* kKibi* kKibi},
                                          {"TB", 1'000'000'000'000},
                                          {"GiB", kKibi* kKibi* kKibi},
                                          {"GB", 1'000'000'000},
                                          {"MiB", kKibi* kKibi},
                                          {"MB", 1'000'000},
                                          {"KiB", kKibi},
                                          {"kB", 1'000},
                                          {"B", 1}}};

enum class Refusal { kShape, kTooLarge };

std::expected<std::uint64_t, Refusal> parse(std::string_view text, std::span<const Unit> units,
                                            std::uint64_t max) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument) return std::unexpected(Refusal::kShape);
  const auto unit =
      std::ranges::find(units, text.substr(static_cast<std::size_t>(end - text.data())), &Unit::name);
  if (unit == units.end()) return std::unexpected(Refusal::kShape);
  if (error == std::errc::result_out_of_range || number > max / unit->size) {
    return std::unexpected(Refusal::kTooLarge);
  }
  return number * unit->size;
}

std::string format(std::uint64_t value, std::span<const Unit> units, std::string_view zero) {
  if (value == 0) return std::string(zero);
  const auto unit = std::ranges::find_if(units, [value](const Unit& u) { return value % u.size == 0; });
  return fmt::format("{}{}", value / unit->size, unit->name);
}

}  // namespace

base::Result<base::Nanos> parse_duration(std::string_view text) {
  const auto value = parse(text, kDurationUnits, std::numeric_limits<base::Nanos>::max());
  if (value) return static_cast<base::Nanos>(*value);
  if (value.error() == Refusal::kTooLarge) {
    return base::fail(base::ErrorCode::kInvalid, fmt::format("{} is too long", quoted(text)));
  }
  return base::fail(
      base::ErrorCode::kInvalid,
      fmt::format("{} is not a duration: write a whole number and one of ns, us, ms, s, m, h, d, "
                  "such as \"250ms\" or \"5m\"",
                  quoted(text)));
}

base::Result<std::uint64_t> parse_bytes(std::string_view text) {
  const auto value = parse(text, kByteUnits, std::numeric_limits<std::uint64_t>::max());
  if (value) return *value;
  if (value.error() == Refusal::kTooLarge) {
    return base::fail(base::ErrorCode::kInvalid, fmt::format("{} is too large", quoted(text)));
  }
  return base::fail(base::ErrorCode::kInvalid,
                    fmt::format("{} is not a size: write a whole number and one of B, KiB, MiB, GiB, TiB "
                                "(powers of 1024), kB, MB, GB, TB (powers of 1000), such as \"64MiB\"",
                                quoted(text)));
}

std::string format_duration(base::Nanos duration) {
  CHECK(duration >= 0);
  return format(static_cast<std::uint64_t>(duration), kDurationUnits, "0s");
}

std::string format_bytes(std::uint64_t bytes) { return format(bytes, kByteUnits, "0B"); }

}  // namespace pgweir::config
