#include "config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "config/address.h"
#include "config/quoted.h"
#include "config/rules.h"
#include "config/settings.h"
#include "config/toml.h"
#include "config/units.h"
#include "config/upstream_url.h"

namespace pgweir::config {
namespace {

constexpr std::size_t kTextBytesMax = 1 << 20;

// What must hold between settings. They are tried only if the settings they name are valid themselves;
// the finding stands where the first of them that was given stands.
struct Relation {
  std::string_view first, second;
  std::optional<std::string> (*find_conflict)(const Config&);
};

std::optional<std::string> find_server_tls_conflict(const Config& config) {
  if (config.server.tls_cert.empty() == config.server.tls_key.empty()) return std::nullopt;
  return "server.tls_cert and server.tls_key go together: give both or neither";
}

std::optional<std::string> find_upstream_tls_conflict(const Config& config) {
  return find_tls_conflict(config.upstream);
}

std::optional<std::string> find_entry_size_conflict(const Config& config) {
  if (config.cache.entry_bytes_max <= config.cache.memory_bytes / 4) return std::nullopt;
  return fmt::format("cache.entry_bytes_max is {} and cache.memory {}: four of the largest entries must fit",
                     format_bytes(config.cache.entry_bytes_max), format_bytes(config.cache.memory_bytes));
}

std::optional<std::string> find_listen_conflict(const Config& config) {
  const auto servers = parse_listen_addresses(config.server.listen);
  const auto admin = parse_listen_address(config.admin.listen);
  if (!servers || !admin || admin->port == 0 || std::ranges::find(*servers, *admin) == servers->end()) {
    return std::nullopt;
  }
  return fmt::format("admin.listen and server.listen are both {}: they need ports of their own",
                     quoted(config.admin.listen));
}

std::optional<std::string> find_disk_memory_conflict(const Config& config) {
  constexpr std::uint64_t kMemoryMin = std::uint64_t{64} << 20;
  if (config.cache.disk.path.empty() || config.cache.memory_bytes >= kMemoryMin) return std::nullopt;
  return fmt::format("cache.memory is {}: a disk needs {} for its buffers and index",
                     format_bytes(config.cache.memory_bytes), format_bytes(kMemoryMin));
}

std::optional<std::string> find_slot_conflict(const Config& config) {
  if (!config.sync.permanent_slot) return std::nullopt;
  for (const auto& [name, value] : {std::pair{"sync.user", &config.sync.user},
                                    {"server.state_dir", &config.server.state_dir},
                                    {"cache.disk.path", &config.cache.disk.path}}) {
    if (value->empty())
      return fmt::format("sync.permanent_slot needs {}: without it nothing goes on after a restart", name);
  }
  return std::nullopt;
}

std::optional<std::string> find_warm_conflict(const Config& config) {
  if (!config.warm.user.empty() && config.server.state_dir.empty())
    return "warm.user needs server.state_dir: the statements to ask again are kept there";
  if (config.warm.record && config.warm.user.empty())
    return "warm.record needs warm.user: only statements of that role are recorded";
  if (config.warm.ready_when_warm && config.warm.user.empty())
    return "server.ready_when = \"warm\" needs warm.user: without it there is no warm-up";
  return std::nullopt;
}

std::optional<std::string> find_limit_conflict(const Config& config) {
  if (config.guard.limit_min <= config.guard.limit_max) return std::nullopt;
  return fmt::format("guard.limit_min is {}, and guard.limit_max only {}", config.guard.limit_min,
                     config.guard.limit_max);
}

constexpr Relation kRelations[] = {
    {"server.tls_cert", "server.tls_key", find_server_tls_conflict},
    {"upstream.tls_cert", "upstream.tls_key", find_upstream_tls_conflict},
    {"upstream.tls_mode", "upstream.url", find_upstream_tls_conflict},
    {"cache.entry_bytes_max", "cache.memory", find_entry_size_conflict},
    {"cache.disk.path", "cache.memory", find_disk_memory_conflict},
    {"guard.limit_min", "guard.limit_max", find_limit_conflict},
    {"sync.permanent_slot", "sync.user", find_slot_conflict},
    {"warm.user", "server.state_dir", find_warm_conflict},
    {"warm.record", "warm.user", find_warm_conflict},
    {"server.ready_when", "warm.user", find_warm_conflict},
    {"admin.listen", "server.listen", find_listen_conflict},
};

// The value as set_setting() reads it; none if it has the wrong type for the setting.
std::optional<std::string> text_for(const Setting& setting, const toml::node& node) {
  if (std::holds_alternative<FlagField>(setting.field)) {
    if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  } else if (std::holds_alternative<CountField>(setting.field)) {
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  } else if (std::holds_alternative<ShareField>(setting.field)) {
    if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  } else if (const auto* text = node.as_string()) {
    return text->get();
  }
  return std::nullopt;
}

std::string describe_wrong_type(const Setting& setting, const toml::node& node) {
  const bool has_unit = std::holds_alternative<DurationField>(setting.field) ||
                        std::holds_alternative<BytesField>(setting.field);
  if (const auto* number = node.as_integer(); number != nullptr && has_unit && number->get() >= 0) {
    const std::string_view unit = std::holds_alternative<DurationField>(setting.field) ? "s" : "MiB";
    return fmt::format("{}: {} has no unit; write it in quotes with one, such as \"{}{}\"; allowed is {}",
                       setting.name, number->get(), number->get(), unit, describe_allowed(setting));
  }
  const bool quotes = has_unit || std::holds_alternative<TextField>(setting.field);
  return fmt::format("{} is {}; allowed is {}{}", setting.name, type_name(node), describe_allowed(setting),
                     quotes ? ", in quotes" : "");
}

// Whether the parser stopped at the m of 5m, the likeliest mistake of all.
bool is_unquoted_unit(std::string_view text, const toml::source_region& where) {
  for (unsigned line = 1; line < where.begin.line; ++line) text.remove_prefix(text.find('\n') + 1);
  const std::size_t at = where.begin.column - 1;
  const std::string_view line = text.substr(0, text.find('\n'));
  if (at == 0 || at >= line.size()) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return is_digit(line[at - 1]) && is_letter(line[at]);
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(settings(), [name](const Setting& setting) {
    return setting.name.substr(0, setting.name.rfind('.')) == name;
  });
}

std::string list_sections() {
  std::string list;
  std::string_view last;
  for (const Setting& setting : settings()) {
    const std::string_view section = setting.name.substr(0, setting.name.rfind('.'));
    if (section == last) continue;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", section);
    last = section;
  }
  return list;
}

// Reads one text and its overrides; used once.
class Loader {
 public:
  explicit Loader(std::string_view filename) : filename_(filename) {}

