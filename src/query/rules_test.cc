#include "query/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "query/judge.h"
#include "query/scan.h"
#include "query/statement_table.h"
#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Oid kItems = 16400, kLogless = 16401, kForeign = 16402, kMatview = 16403, kView = 16410;

TestCatalog shop(std::uint64_t version = 1) {
  TestCatalog c(version);
  c.table({.oid = kItems, .name = "items"}).table({.oid = kLogless, .name = "logless", .persistence = 'u'});
  c.table({.oid = kForeign, .name = "far_away", .kind = 'f'});
  c.view(kMatview, "mat", " SELECT items.id FROM public.items;", 'm');
  c.view(kView, "cheap", " SELECT items.id FROM public.items;");
  c.view(16411, "logless_view", " SELECT l.id FROM public.logless l, public.mat m;");
  c.view(16412, "risky_view", " SELECT public.tax(l.id) AS t FROM public.logless l;");
  c.view(16413, "nested_view", " SELECT v.id FROM public.logless_view v;");
  c.table({.oid = 16420, .name = "secured", .row_security = true});
  c.table({.oid = 16421, .name = "ruled", .rules = true});
  c.table({.oid = 16422, .name = "seq", .kind = 'S'});
  c.table({.oid = 16423, .name = "secured_logless", .persistence = 'u', .row_security = true});
  c.table({.oid = 16424, .name = "clocks"}).column(16424, kTestTimetz);
  c.table({.oid = 1259, .name = "pg_class", .schema = "pg_catalog"});
  c.type({.oid = 17001, .name = "vector", .schema = "public", .code = true});
  c.function("tax", ' ', true, false, true).overload("public", "tax", "numeric");
  c.overload("public", "tax", "integer, text").overload("other", "tax", "numeric");
  c.function("lower", 'i', true, false, true).overload("public", "lower", "text");
  c.function("full_name", ' ', true, true, true).overload("public", "full_name", "public.items");
  c.operators("%%", ' ', true, false, true);
  return c;
}

std::vector<TrustedFunction> trusting(const std::vector<std::string>& texts) {
  std::vector<TrustedFunction> out;
  for (const std::string& text : texts) {
    auto function = parse_trusted_function(text);
    EXPECT_TRUE(function) << text;
    if (function) out.push_back(std::move(*function));
  }
  return out;
}

std::string refusal(std::string_view text) {
  const auto function = parse_trusted_function(text);
  return function ? "accepted" : function.error().message;
}

class RulesTest : public testing::Test {
 protected:
  Verdict judge_sql(std::string_view sql, std::vector<RuleConfig> list,
                    const std::vector<std::string>& path = {"public"}) {
    const auto syntax = parse(sql);
    EXPECT_TRUE(syntax) << sql;
    const auto rules = Rules::make(std::move(list));
    EXPECT_TRUE(rules);
    if (!syntax || !rules) return {};
    const Rules::Candidates candidates = (*rules)->candidates(sql);
    const Scan scanned = scan(sql, {});
    return judge(**syntax, *catalog_, SearchPath(path), scanned.time_word,
                 {rules->get(), candidates, scanned.hint});
  }
  Reason reason_of(std::string_view sql, const RuleConfig& rule,
                   const std::vector<std::string>& path = {"public"}) {
    return judge_sql(sql, {rule}, path).reason;
  }
  static RuleConfig rule(const std::string& regex = ".") { return {.name = "r", .regex = regex}; }

  std::shared_ptr<const Catalog> catalog_ = shop().build();
};

TEST_F(RulesTest, TheFirstThatMatchesApplies) {
  RuleConfig first = rule("where id = \\$"), second = rule("(?i)FROM items"), third = rule();
  first.ttl = 1, second.ttl = 2, third.ttl = 3;
  EXPECT_EQ(judge_sql("select * from items where id = 7", {first, second, third}).rule, 0);
  EXPECT_EQ(judge_sql("select * from items where id = 7", {first, second, third}).ttl, 1);
  EXPECT_EQ(judge_sql("select * /* where id = $1 */ from items", {first, second, third}).rule, 1);
  EXPECT_EQ(judge_sql("select * from cheap", {first, second, third}).ttl, 3);
  const Verdict none = judge_sql("select * from cheap", {first, second});
  EXPECT_EQ(none.rule, Verdict::kNoRule);
  EXPECT_EQ(none.ttl, 0);
}

