// [[rule]] tables of the configuration. Internal to config/.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/toml.h"
#include "query/rules.h"

namespace pgweir::config {

// For a mistake: where, and what is wrong and what is allowed.
using AddFinding = std::function<void(const toml::source_region& where, std::string message)>;

// The value of the key `rule`: an array of tables. All mistakes are given to add; without any, the result can
// be given to query::Rules::make.
std::vector<query::RuleConfig> read_rules(const toml::key& key, const toml::node& node,
                                          const AddFinding& add);

}  // namespace pgweir::config
