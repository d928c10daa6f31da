#include "config/config.h"

#include <gmock/gmock.h>

namespace pgweir::config {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> findings(std::string_view text, std::vector<Override> overrides = {}) {
  const auto loaded = load(text, "pgweir.toml", overrides);
  std::vector<std::string> lines;
  if (!loaded) {
    for (const Finding& finding : loaded.error()) lines.push_back(finding.to_string());
  }
  return lines;
}

TEST(Config, NothingIsAConfiguration) {
  const auto loaded = load("", "pgweir.toml");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->server.listen, "127.0.0.1:6432");
  EXPECT_EQ(loaded->admin.listen, "127.0.0.1:6433");
  EXPECT_EQ(loaded->upstream.addresses.at(0).port, 5432);
}

TEST(Config, ReadsEveryKindOfValue) {
  const auto loaded = load(R"(
[server]
listen = "0.0.0.0:6432,[::]:6432"   # a comment
workers = 4
message_bytes_max = "64MiB"
drain_timeout = '5m'
[upstream]
url = "postgres://a:1,b:2?sslmode=require"
allow_passwordless_remote = true
[cache]
memory = "1GiB"
ttl = "250ms"
ttl_jitter = 1
[admin]
listen = ""
)",
                           "pgweir.toml");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().front().to_string();
  EXPECT_EQ(loaded->server.listen, "0.0.0.0:6432,[::]:6432");
  EXPECT_EQ(loaded->server.workers, 4u);
  EXPECT_EQ(loaded->server.message_bytes_max, 64u << 20);
  EXPECT_EQ(loaded->server.drain_timeout, 300 * base::kSecond);
  EXPECT_EQ(loaded->upstream.addresses.size(), 2u);
  EXPECT_EQ(loaded->upstream.tls_mode, proxy::TlsMode::kRequire);
  EXPECT_TRUE(loaded->upstream.allow_passwordless_remote);
  EXPECT_EQ(loaded->cache.memory_bytes, 1u << 30);
  EXPECT_EQ(loaded->cache.ttl, 250 * base::kMillisecond);
  EXPECT_EQ(loaded->cache.ttl_jitter, 1.0);
  EXPECT_EQ(loaded->admin.listen, "");
}

TEST(Config, ReportsEverythingThatIsWrongInOrder) {
  EXPECT_THAT(
      findings(R"(ttl = "5m"
[server]
workers = 1000
listen = 6432
sessions_max = 10.5
[cache]
tll = "5m"
ttl = 300
memory = "lots"
entry_bytes_max = [1]
ttl_jitter = "some"
[chache]
[upstream]
allow_passwordless_remote = "yes"
url = "postgres://shop@db"
)"),
      ElementsAre(
          "pgweir.toml:1:1: error: unknown setting \"ttl\"; did you mean cache.ttl?",
          "pgweir.toml:3:11: error: server.workers: \"1000\" is out of range; allowed is a whole number "
          "from 0 to 256",
          "pgweir.toml:4:10: error: server.listen is a whole number; allowed is text, in quotes",
          "pgweir.toml:5:16: error: server.sessions_max is a number; allowed is a whole number from 1 to "
          "100000",
          "pgweir.toml:7:1: error: unknown setting \"cache.tll\"; did you mean cache.ttl?",
          "pgweir.toml:8:7: error: cache.ttl: 300 has no unit; write it in quotes with one, such as "
          "\"300s\"; allowed is a duration from 1ms to 30d",
          "pgweir.toml:9:10: error: cache.memory: \"lots\" is not a size: write a whole number and "
          "one of B, KiB, MiB, GiB, TiB (powers of 1024), kB, MB, GB, TB (powers of 1000), such as "
          "\"64MiB\"; allowed is a size from 1MiB to 1TiB, or a share of the memory there is, from 1% to 90%",
          "pgweir.toml:10:19: error: cache.entry_bytes_max is an array; allowed is a size from 1KiB to "
          "1GiB, in quotes",
          "pgweir.toml:11:14: error: cache.ttl_jitter is text; allowed is a number from 0 to 1",
          "pgweir.toml:12:2: error: unknown section \"chache\"; there are server, upstream, cache, "
          "cache.disk, guard, sync, warm, admin",
          "pgweir.toml:14:29: error: upstream.allow_passwordless_remote is text; allowed is true or false",
          "pgweir.toml:15:7: error: upstream.url: the upstream URL must not have a user: clients bring "
          "their own"));
}