TEST_F(RulesTest, MatchesByFingerprint) {
  RuleConfig one = rule("");
  one.fingerprint = fingerprint("select * from items where id in (1, 2)");
  ASSERT_TRUE(one.fingerprint);
  one.bypass = true;
  EXPECT_EQ(reason_of("SELECT *\nFROM items WHERE id IN (7)", one), Reason::kRule);
  EXPECT_EQ(judge_sql("select * from items where id in (7)", {one}).detail, "r");
  EXPECT_EQ(reason_of("select * from items where price in (7)", one), Reason::kNone);
}

TEST_F(RulesTest, MatchesByRelationThroughViews) {
  RuleConfig one = rule("");
  one.relation = Name{"public", "items"};
  one.bypass = true;
  EXPECT_EQ(reason_of("select * from items", one), Reason::kRule);
  EXPECT_EQ(reason_of("select 1 from (select id from cheap) x", one), Reason::kRule);
  one.relation = Name{"public", "cheap"};
  EXPECT_EQ(reason_of("select * from items", one), Reason::kNone);
  EXPECT_EQ(reason_of("select * from cheap", one), Reason::kRule);
  one.relation = Name{"other", "items"};
  EXPECT_EQ(reason_of("select * from items", one), Reason::kNone);
}

TEST_F(RulesTest, AllPartsOfAMatchMustHold) {
  RuleConfig one = rule("where");
  one.relation = Name{"public", "items"};
  one.fingerprint = fingerprint("select * from items where id = 1");
  one.bypass = true;
  EXPECT_EQ(reason_of("select * from items where id = 3", one), Reason::kRule);
  EXPECT_EQ(reason_of("select * from items", one), Reason::kNone);
  RuleConfig other = one;
  other.regex = "order by";
  EXPECT_EQ(reason_of("select * from items where id = 3", other), Reason::kNone);
  other = one;
  other.relation = Name{"public", "logless"};
  EXPECT_EQ(reason_of("select * from items where id = 3", other), Reason::kNone);
}

// A statement for each reason. What no list below names must stay, whatever a rule and a hint say.
TEST_F(RulesTest, LiftsNothingButTheClosedLists) {
  using enum Reason;
  const std::map<Reason, const char*> statements = {
      {kNotRead, "update items set id = 1"},
      {kMultiStatement, "select * from items; select * from logless"},
      {kNoTable, "select 1"},
      {kUnknownRelation, "select * from nowhere"},
      {kSystemCatalog, "select * from pg_class"},
      {kTempRelation, "select * from pg_temp.items"},
      {kUnloggedRelation, "select * from logless"},
      {kForeignTable, "select * from far_away"},
      {kView, "select * from risky_view"},
      {kMaterializedView, "select * from mat"},
      {kRowSecurity, "select * from secured"},
      {kRewriteRule, "select * from ruled"},
      {kVolatileFunction, "select now() from items"},
      {kUserFunction, "select tax(id) from items"},
      {kUserType, "select id::vector from items"},
      {kTimeLiteral, "select * from clocks"},
      {kTimeFunction, "select current_date from items"},
      {kSessionFunction, "select current_user from items"},
      {kLocking, "select * from items for update"},
      {kDataModifyingCte, "with x as (delete from items returning id) select * from x"},
      {kTablesample, "select * from items tablesample system (10)"},
      {kSequence, "select * from seq"},
      {kUnsupportedSyntax, "select ctid from items"},
  };
  RuleConfig all = rule();
  all.ttl = base::kSecond;
  all.accept_ttl = true;
  all.trust = trusting({"public.tax", "other.tax", "pg_catalog.now", "pg_catalog.random"});
  RuleConfig only_ttl = rule();
  only_ttl.ttl = base::kSecond;
  const std::set<Reason> by_accept_ttl = {kUnloggedRelation, kForeignTable, kMaterializedView};
  const std::set<Reason> by_trust = {kUserFunction, kVolatileFunction};
  // Not of a statement: a rule or hint says so, or the parser never saw it.
  const std::set<Reason> others = {kNone, kUnparsable, kUnsafeEncoding, kRule, kHint, kBadHint};
  for (int i = 0; i < kReasonCount; ++i) {
    const auto reason = static_cast<Reason>(i);
    if (others.contains(reason)) continue;
    ASSERT_TRUE(statements.contains(reason)) << reason_name(reason);
    const std::string sql = statements.at(reason);
    EXPECT_EQ(reason_of(sql, {.name = "r", .regex = "no such text"}), reason) << sql;
    const bool by_rule = by_accept_ttl.contains(reason) || by_trust.contains(reason);
    EXPECT_EQ(reason_of(sql, all), by_rule ? kNone : reason) << sql;
    EXPECT_EQ(reason_of(sql + " /* pgweir: accept_ttl ttl=1s */", rule()),
              by_accept_ttl.contains(reason) ? kNone : reason)
        << sql;
    EXPECT_EQ(reason_of(sql, only_ttl), reason) << sql;
  }
}

