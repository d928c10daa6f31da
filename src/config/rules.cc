#include "config/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "config/nearest.h"
#include "config/quoted.h"
#include "config/units.h"

namespace pgweir::config {
namespace {

constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kRegexBytesMax = 1024;
constexpr std::size_t kTrustMax = 1000;

// Reads one [[rule]].
class RuleReader {
 public:
  explicit RuleReader(const AddFinding& add) : add_(add) {}

  query::RuleConfig read(const toml::table& table) {
    const bool well_formed = read_keys(table);
    const toml::source_region& where = table.source();
    if (!named_ && !table.contains("name"))
      add_(where, "a rule has no name; give it one, such as name = \"prices\"");
    if (!well_formed) return std::move(rule_);
    if (!rule_.fingerprint && !rule_.relation && rule_.regex.empty())
      add_(where,
           fmt::format("rule {} matches nothing; give template, relation or regex", quoted(rule_.name)));
    const bool keeps = rule_.ttl || rule_.stale_while_revalidate || rule_.stale_if_error ||
                       rule_.accept_ttl || !rule_.trust.empty();
    if (!keeps && !rule_.bypass)
      add_(where,
           fmt::format("rule {} does nothing; give ttl, stale_while_revalidate, stale_if_error, bypass, "
                       "accept_ttl or trust",
                       quoted(rule_.name)));
    if (keeps && rule_.bypass)
      add_(where, fmt::format("rule {} has bypass and so keeps nothing: take out ttl, "
                              "stale_while_revalidate, stale_if_error, accept_ttl and trust",
                              quoted(rule_.name)));
    return std::move(rule_);
  }

 private:
  using Read = bool (RuleReader::*)(const toml::node&);
  struct Key {
    std::string_view name;
    Read read;
    std::string_view allowed;
  };
  static const std::array<Key, 10> kKeys;

  // False: a value could not be used.
  bool read_keys(const toml::table& table) {
    bool well_formed = true;
    for (const auto& [key, node] : table) {
      const auto found = std::ranges::find(kKeys, key.str(), &Key::name);
      if (found == kKeys.end()) {
        add_unknown(key);
        well_formed = false;
        continue;
      }
      why_.clear();
      if ((this->*found->read)(node)) continue;
      well_formed = false;
      if (why_.empty()) why_ = fmt::format("is {}", type_name(node));
      add_(node.source(), fmt::format("rule.{} {}; allowed is {}", found->name, why_, found->allowed));
    }
    return well_formed;
  }

  void add_unknown(const toml::key& key) {
    constexpr std::size_t kNear = 2;
    std::string message = fmt::format("unknown setting {} of a rule", quoted(key.str()));
    const auto distance = [&](const Key& k) {
      return edit_distance(key.str().substr(0, kNameBytesMax), k.name);
    };
    const auto nearest = std::ranges::min_element(kKeys, {}, distance);
    if (distance(*nearest) <= kNear) message += fmt::format("; did you mean {}?", nearest->name);
    add_(key.source(), std::move(message));
  }

  bool refuse(std::string why) {
    why_ = std::move(why);
    return false;
  }

  bool name(const toml::node& node) {
    const auto* const text = node.as_string();
    if (text == nullptr) return false;
    const std::string& value = text->get();
    const bool plain = std::ranges::all_of(value, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
             c == '-' || c == '.';
    });
    if (value.empty() || value.size() > kNameBytesMax || !plain) return refuse("is " + quoted(value));
    rule_.name = value;
    return named_ = true;
  }

  bool fingerprint(const toml::node& node) {
    constexpr std::size_t kDigits = 16;
    const auto* const text = node.as_string();
    if (text == nullptr) return false;
    const std::string& value = text->get();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number, 16);
    if (error != std::errc{} || end != value.data() + value.size() || value.size() != kDigits)
      return refuse("is " + quoted(value));
    rule_.fingerprint = number;
    return true;
  }

