#include "config/settings.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <string>

#include "config/config.h"
#include "config/machine_memory.h"

namespace pgweir::config {
namespace {

TEST(Settings, NamesAreDistinctAndMeaningsAreSentences) {
  std::set<std::string_view> names;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    EXPECT_EQ(std::ranges::count(setting.name, '.'), setting.name.starts_with("cache.disk.") ? 2 : 1)
        << setting.name;
    EXPECT_TRUE(setting.meaning.ends_with('.')) << setting.name;
    EXPECT_FALSE(describe_allowed(setting).empty());
    EXPECT_EQ(find_setting(setting.name), &setting);
  }
  EXPECT_LT(settings().size(), 60u);
}

TEST(Settings, DefaultsAreAllowedAndReadBack) {
  Config config;
  for (const Setting& setting : settings()) {
    const std::string shown = show_setting(config, setting);
    const auto set = set_setting(config, setting, shown);
    EXPECT_TRUE(set.has_value()) << set.error().message;
    EXPECT_EQ(show_setting(config, setting), shown) << setting.name;
  }
}

// examples/pgweir.toml: what is commented out there says the same as what is left out.
TEST(Settings, TheExampleHasEachWithItsDefault) {
  std::ifstream file(PGWEIR_SOURCE_DIR "/examples/pgweir.toml");
  ASSERT_TRUE(file);
  std::string section, text, line;
  std::set<std::string> found;
  bool in_rule = false;  // which is an example of its own
  while (std::getline(file, line)) {
    if (line.starts_with("#[[")) in_rule = true;
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1), in_rule = false;
    const std::size_t equals = line.find(" = ");
    const bool is_default = line.starts_with('#') && !line.starts_with("# ") && equals != std::string::npos;
    if (is_default && !in_rule) {
      line.erase(0, 1);
      EXPECT_TRUE(found.insert(section + "." + line.substr(0, equals - 1)).second) << line;
    }
    if (!in_rule) text += line + "\n";
  }
  const auto loaded = load(text, "examples/pgweir.toml");
  ASSERT_TRUE(loaded) << loaded.error().front().to_string();
  for (const Setting& setting : settings()) {
    if (setting.name == "upstream.url") continue;  // without a default
    EXPECT_TRUE(found.contains(std::string(setting.name))) << setting.name;
    EXPECT_EQ(show_setting(*loaded, setting), show_setting(Config(), setting)) << setting.name;
  }
}

// Each line of the table must reach its own member.
TEST(Settings, EachOneSetsItselfAndNothingElse) {
  const auto other_value = [](const Setting& setting) -> std::string {
    if (setting.name == "upstream.url") return "postgres://elsewhere:1";
    if (setting.name == "upstream.tls_mode") return "require";
    if (setting.name == "cache.policy") return "cost";
    if (setting.name == "cache.disk.admission") return "all";
    if (setting.name == "server.ready_when") return "warm";
    if (setting.name.ends_with(".listen")) return "localhost:1";
    if (std::holds_alternative<TextField>(setting.field)) return "/elsewhere";
    if (std::holds_alternative<DurationField>(setting.field)) return "17s";
    if (std::holds_alternative<BytesField>(setting.field)) return "171MiB";
    if (std::holds_alternative<CountField>(setting.field)) return "17";
    if (std::holds_alternative<ShareField>(setting.field)) return "0.17";
    return "true";
  };
  for (const Setting& setting : settings()) {
    Config config;
    const auto set = set_setting(config, setting, other_value(setting));
    ASSERT_TRUE(set.has_value()) << set.error().message;
    for (const Setting& other : settings()) {
      const bool changed = show_setting(config, other) != show_setting(Config{}, other);
      EXPECT_EQ(changed, &other == &setting) << setting.name << " and " << other.name;
    }
  }
}

TEST(Settings, MemoryMayBeAShareOfWhatThereIs) {
  const Setting& setting = *find_setting("cache.memory");
  Config config;
  ASSERT_TRUE(set_setting(config, setting, "50%").has_value());
  const std::uint64_t half = machine_memory_bytes() / 2;
  EXPECT_LE(config.cache.memory_bytes, half);
  EXPECT_GT(config.cache.memory_bytes + (2 << 20), half);
  Config same;
  ASSERT_TRUE(set_setting(same, setting, show_setting(config, setting)).has_value());
  EXPECT_EQ(same.cache.memory_bytes, config.cache.memory_bytes);
}

