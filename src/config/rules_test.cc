#include "query/rules.h"

#include <gmock/gmock.h>

#include "config/config.h"

namespace pgweir::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> findings(std::string_view text) {
  const auto loaded = load(text, "f");
  std::vector<std::string> lines;
  if (!loaded) {
    for (const Finding& finding : loaded.error()) lines.push_back(finding.to_string());
  }
  return lines;
}

TEST(RuleTables, AreReadInTheirOrder) {
  const auto loaded = load(R"toml(
[cache]
ttl = "10s"
[[rule]]
name = "prices"
template = "00ff00ff00ff00ff"
relation = "public.item"
regex = "(?i)from item"
ttl = "5m"
accept_ttl = true
stale_while_revalidate = "1m"
stale_if_error = "2m"
trust = ["public.tax(numeric, int4)", "pg_catalog.to_char"]
[[rule]]
name = "audit"
relation = "public.audit.log"
bypass = true
)toml",
                           "f");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().front().to_string();
  ASSERT_EQ(loaded->rules.size(), 2U);
  const query::RuleConfig& prices = loaded->rules[0];
  EXPECT_EQ(prices.name, "prices");
  EXPECT_EQ(prices.fingerprint, 0x00ff00ff00ff00ffU);
  EXPECT_EQ(prices.relation, (query::Name{"public", "item"}));
  EXPECT_EQ(prices.regex, "(?i)from item");
  EXPECT_EQ(prices.ttl, 300 * base::kSecond);
  EXPECT_TRUE(prices.accept_ttl);
  EXPECT_EQ(prices.stale_while_revalidate, 60 * base::kSecond);
  EXPECT_EQ(prices.stale_if_error, 120 * base::kSecond);
  EXPECT_FALSE(prices.bypass);
  ASSERT_EQ(prices.trust.size(), 2U);
  EXPECT_EQ(prices.trust[0].arguments, "numeric, integer");
  EXPECT_EQ(loaded->rules[1].relation, (query::Name{"public", "audit.log"}));
  EXPECT_TRUE(loaded->rules[1].bypass);
  EXPECT_TRUE(query::Rules::make(loaded->rules));
}

TEST(RuleTables, UnknownNamesHaveTheNearestBesideThem) {
  EXPECT_THAT(findings("[[rule]]\nname = \"a\"\nrelatoin = \"a.b\"\nttl = \"1s\"\n"),
              ElementsAre("f:3:1: error: unknown setting \"relatoin\" of a rule; did you mean relation?"));
  EXPECT_THAT(findings("[[rule]]\nname = \"a\"\nregex = \"x\"\nsurprise = \"1s\"\nttl = \"1s\"\n"),
              ElementsAre("f:4:1: error: unknown setting \"surprise\" of a rule"));
}

TEST(RuleTables, RefusalsSayWhereAndWhatIsAllowed) {
  const std::string start = "[[rule]]\nname = \"a\"\nbypass = true\n";
  EXPECT_THAT(
      findings(start + "regex = \"(\"\n"),
      ElementsAre(
          "f:4:9: error: rule.regex \"(\": missing ): (; allowed is a regular expression as of RE2 of up "
          "to 1024 bytes, in quotes"));
  EXPECT_THAT(
      findings(start + "template = \"00ff\"\n"),
      ElementsAre(
          "f:4:12: error: rule.template is \"00ff\"; allowed is a fingerprint of 16 hexadecimal digits, in "
          "quotes"));
  EXPECT_THAT(findings(start + "relation = \"item\"\n"),
              ElementsAre("f:4:12: error: rule.relation is \"item\"; allowed is \"schema.table\""));
  EXPECT_THAT(
      findings("[[rule]]\nname = \"a\"\nregex = \"x\"\nttl = 60\n"),
      ElementsAre(
          "f:4:7: error: rule.ttl is a whole number; allowed is a duration from 1ms to 30d, in quotes"));
  EXPECT_THAT(findings("[[rule]]\nname = \"a\"\nregex = \"x\"\nttl = \"31d\"\n"),
              ElementsAre("f:4:7: error: rule.ttl \"31d\" is out of range; allowed is a duration from 1ms to "
                          "30d, in quotes"));
  EXPECT_THAT(
      findings("[[rule]]\nname = \"a b\"\nregex = \"x\"\nttl = \"1s\"\n"),
      ElementsAre(
          "f:2:8: error: rule.name is \"a b\"; allowed is 1 to 63 letters, digits, '_', '-' and '.', in "
          "quotes"));
  EXPECT_THAT(
      findings("[[rule]]\nname = \"a\"\nregex = \"x\"\ntrust = [\"pg_catalog.current_setting\"]\n").size(),
      1U);
  EXPECT_THAT(
      findings("[[rule]]\nname = \"a\"\nregex = \"x\"\ntrust = [1]\n"),
      ElementsAre(
          "f:4:9: error: rule.trust holds a whole number; allowed is a list of \"schema.function(argument "
          "types)\""));
}

TEST(RuleTables, ARuleNeedsAName_AMatchAndSomethingToDo) {
  EXPECT_THAT(findings("[[rule]]\nregex = \"x\"\nttl = \"1s\"\n"),
              ElementsAre("f:1:1: error: a rule has no name; give it one, such as name = \"prices\""));
  EXPECT_THAT(findings("[[rule]]\nname = \"a\"\nttl = \"1s\"\n"),
              ElementsAre("f:1:1: error: rule \"a\" matches nothing; give template, relation or regex"));
  EXPECT_THAT(findings("[[rule]]\nname = \"a\"\nregex = \"x\"\nbypass = false\n"),
              ElementsAre("f:1:1: error: rule \"a\" does nothing; give ttl, stale_while_revalidate, "
                          "stale_if_error, bypass, accept_ttl or trust"));
  EXPECT_THAT(findings("[[rule]]\nname = \"a\"\nregex = \"x\"\nbypass = true\nttl = \"1s\"\n"),
              ElementsAre("f:1:1: error: rule \"a\" has bypass and so keeps nothing: take out ttl, "
                          "stale_while_revalidate, stale_if_error, accept_ttl and trust"));
  EXPECT_THAT(
      findings(
          "[[rule]]\nname = \"a\"\nregex = \"x\"\nttl = \"1s\"\n[[rule]]\nname = \"a\"\nregex = \"y\"\nttl = "
          "\"1s\"\n"),
      ElementsAre("f:5:1: error: there are two rules \"a\"; names tell them apart"));
}

TEST(RuleTables, AreTablesAndNotTooMany) {
  EXPECT_THAT(findings("[rule]\nname = \"a\"\n"),
              ElementsAre("f:1:2: error: rule is a table; each rule is a table of its own: [[rule]]"));
  EXPECT_THAT(findings("rule = [1]\n"),
              ElementsAre("f:1:1: error: rule is an array; each rule is a table of its own: [[rule]]"));
  std::string text;
  for (std::size_t i = 0; i < query::Rules::kCountMax; ++i)
    text += "[[rule]]\nname = \"r" + std::to_string(i) + "\"\nregex = \"x\"\nttl = \"1s\"\n";
  EXPECT_THAT(findings(text), IsEmpty());
  EXPECT_EQ(findings(text + "[[rule]]\n").size(), 1U);
}

}  // namespace
}  // namespace pgweir::config