  void read_file(std::string_view text) {
    if (text.size() > kTextBytesMax) {
      add({filename_, 1, 1, fmt::format("longer than {}", format_bytes(kTextBytesMax))});
      return;
    }
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
      const toml::source_region& where = parsed.error().source();
      add(where,
          fmt::format(
              "not TOML: {}{}", parsed.error().description(),
              is_unquoted_unit(text, where) ? "; a value with a unit stands in quotes, such as \"5m\"" : ""));
      return;
    }
    for (const auto& [key, node] : parsed.table()) read_section(key, node);
    for (std::size_t i = 0; i < given_.size(); ++i) {
      if (given_[i].node != nullptr) set_from_file(settings()[i], given_[i]);
    }
  }

  void read_overrides(std::span<const Override> overrides) {
    for (const Override& override : overrides) {
      const Setting* setting = find_setting(override.name);
      CHECK(setting != nullptr);
      Given& given = given_for(*setting);
      given.place = {override.flag, 0, 0, ""};
      if (const auto set = set_setting(config_, *setting, override.value); !set) {
        given.valid = false;
        add({override.flag, 0, 0, set.error().message});
      }
    }
  }

  void check_relations() {
    for (const Relation& relation : kRelations) {
      const Given& first = given_for(*find_setting(relation.first));
      const Given& second = given_for(*find_setting(relation.second));
      if (!first.valid || !second.valid) continue;
      auto conflict = relation.find_conflict(config_);
      if (!conflict) continue;
      Finding finding = first.place.source.empty() ? second.place : first.place;
      if (finding.source.empty()) finding.source = filename_;
      finding.message = *std::move(conflict);
      const bool repeated = std::ranges::any_of(
          findings_, [&](const Finding& other) { return other.message == finding.message; });
      if (!repeated) add(std::move(finding));
    }
  }