TEST_F(RulesTest, AWarningOfAViewIsLiftedOnlyIfItsWholeTreeIs) {
  RuleConfig one = rule();
  one.accept_ttl = true;
  one.trust = trusting({"public.tax", "other.tax"});
  EXPECT_EQ(reason_of("select * from logless_view", one), Reason::kNone);
  EXPECT_EQ(reason_of("select * from nested_view", one), Reason::kNone);
  EXPECT_EQ(reason_of("select * from risky_view", one), Reason::kView);  // trust is not for what views call
  EXPECT_EQ(reason_of("select * from secured_logless", one), Reason::kRowSecurity);
  EXPECT_EQ(reason_of("select * from logless, secured", one), Reason::kRowSecurity);
  EXPECT_EQ(reason_of("select current_user from logless", one), Reason::kSessionFunction);
  EXPECT_EQ(reason_of("select * from logless for share", one), Reason::kLocking);
}

TEST_F(RulesTest, TrustIsForEveryOverloadThatACallMayMean) {
  RuleConfig one = rule();
  one.trust = trusting({"public.tax(numeric)"});
  EXPECT_EQ(reason_of("select tax(id) from items", one), Reason::kUserFunction);
  EXPECT_EQ(reason_of("select public.tax(id) from items", one), Reason::kUserFunction);
  one.trust = trusting({"public.tax(numeric)", "public.tax( int4 , text )"});
  EXPECT_EQ(reason_of("select tax(id) from items", one), Reason::kNone);
  EXPECT_EQ(reason_of("select public.tax(id) from items", one), Reason::kNone);
  EXPECT_EQ(reason_of("select other.tax(id) from items", one), Reason::kUserFunction);
  EXPECT_EQ(reason_of("select tax(id) from public.items", one, {"other", "public"}), Reason::kUserFunction);
  EXPECT_EQ(reason_of("select tax(id) from public.items", one, {"nowhere"}), Reason::kUserFunction);
  EXPECT_EQ(reason_of("select no_such(id) from items", one), Reason::kUserFunction);
  EXPECT_EQ(reason_of("select id %% 2 from items", one), Reason::kUserFunction);
  EXPECT_FALSE(judge_sql("select tax(id) from items", {one}).effects.writes_everything);
  EXPECT_TRUE(judge_sql("select tax(id), other.tax(id) from items", {one}).effects.writes_everything);
  EXPECT_TRUE(judge_sql("insert into items select tax(id) from items", {one}).effects.writes_everything);
}

TEST_F(RulesTest, TrustIsForTheBuiltInFunctionsNamed) {
  RuleConfig one = rule();
  one.trust = trusting({"pg_catalog.now", "public.random"});
  EXPECT_EQ(reason_of("select now() from items", one), Reason::kNone);
  EXPECT_EQ(reason_of("select pg_catalog.now() from items", one), Reason::kNone);
  EXPECT_EQ(reason_of("select random() from items", one), Reason::kVolatileFunction);
  EXPECT_EQ(reason_of("select now(), random() from items", one), Reason::kVolatileFunction);
}

TEST_F(RulesTest, TrustOfWhatHidesABuiltInOneAndOfFields) {
  RuleConfig one = rule();
  EXPECT_EQ(reason_of("select lower(id) from items", one), Reason::kUserFunction);
  EXPECT_EQ(reason_of("select i.full_name from items i", one), Reason::kUserFunction);
  one.trust = trusting({"public.lower(text)", "public.full_name(public.items)"});
  EXPECT_EQ(reason_of("select lower(id) from items", one), Reason::kNone);
  EXPECT_EQ(reason_of("select i.full_name from items i", one), Reason::kNone);
}