  bool relation(const toml::node& node) {
    const auto* const text = node.as_string();
    if (text == nullptr) return false;
    const std::string& value = text->get();
    const std::size_t dot = value.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == value.size()) return refuse("is " + quoted(value));
    rule_.relation = query::Name{value.substr(0, dot), value.substr(dot + 1)};
    return true;
  }

  bool regex(const toml::node& node) {
    const auto* const text = node.as_string();
    if (text == nullptr) return false;
    const std::string& value = text->get();
    if (value.empty() || value.size() > kRegexBytesMax)
      return refuse(fmt::format("has {} bytes", value.size()));
    if (const auto checked = query::check_regex(value); !checked)
      return refuse(fmt::format("{}: {}", quoted(value), checked.error().message));
    rule_.regex = value;
    return true;
  }

  bool ttl(const toml::node& node) { return duration(node, rule_.ttl); }
  bool stale_while_revalidate(const toml::node& node) { return duration(node, rule_.stale_while_revalidate); }
  bool stale_if_error(const toml::node& node) { return duration(node, rule_.stale_if_error); }

  bool duration(const toml::node& node, std::optional<base::Nanos>& into) {
    const auto* const text = node.as_string();
    if (text == nullptr) return false;
    const auto value = parse_duration(text->get());
    if (!value) return refuse(value.error().message);
    if (*value < query::kTtlMin || *value > query::kTtlMax)
      return refuse(quoted(text->get()) + " is out of range");
    into = *value;
    return true;
  }

  bool bypass(const toml::node& node) { return flag(node, rule_.bypass); }
  bool accept_ttl(const toml::node& node) { return flag(node, rule_.accept_ttl); }

  static bool flag(const toml::node& node, bool& value) {
    const auto* const given = node.as_boolean();
    if (given != nullptr) value = given->get();
    return given != nullptr;
  }

  bool trust(const toml::node& node) {
    const toml::array* const list = node.as_array();
    if (list == nullptr) return false;
    if (list->size() > kTrustMax) return refuse(fmt::format("has {} functions", list->size()));
    for (const toml::node& element : *list) {
      const auto* const text = element.as_string();
      if (text == nullptr) return refuse(fmt::format("holds {}", type_name(element)));
      auto function = query::parse_trusted_function(text->get());
      if (!function) return refuse(fmt::format("{}: {}", quoted(text->get()), function.error().message));
      rule_.trust.push_back(std::move(*function));
    }
    return true;
  }

  const AddFinding& add_;
  query::RuleConfig rule_;
  bool named_ = false;
  std::string why_;  // the value at hand cannot be used; empty: its type is wrong
};

const std::array<RuleReader::Key, 10> RuleReader::kKeys = {{
    {"name", &RuleReader::name, "1 to 63 letters, digits, '_', '-' and '.', in quotes"},
    {"template", &RuleReader::fingerprint, "a fingerprint of 16 hexadecimal digits, in quotes"},
    {"relation", &RuleReader::relation, "\"schema.table\""},
    {"regex", &RuleReader::regex, "a regular expression as of RE2 of up to 1024 bytes, in quotes"},
    {"ttl", &RuleReader::ttl, "a duration from 1ms to 30d, in quotes"},
    {"stale_while_revalidate", &RuleReader::stale_while_revalidate, "a duration from 1ms to 30d, in quotes"},
    {"stale_if_error", &RuleReader::stale_if_error, "a duration from 1ms to 30d, in quotes"},
    {"bypass", &RuleReader::bypass, "true or false"},
    {"accept_ttl", &RuleReader::accept_ttl, "true or false"},
    {"trust", &RuleReader::trust, "a list of \"schema.function(argument types)\""},
}};

}  // namespace

std::vector<query::RuleConfig> read_rules(const toml::key& key, const toml::node& node,
                                          const AddFinding& add) {
  std::vector<query::RuleConfig> rules;
  const toml::array* const list = node.as_array();
  const bool tables = list != nullptr && std::ranges::all_of(*list, [](const toml::node& element) {
                        return element.is_table();
                      });
  if (!tables) {
    add(key.source(), fmt::format("rule is {}; each rule is a table of its own: [[rule]]", type_name(node)));
    return rules;
  }
  if (list->size() > query::Rules::kCountMax) {
    add(key.source(), fmt::format("{} rules; at most {} are allowed", list->size(), query::Rules::kCountMax));
    return rules;
  }
  std::set<std::string> names;
  for (const toml::node& element : *list) {
    rules.push_back(RuleReader(add).read(*element.as_table()));
    const std::string& name = rules.back().name;
    if (!name.empty() && !names.insert(name).second)
      add(element.source(), fmt::format("there are two rules {}; names tell them apart", quoted(name)));
  }
  return rules;
}

}  // namespace pgweir::config