std::string refusal(std::string_view name, std::string_view text) {
  Config config;
  const Setting& setting = *find_setting(name);
  const std::string before = show_setting(config, setting);
  const auto set = set_setting(config, setting, text);
  EXPECT_EQ(show_setting(config, setting), before);
  return set ? "accepted" : set.error().message;
}

TEST(Settings, RefusalsSayWhatIsAllowed) {
  EXPECT_EQ(refusal("cache.ttl", "0s"),
            "cache.ttl: \"0s\" is out of range; allowed is a duration from 1ms to 30d");
  EXPECT_EQ(refusal("cache.ttl", "31d"),
            "cache.ttl: \"31d\" is out of range; allowed is a duration from 1ms to 30d");
  EXPECT_EQ(
      refusal("cache.ttl", "5 minutes"),
      "cache.ttl: \"5 minutes\" is not a duration: write a whole number and one of ns, us, ms, s, m, h, d, "
      "such as \"250ms\" or \"5m\"; allowed is a duration from 1ms to 30d");
  EXPECT_EQ(
      refusal("cache.memory", "1kB"),
      "cache.memory: \"1kB\" is out of range; allowed is a size from 1MiB to 1TiB, or a share of the memory "
      "there is, from 1% to 90%");
  EXPECT_EQ(
      refusal("cache.memory", "91%"),
      "cache.memory: \"91%\" is out of range; allowed is a size from 1MiB to 1TiB, or a share of the memory "
      "there is, from 1% to 90%");
  EXPECT_EQ(refusal("cache.memory", "a%"),
            "cache.memory: \"a%\" is not a whole number and %; allowed is a size from 1MiB to 1TiB, or a "
            "share of the "
            "memory there is, from 1% to 90%");
  EXPECT_EQ(refusal("cache.entry_bytes_max", "5%").find("a share"), std::string::npos);
  EXPECT_EQ(refusal("server.workers", "-1"),
            "server.workers: \"-1\" is out of range; allowed is a whole number from 0 to 256");
  EXPECT_EQ(refusal("server.workers", "two"),
            "server.workers: \"two\" is not a whole number; allowed is a whole number from 0 to 256");
  EXPECT_EQ(refusal("cache.ttl_jitter", "1.5"),
            "cache.ttl_jitter: \"1.5\" is out of range; allowed is a number from 0 to 1");
  EXPECT_EQ(refusal("cache.policy", "arc"), "cache.policy: \"arc\" is not one of s3fifo, lru, cost");
  EXPECT_EQ(refusal("cache.ttl_jitter", "nan"),
            "cache.ttl_jitter: \"nan\" is out of range; allowed is a number from 0 to 1");
  EXPECT_EQ(refusal("upstream.allow_passwordless_remote", "yes"),
            "upstream.allow_passwordless_remote: \"yes\" is out of range; allowed is true or false");
  EXPECT_EQ(
      refusal("upstream.tls_mode", "on"),
      "upstream.tls_mode: \"on\" is not one of disable, allow, prefer, require, verify-ca, verify-full");
  EXPECT_EQ(refusal("server.unix_socket_dir", "run"),
            "server.unix_socket_dir: \"run\" is not an absolute path, such as \"/run/pgweir\"");
  EXPECT_EQ(
      refusal("server.listen", "6432"),
      "server.listen: \"6432\" has no port: write host:port, such as \"127.0.0.1:6432\" or \"[::1]:6432\"");
}

TEST(Settings, FindsTheNearestName) {
  EXPECT_EQ(nearest_setting("cache.tll"), "cache.ttl");
  EXPECT_EQ(nearest_setting("cache.ttl_jiter"), "cache.ttl_jitter");
  EXPECT_EQ(nearest_setting("chache.memory"), "cache.memory");
  EXPECT_EQ(nearest_setting("serevr.wrokers"), "server.workers");
  EXPECT_EQ(nearest_setting("server.ttl"), "cache.ttl");
  EXPECT_EQ(nearest_setting("ttl"), "cache.ttl");
  EXPECT_EQ(nearest_setting("something.else"), "");
  EXPECT_EQ(nearest_setting(std::string(100'000, 'x')), "");
  EXPECT_EQ(nearest_setting(""), "");
}

}  // namespace
}  // namespace pgweir::config