TEST_F(RulesTest, TrustedFunctionsAreReadAsPostgresWritesThem) {
  EXPECT_EQ(trusting({" s.f( INT , varchar[],double  precision,s.\"My Type\" ) "}).at(0),
            (TrustedFunction{{"s", "f"}, "integer, character varying[], double precision, s.\"My Type\""}));
  EXPECT_EQ(trusting({"s.f()"}).at(0), (TrustedFunction{{"s", "f"}, ""}));
  EXPECT_EQ(trusting({"s.f"}).at(0), (TrustedFunction{{"s", "f"}, std::nullopt}));
  for (const char* text :
       {"", "f", "f(int)", ".f", "s.", "s.f(", "s.f)", "s.f(int", "s.f(int))", "s.f(numeric(10,2))",
        "s.f(int,)", "s.f(,)", "information_schema._pg_char_max_length", "pg_temp.f"})
    EXPECT_NE(refusal(text), "accepted") << text;
  EXPECT_EQ(refusal("pg_catalog.to_char"), "accepted");
  EXPECT_EQ(refusal("pg_catalog.to_char(text)"),
            "built-in functions go by name: write \"pg_catalog.to_char\"");
  for (const char* name : {"current_setting", "set_config", "current_user", "session_user", "current_schema",
                           "has_table_privilege", "pg_has_role", "row_security_active", "nextval", "currval",
                           "lastval", "txid_current", "pg_backend_pid", "query_to_xml", "pg_advisory_lock",
                           "inet_client_addr", "current_database", "pg_sleep", "lo_get"})
    EXPECT_NE(refusal(std::string("pg_catalog.") + name), "accepted") << name;
}

TEST_F(RulesTest, AHintWinsOverARulesTtlAndNeverLiftsItsBypass) {
  RuleConfig one = rule();
  one.ttl = base::kSecond;
  EXPECT_EQ(judge_sql("select * from items /* pgweir: ttl=60s */", {one}).ttl, 60 * base::kSecond);
  EXPECT_EQ(judge_sql("select * from items /* pgweir: accept_ttl */", {one}).ttl, base::kSecond);
  EXPECT_EQ(reason_of("select * from items /* pgweir: bypass */", one), Reason::kHint);
  EXPECT_EQ(reason_of("select * from items /* pgweir: bypas */", one), Reason::kBadHint);
  EXPECT_EQ(reason_of("select * from secured /* pgweir: bypas */", one), Reason::kBadHint);
  EXPECT_EQ(reason_of("update items set id = 1 /* pgweir: bypas */", one), Reason::kNotRead);
  RuleConfig away = rule();
  away.bypass = true;
  EXPECT_EQ(reason_of("select * from items /* pgweir: ttl=60s */", away), Reason::kRule);
  EXPECT_EQ(reason_of("select * from secured", away), Reason::kRowSecurity);
}

TEST_F(RulesTest, RegularExpressionsAreRe2s) {
  EXPECT_TRUE(check_regex("^select .* from \"?items"));
  EXPECT_FALSE(check_regex("("));
  EXPECT_FALSE(check_regex("(a)\\1"));                // would not be linear
  EXPECT_FALSE(check_regex("((a{100}){100}){100}"));  // too large
  EXPECT_FALSE(Rules::make({rule("(")}));
  EXPECT_EQ(Rules::make(std::vector<RuleConfig>(Rules::kCountMax + 1, rule())).error().code,
            base::ErrorCode::kLimit);
}

TEST_F(RulesTest, NewRulesAreLookedForInTemplatesKnownBefore) {
  constexpr base::HashSecret kSecret{3, 4};
  const SearchPath path({"public"});
  StatementTable table({});
  const std::string sql = "select * from items where id = 1";
  const auto reason = [&] { return table.verdict(sql, scan(sql, kSecret), *catalog_, path).reason; };
  EXPECT_EQ(reason(), Reason::kNone);
  RuleConfig away = rule("where");
  away.bypass = true;
  const std::uint64_t version = table.version();
  table.set_rules(*Rules::make({away}));
  EXPECT_NE(table.version(), version);
  EXPECT_EQ(reason(), Reason::kRule);
  EXPECT_EQ(reason(), Reason::kRule);
  EXPECT_EQ(table.stats().judged, 2U);
  table.set_rules(nullptr);
  EXPECT_EQ(reason(), Reason::kNone);
  EXPECT_EQ(table.stats().parsed, 1U);
}

TEST_F(RulesTest, CandidatesAreWhatTheTemplateAllows) {
  RuleConfig by_relation = rule("");
  by_relation.relation = Name{"public", "items"};
  const auto rules = Rules::make({rule("nothing like it"), by_relation, rule("items")});
  ASSERT_TRUE(rules);
  EXPECT_THAT((*rules)->candidates("select * from items"), ElementsAre(1, 2));
  EXPECT_THAT((*rules)->candidates("select 1"), ElementsAre(1));
  EXPECT_THAT((*Rules::make({}))->candidates("select 1"), IsEmpty());
}

}  // namespace
}  // namespace pgweir::query