  std::expected<Config, std::vector<Finding>> finish() {
    if (findings_.empty()) return std::move(config_);
    return std::unexpected(std::move(findings_));
  }

 private:
  // Of one setting: what was written, where, and whether it could be used.
  struct Given {
    const toml::node* node = nullptr;  // valid within read_file()
    Finding place;
    bool valid = true;
  };

  Given& given_for(const Setting& setting) {
    return given_[static_cast<std::size_t>(&setting - settings().data())];
  }

  // In the order of their places.
  void add(Finding finding) {
    const auto place = [](const Finding& f) { return std::pair(f.line, f.column); };
    findings_.insert(std::ranges::upper_bound(findings_, place(finding), {}, place), std::move(finding));
  }

  void add(const toml::source_region& where, std::string message) {
    add({filename_, where.begin.line, where.begin.column, std::move(message)});
  }

  void read_section(const toml::key& section, const toml::node& node) {
    if (section.str() == "rule") {
      config_.rules = read_rules(
          section, node,
          [this](const toml::source_region& where, std::string message) { add(where, std::move(message)); });
      return;
    }
    read_table(section, section.str(), node);
  }

  void read_table(const toml::key& section, std::string_view name, const toml::node& node) {
    if (!node.is_table()) {
      if (is_section(name)) {
        add(section.source(), fmt::format("{} is {}; it must be a table: [{}]", name, type_name(node), name));
      } else {
        add_unknown(section, name);
      }
      return;
    }
    for (const auto& [key, value] : *node.as_table()) {
      const std::string inner = fmt::format("{}.{}", name, key.str());
      if (is_section(inner)) {
        read_table(key, inner, value);
      } else {
        read_value(inner, key, value);
      }
    }
    if (!is_section(name) && node.as_table()->empty()) {
      add(section.source(), fmt::format("unknown section {}; there are {}", quoted(name), list_sections()));
    }
  }

  void read_value(std::string_view name, const toml::key& key, const toml::node& node) {
    const Setting* setting = find_setting(name);
    if (setting == nullptr) return add_unknown(key, name);
    Given& given = given_for(*setting);
    given.node = &node;
    given.place = {filename_, node.source().begin.line, node.source().begin.column, ""};
  }

  void add_unknown(const toml::key& key, std::string_view name) {
    const std::string_view nearest = nearest_setting(name);
    add(key.source(), nearest.empty()
                          ? fmt::format("unknown setting {}", quoted(name))
                          : fmt::format("unknown setting {}; did you mean {}?", quoted(name), nearest));
  }

  void set_from_file(const Setting& setting, Given& given) {
    const auto text = text_for(setting, *given.node);
    const auto set = text ? set_setting(config_, setting, *text)
                          : base::fail(base::ErrorCode::kInvalid, describe_wrong_type(setting, *given.node));
    given.node = nullptr;
    if (set) return;
    given.valid = false;
    Finding finding = given.place;
    finding.message = set.error().message;
    add(std::move(finding));
  }

  std::string filename_;
  Config config_;
  std::vector<Given> given_ = std::vector<Given>(settings().size());
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::string Finding::to_string() const {
  if (line == 0) return fmt::format("{}: error: {}", source, message);
  return fmt::format("{}:{}:{}: error: {}", source, line, column, message);
}

std::expected<Config, std::vector<Finding>> load(std::string_view text, std::string_view filename,
                                                 std::span<const Override> overrides) {
  Loader loader(filename);
  loader.read_file(text);
  loader.read_overrides(overrides);
  loader.check_relations();
  return loader.finish();
}

}  // namespace pgweir::config