TEST(Config, ReportsUnknownNamesWithTheNearestOne) {
  EXPECT_THAT(findings("[chache]\nttl = \"5m\"\n[x]\ny = 1\n"),
              ElementsAre("pgweir.toml:2:1: error: unknown setting \"chache.ttl\"; did you mean cache.ttl?",
                          "pgweir.toml:4:1: error: unknown setting \"x.y\""));
  EXPECT_THAT(findings("cache = 1\nz = 1\n"),
              ElementsAre("pgweir.toml:1:1: error: cache is a whole number; it must be a table: [cache]",
                          "pgweir.toml:2:1: error: unknown setting \"z\""));
  EXPECT_THAT(
      findings("[cache.ttl]\nx = 1\n"),
      ElementsAre("pgweir.toml:1:1: error: cache.ttl is a table; allowed is a duration from 1ms to 30d, in "
                  "quotes"));
}

TEST(Config, ReadsSectionsWithinSections) {
  const auto loaded =
      load("[cache]\nttl = \"5m\"\n[cache.disk]\npath = \"/a\"\nsize_bytes = \"1GiB\"\n", "pgweir.toml");
  ASSERT_TRUE(loaded) << loaded.error().front().to_string();
  EXPECT_EQ(loaded->cache.disk.path, "/a");
  EXPECT_EQ(loaded->cache.disk.size_bytes, std::uint64_t{1} << 30);
  EXPECT_THAT(
      findings("[cache.disk]\npth = \"/a\"\n"),
      ElementsAre(
          "pgweir.toml:2:1: error: unknown setting \"cache.disk.pth\"; did you mean cache.disk.path?"));
  EXPECT_THAT(findings("[cache]\ndisk = \"/a\"\n"),
              ElementsAre("pgweir.toml:2:1: error: cache.disk is text; it must be a table: [cache.disk]"));
  EXPECT_THAT(findings("[cache]\nmemory = \"32MiB\"\ndisk.path = \"/a\"\n"),
              ElementsAre(testing::HasSubstr("a disk needs 64MiB")));
}

TEST(Config, APermanentSlotNeedsWhatItIsFor) {
  const std::string all =
      "[server]\nstate_dir = \"/s\"\n[cache]\ndisk.path = \"/d\"\n[sync]\nuser = \"u\"\npermanent_slot = "
      "true\n";
  EXPECT_THAT(findings(all), ElementsAre());
  for (const std::string setting : {"state_dir = \"/s\"\n", "disk.path = \"/d\"\n", "user = \"u\"\n"}) {
    std::string less = all;
    less.erase(less.find(setting), setting.size());
    EXPECT_THAT(findings(less), ElementsAre(testing::HasSubstr("sync.permanent_slot needs "))) << setting;
  }
}

TEST(Config, WarmUpNeedsWhatItIsFor) {
  const std::string all =
      "[server]\nstate_dir = \"/s\"\nready_when = \"warm\"\n[warm]\nuser = \"u\"\nrecord = true\n";
  EXPECT_THAT(findings(all), ElementsAre());
  std::string less = all;
  less.erase(less.find("state_dir"), 17);
  EXPECT_THAT(findings(less), ElementsAre(testing::HasSubstr("warm.user needs server.state_dir")));
  EXPECT_THAT(findings("[warm]\nrecord = true\n"),
              ElementsAre(testing::HasSubstr("warm.record needs warm.user")));
  EXPECT_THAT(findings("[server]\nready_when = \"warm\"\n"),
              ElementsAre(testing::HasSubstr("server.ready_when = \"warm\" needs warm.user")));
}

TEST(Config, ReportsRepeatedKeysAndBrokenText) {
  EXPECT_THAT(
      findings("[cache]\nttl = \"5m\"\nttl = \"6m\"\n"),
      ElementsAre("pgweir.toml:3:7: error: not TOML: Error while parsing key-value pair: cannot redefine "
                  "existing string 'ttl'"));
  EXPECT_THAT(
      findings("[cache]\n[cache]\n"),
      ElementsAre("pgweir.toml:2:1: error: not TOML: Error while parsing table header: cannot redefine "
                  "existing table 'cache'"));
  EXPECT_THAT(
      findings("[cache\n"),
      ElementsAre("pgweir.toml:1:7: error: not TOML: Error while parsing table header: expected ']', saw "
                  "'\\n'"));
  EXPECT_THAT(
      findings("[cache]\nttl = 5m\n"),
      ElementsAre("pgweir.toml:2:8: error: not TOML: Error while parsing decimal integer: expected digit, "
                  "saw 'm'; a value with a unit stands in quotes, such as \"5m\""));
  EXPECT_THAT(findings("[cache]\nttl = 5"), ElementsAre(testing::HasSubstr("5 has no unit")));
}

