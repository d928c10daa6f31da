// The table of settings: what is in it can be set, shown and explained, and nothing else can.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"

namespace pgweir::config {

// The kinds of value. Ranges include both ends.
struct DurationField {
  base::Nanos& (*at)(Config&);
  base::Nanos min, max;
};
struct BytesField {
  std::uint64_t& (*at)(Config&);
  std::uint64_t min, max;
  bool takes_share = false;  // "25%": of machine_memory_bytes()
};
struct CountField {
  unsigned& (*at)(Config&);
  unsigned min, max;
};
struct ShareField {
  double& (*at)(Config&);
  double min, max;
};
struct FlagField {
  bool& (*at)(Config&);
};
// Text with a meaning of its own; set() says what is allowed when it refuses.
struct TextField {
  base::Result<void> (*set)(Config&, std::string_view text);  // config is unchanged if it refuses
  std::string (*get)(const Config&);
};
using Field = std::variant<DurationField, BytesField, CountField, ShareField, FlagField, TextField>;

struct Setting {
  std::string_view name;  // "section.key"
  Field field;
  std::string_view meaning;
};

// In the order in which they are applied.
std::span<const Setting> settings();
// Null if there is none.
const Setting* find_setting(std::string_view name);
// The setting whose name is nearest to a mistyped one; empty if none is near.
std::string_view nearest_setting(std::string_view name);

// From text without quotes: "5m", "64MiB", "12", "0.1", "true". kInvalid says what is allowed;
// config is unchanged then.
base::Result<void> set_setting(Config& config, const Setting& setting, std::string_view text);
// Parses back to the same value.
std::string show_setting(const Config& config, const Setting& setting);
// "a duration from 1ms to 1d"
std::string describe_allowed(const Setting& setting);

}  // namespace pgweir::config
