// The settings in SessionSettings::digest, for people.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::query {

struct SettingValue {
  std::string name;
  std::optional<std::string> value;
};

// Those that differ from PostgreSQL's own defaults. Any thread.
std::vector<SettingValue> settings_in(std::string_view digest);

}  // namespace pgweir::query