// Where the parser asks whether a code point is whitespace; a sanitizer build shows what it does.
TEST(Config, ForeignCodePointsAreNoDanger) {
  EXPECT_THAT(findings("\u044a#"), ElementsAre(testing::HasSubstr("not TOML: ")));
  EXPECT_THAT(findings("[\u033a]"), ElementsAre(testing::HasSubstr("not TOML: ")));
  EXPECT_THAT(findings("[server] # caf\u00e9\nstate_dir = \"\"\"\\\n\u00a7\"\"\"\n"), ElementsAre());
  EXPECT_THAT(findings("[&"), ElementsAre(testing::HasSubstr("not TOML: ")));
}

TEST(Config, RefusesTextThatIsTooLong) {
  EXPECT_THAT(findings(std::string((1 << 20) + 1, '\n')),
              ElementsAre("pgweir.toml:1:1: error: longer than 1MiB"));
}

TEST(Config, RefusesSettingsThatContradictEachOther) {
  EXPECT_THAT(
      findings("[server]\ntls_key = \"k\"\n"),
      ElementsAre("pgweir.toml:2:11: error: server.tls_cert and server.tls_key go together: give both or "
                  "neither"));
  EXPECT_THAT(
      findings("[cache]\nmemory = \"2MiB\"\n"),
      ElementsAre("pgweir.toml:2:10: error: cache.entry_bytes_max is 1MiB and cache.memory 2MiB: four "
                  "of the largest entries must fit"));
  EXPECT_THAT(
      findings("[admin]\nlisten = \"127.0.0.1:6432\"\n"),
      ElementsAre("pgweir.toml:2:10: error: admin.listen and server.listen are both \"127.0.0.1:6432\": "
                  "they need ports of their own"));
  EXPECT_THAT(
      findings("[upstream]\ntls_mode = \"verify-ca\"\ntls_cert = \"c\"\n"),
      ElementsAre("pgweir.toml:3:12: error: the upstream's client certificate and its key (tls_cert and "
                  "tls_key, in a URL sslcert and sslkey) go together: give both or neither"));
}

TEST(Config, DoesNotBlameASettingForTheErrorOfAnother) {
  EXPECT_THAT(
      findings("[server]\ntls_cert = \"c\"\ntls_key = 1\n"),
      ElementsAre("pgweir.toml:3:11: error: server.tls_key is a whole number; allowed is text, in quotes"));
}

TEST(Config, FlagsWinOverTheFile) {
  const std::vector<Override> overrides{{"--listen", "server.listen", "localhost:1"},
                                        {"--workers", "server.workers", "3"},
                                        {"--upstream", "upstream.url", "postgres://flag:9"}};
  const auto loaded =
      load("[server]\nlisten=\"localhost:2\"\n[upstream]\nurl=\"postgres://file?sslmode=require\"\n",
           "pgweir.toml", overrides);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().front().to_string();
  EXPECT_EQ(loaded->server.listen, "localhost:1");
  EXPECT_EQ(loaded->server.workers, 3u);
  EXPECT_EQ(loaded->upstream.addresses.at(0).host, "flag");
  EXPECT_EQ(loaded->upstream.tls_mode, proxy::TlsMode::kRequire);
}

TEST(Config, FindingsAboutFlagsNameThem) {
  EXPECT_THAT(
      findings("", {{"--workers", "server.workers", "many"}, {"--admin", "admin.listen", "127.0.0.1:6432"}}),
      ElementsAre("--workers: error: server.workers: \"many\" is not a whole number; allowed is a whole "
                  "number from 0 to 256",
                  "--admin: error: admin.listen and server.listen are both \"127.0.0.1:6432\": they need "
                  "ports of their own"));
}

}  // namespace
}  // namespace pgweir::config
