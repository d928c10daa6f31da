#include "query/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "query/scan.h"
#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Oid kItems = 16400, kOrders = 16401, kLines = 16402, kView = 16410, kBadView = 16411,
              kNestedView = 16412;
constexpr Oid kParted = 16420, kPart1 = 16421, kPart2 = 16422, kSub = 16423;
constexpr Oid kTriggered = 16430, kSecured = 16431, kRuled = 16432, kLogless = 16433, kForeign = 16434,
              kSeq = 16435;
constexpr Oid kMatview = 16436, kMoods = 16437, kCodeTyped = 16438, kMatviewOfCode = 16439, kOther = 16440;
constexpr Oid kTimetzTable = 16441, kRegTable = 16442, kNotifying = 16443, kConfiguring = 16444,
              kSelf = 16445;
constexpr Oid kMood = 17000, kVector = 17001, kEmail = 17002, kPercent = 17003;

TestCatalog shop() {
  TestCatalog c;
  c.table({.oid = kItems, .name = "items"})
      .table({.oid = kOrders, .name = "orders"})
      .table({.oid = kLines, .name = "lines"});
  c.table({.oid = kOther, .name = "items", .schema = "other"});
  c.foreign_key(kOrders, kLines, 'c', 'a').foreign_key(kItems, kLines, 'a', 'n');
  c.table({.oid = kSelf, .name = "tree"})
      .foreign_key(kSelf, kSelf, 'c', 'a')
      .foreign_key(kSelf, kOrders, 'a', 'c');
  c.view(kView, "cheap_items", " SELECT items.id FROM public.items WHERE (items.price < (10)::numeric);");
  c.view(kBadView, "risky", " SELECT public.spy() AS spy FROM public.items;");
  c.view(kNestedView, "nested", " SELECT now() AS now, c.id FROM public.cheap_items c;");
  c.view(kMatview, "mat", " SELECT items.id FROM public.items;", 'm');
  c.view(kMatviewOfCode, "mat_code", " SELECT public.spy() AS spy FROM public.items;", 'm');
  c.table({.oid = kParted, .name = "parted", .kind = 'p'}).table({.oid = kPart1, .name = "part1"});
  c.table({.oid = kPart2, .name = "part2", .kind = 'p'}).table({.oid = kSub, .name = "sub"});
  c.inherits(kParted, kPart1).inherits(kParted, kPart2).inherits(kPart2, kSub).inherits(kParted, 99999);
  c.table({.oid = kTriggered, .name = "triggered"}).code('w', kTriggered);
  c.table({.oid = kSecured, .name = "secured", .row_security = true}).code('r', kSecured).code('w', kSecured);
  c.table({.oid = kRuled, .name = "ruled", .rules = true});
  c.table({.oid = kLogless, .name = "logless", .persistence = 'u'});
  c.table({.oid = kForeign, .name = "far_away", .kind = 'f'})
      .table({.oid = kSeq, .name = "seq", .kind = 'S'});
  c.type({.oid = kMood, .name = "mood", .schema = "public", .kind = 'e'});
  c.type({.oid = kVector, .name = "vector", .schema = "public", .code = true});
  c.type({.oid = kEmail, .name = "email", .schema = "public", .kind = 'd', .base = kTestText})
      .code('t', kEmail);
  c.type({.oid = kPercent, .name = "percent", .schema = "public", .kind = 'd', .base = kTestText});
  c.table({.oid = kMoods, .name = "moods"}).column(kMoods, kMood);
  c.table({.oid = kCodeTyped, .name = "vectors"}).column(kCodeTyped, kVector);
  c.table({.oid = kTimetzTable, .name = "clocks"}).column(kTimetzTable, kTestTimetz);
  c.table({.oid = kRegTable, .name = "regs"}).column(kRegTable, kTestRegclass);
  c.table({.oid = kNotifying, .name = "notifying"}).stored_call('w', kNotifying, "nextval");
  c.table({.oid = kConfiguring, .name = "configuring"}).stored_call('w', kConfiguring, "set_config");
  c.function("spy", ' ', true, false, true).function("full_name", ' ', true, true, false);
  c.function("distance", ' ', true, false, false).function("left_pad", 'i', true, false, true);
  c.operators("%%", ' ', true, false, true).operators("<->", ' ', false, true, false);
  c.function("max", 'i', false, false, false, true).operators("*", 'i', false, false, false, true);
  c.operators("^", 'i', true, false, false).operators("#", 'i', false, true, false);
  return c;
}

class Judge : public testing::Test {
 protected:
  Verdict judge_sql(std::string_view sql, const std::vector<std::string>& path = {"public"}) {
    const auto syntax = parse(sql);
    EXPECT_TRUE(syntax) << sql;
    if (!syntax) return {};
    return judge(**syntax, *catalog_, SearchPath(path), scan(sql, {}).time_word);
  }
  std::shared_ptr<const Catalog> catalog_ = shop().build();
};

TEST_F(Judge, Cacheable) {
  for (const char* sql :
       {"select * from items",
        "table items",
        "select i.id, count(*) from items i group by 1 having count(*) > 1",
        "select * from items where id = $1 limit 10 offset 5",
        "select upper(name) || 'x' from items where price between 1 and 2",
        "with x as (select id from items) select * from x join orders using (id)",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 10) select * from r, "
        "items",
        "select id from items union all select id from orders order by 1",
        "select * from items where id in (select id from orders)",
        "select case id when 1 then 2 end, coalesce(a, b), nullif(a, b), greatest(a, b) from items",
        "select row_number() over (partition by a order by b) from items",
        "select '2020-01-01'::date, id::text from items",
        "select array[1, 2], (array[a])[1], row(a, b) from items",
        "select * from items where name like 'a%' and b is not null",
        "select $1::timestamptz from items",
        "select * from cheap_items",
        "select * from parted",
        "select * from moods",
        "values ((select max(id) from items))",
        "select a similar to 'b' from items",
        "select items.id::int8::numeric from items"}) {
    const Verdict v = judge_sql(sql);
    EXPECT_EQ(v.reason, Reason::kNone) << sql << ": " << reason_name(v.reason) << " " << v.detail;
    EXPECT_TRUE(v.harmless) << sql;
    EXPECT_FALSE(v.effects.writes_everything) << sql;
    EXPECT_FALSE(v.reads.empty()) << sql;
  }
}

TEST_F(Judge, NeverCachedAndWhy) {
  using enum Reason;
  const std::vector<std::pair<const char*, Reason>> cases = {
      {"select 1", kNoTable},
      {"select 1 from nowhere", kUnknownRelation},
      {"select 1 from db.public.items", kUnknownRelation},
      {"select * from pg_class", kSystemCatalog},
      {"select * from items join pg_catalog.pg_class on true", kSystemCatalog},
      {"select * from pg_temp.items", kTempRelation},
      {"select * from logless", kUnloggedRelation},
      {"select * from far_away", kForeignTable},
      {"select * from risky", kView},
      {"select * from nested", kView},
      {"select * from mat", kMaterializedView},
      {"select * from secured", kRowSecurity},
      {"select * from ruled", kRewriteRule},
      {"select now(), id from items", kVolatileFunction},
      {"select random() from items", kVolatileFunction},
      {"select to_char(a, 'x') from items", kVolatileFunction},
      {"select spy() from items", kUserFunction},
      {"select left_pad(a) from items", kUserFunction},
      {"select public.upper(a) from items", kUserFunction},
      {"select i.full_name from items i", kUserFunction},
      {"select (i).full_name from items i", kUserFunction},
      {"select no_such(a) from items", kUserFunction},
      {"select a %% b from items", kUserFunction},
      {"select a ^ b from items", kUserFunction},
      {"select a # b from moods", kUserFunction},
      {"select max(a) from moods", kUserFunction},
      {"select a * 'x' from items", kUserFunction},
      {"select a * $1 from items", kUserFunction},
      {"select a operator(public.=) b from items", kUserFunction},
      {"select * from vectors", kUserType},
      {"select a::mood from items", kUserType},
      {"select a::public.text from items", kUserType},
      {"select a::nosuch from items", kUserType},
      {"select * from items where d > 'now'", kTimeLiteral},
      {"select a::date from items", kTimeLiteral},
      {"select ('no' || 'w')::timestamptz from items", kTimeLiteral},
      {"select a::timestamptz[] from items", kTimeLiteral},
      {"select '12:00'::timetz from items", kTimeLiteral},
      {"select * from clocks", kTimeLiteral},
      {"select * from regs", kSystemCatalog},
      {"select current_date, id from items", kTimeFunction},
      {"select current_user, id from items", kSessionFunction},
      {"select * from items for update", kLocking},
      {"select * from items for key share", kLocking},
      {"with d as (delete from items returning *) select * from d", kDataModifyingCte},
      {"select * from items tablesample bernoulli (1)", kTablesample},
      {"select * from seq", kSequence},
      {"select ctid from items", kUnsupportedSyntax},
      {"select 'x'::regclass from items", kUnsupportedSyntax},
      {"select jsonb(a) from items", kUnsupportedSyntax},
      {"select 1; select 2", kMultiStatement},
      {"insert into items values (1)", kNotRead},
      {"select * into x from items", kNotRead},
      {"show all", kNotRead}};
  for (const auto& [sql, reason] : cases) {
    const Verdict v = judge_sql(sql);
    EXPECT_EQ(v.reason, reason) << sql << ": " << reason_name(v.reason) << " " << v.detail;
  }
}

TEST_F(Judge, OneBadPartOfManyIsFound) {
  for (const char* part :
       {"(select now())", "(select spy())", "(select id from pg_class)", "(select id from logless)"}) {
    for (const char* query :
         {"select id, %s from items", "select id from items where id = %s",
          "select id from items order by %s", "select id from items limit %s",
          "select id from items union select %s", "with x as (select %s) select * from items, x",
          "select count(*) filter (where a = %s) from items", "select case when a then %s end from items",
          "select sum(a) over (order by %s) from items", "select * from items join orders on (items.id = %s)",
          "select array[%s] from items", "select a[%s] from items",
          "select * from items, lateral (select %s) x", "values (1, %s, (select 1 from items))"}) {
      std::string sql = query;
      sql.replace(sql.find("%s"), 2, part);
      EXPECT_FALSE(judge_sql(sql).cacheable()) << sql;
    }
  }
}

TEST_F(Judge, Reads) {
  EXPECT_THAT(judge_sql("select * from items, orders o, items i2").reads, ElementsAre(kItems, kOrders));
  EXPECT_THAT(judge_sql("select * from cheap_items").reads, ElementsAre(kItems, kView));
  EXPECT_THAT(judge_sql("select * from parted").reads, ElementsAre(kParted, kPart1, kPart2, kSub));
  EXPECT_THAT(judge_sql("select * from part2").reads, ElementsAre(kPart2, kSub));
  EXPECT_THAT(judge_sql("select * from items", {"other", "public"}).reads, ElementsAre(kOther));
  EXPECT_THAT(judge_sql("select * from public.items", {"other"}).reads, ElementsAre(kItems));
}

TEST_F(Judge, SearchPathDecides) {
  EXPECT_EQ(judge_sql("select * from items", {}).reason, Reason::kUnknownRelation);
  EXPECT_EQ(judge_sql("select * from pg_class", {"public"}).reason, Reason::kSystemCatalog);
  const auto shadowing = shop().table({.oid = 18000, .name = "pg_class"}).build();
  const auto syntax = *parse("select * from pg_class");
  EXPECT_EQ(judge(*syntax, *shadowing, SearchPath({"public"}), false).reason, Reason::kSystemCatalog);
  EXPECT_EQ(judge(*syntax, *shadowing, SearchPath({"public", "pg_catalog"}), false).reason, Reason::kNone);
}

TEST_F(Judge, ATypeMayShadowABuiltInOne) {
  const auto catalog =
      shop().type({.oid = 18001, .name = "text", .schema = "public", .kind = 'd', .base = kTestText}).build();
  const auto syntax = *parse("select a::text from items");
  EXPECT_EQ(judge(*syntax, *catalog, SearchPath({"public"}), false).reason, Reason::kNone);
  EXPECT_EQ(judge(*syntax, *catalog, SearchPath({"public", "pg_catalog"}), false).reason, Reason::kUserType);
}

TEST_F(Judge, AddedCastsReachEverything) {
  const auto syntax = *parse("select upper(a) from items");
  const auto moods = *parse("select a from moods");
  const auto judged = [](const auto& s, const auto& c) {
    return judge(*s, *c, SearchPath({"public"}), false).reason;
  };
  const auto builtin = shop().cast(kTestText, kTestTimetz, 'i', false).build();
  EXPECT_EQ(judged(syntax, builtin), Reason::kUserFunction);
  const auto from_row = shop().cast(kMood, kTestText, 'e', true, true).build();
  EXPECT_EQ(judged(syntax, from_row), Reason::kUserFunction);
  const auto user = shop().cast(kMood, kTestText, 'i', true).build();
  EXPECT_EQ(judged(syntax, user), Reason::kNone);
  EXPECT_EQ(judged(moods, user), Reason::kUserType);
  // Without a function the type's own input does the work: as ORMs do for enums.
  const auto by_input = shop().cast(kTestText, kMood, 'i', false).build();
  EXPECT_EQ(judged(moods, by_input), Reason::kNone);
  EXPECT_EQ(judged(*parse("select a # b from items"), by_input), Reason::kUserFunction);
}

TEST_F(Judge, RowsThatMoveToAnotherPartitionAreDeletedFromTheFirst) {
  const auto catalog = shop().foreign_key(kSub, kOther, 'c', 'a').build();
  const auto writes = [&](const char* sql) {
    return judge(**parse(sql), *catalog, SearchPath({"public"}), false).effects.writes;
  };
  EXPECT_THAT(writes("update parted set a = 1"), ElementsAre(kParted, kPart1, kPart2, kSub, kOther));
  EXPECT_THAT(writes("update part2 set a = 1"), ElementsAre(kPart2, kSub, kOther));
  EXPECT_THAT(writes("update sub set a = 1"), ElementsAre(kSub)) << "these cannot";
  EXPECT_THAT(writes("insert into parted values (1)"), ElementsAre(kParted, kPart1, kPart2, kSub));
}

TEST_F(Judge, WritesOfPlainTables) {
  const std::vector<std::pair<const char*, std::vector<Oid>>> cases = {
      {"insert into items values (1)", {kItems}},
      {"insert into orders select * from items returning id", {kOrders}},
      {"update items set a = 1", {kItems, kLines}},
      {"delete from items where id = 1", {kItems}},
      {"delete from orders", {kOrders, kLines}},
      {"insert into items values (1) on conflict (id) do update set a = 2", {kItems, kLines}},
      {"insert into items values (1) on conflict do nothing", {kItems}},
      {"insert into parted values (1)", {kParted, kPart1, kPart2, kSub}},
      {"delete from part1", {kPart1}},
      {"truncate items", {kItems}},
      {"truncate items cascade", {kItems, kLines}},
      {"truncate items, orders restart identity", {kItems, kOrders}},
      {"copy items from stdin", {kItems}},
      {"merge into items using orders on true when matched then delete", {kItems, kLines}},
      {"with d as (delete from orders returning *) select * from d, items", {kOrders, kLines}},
      {"with items as (select 1) insert into items select * from items", {kItems}},
      {"explain analyze delete from orders", {kOrders, kLines}},
      {"explain delete from orders", {}},
      {"insert into notifying default values", {kNotifying}},
      {"insert into moods values ('x')", {kMoods}},
      {"delete from tree", {kOrders, kLines, kSelf}},
      {"insert into items values (nextval('s'), random())", {kItems}},
      {"insert into logless values (1)", {kLogless}}};
  for (const auto& [sql, writes] : cases) {
    const Verdict v = judge_sql(sql);
    std::vector<Oid> expected = writes;
    std::ranges::sort(expected);
    EXPECT_EQ(v.effects.writes, expected) << sql;
    EXPECT_FALSE(v.effects.writes_everything) << sql;
    EXPECT_FALSE(v.effects.changes_settings) << sql;
    EXPECT_EQ(v.harmless, writes.empty()) << sql;
  }
}

TEST_F(Judge, EffectsUnknown) {
  for (const char* sql : {"insert into triggered values (1)",
                          "delete from ruled",
                          "update secured set a = 1",
                          "insert into configuring values (1)",
                          "insert into nowhere values (1)",
                          "insert into cheap_items values (1)",
                          "insert into far_away values (1)",
                          "insert into items select spy()",
                          "select spy() from items",
                          "select * from risky",
                          "select * from secured",
                          "select * from nowhere",
                          "select nowhere.spy(1)",
                          "update items set a = spy()",
                          "execute p",
                          "call f()",
                          "do 'x'",
                          "fetch c",
                          "refresh materialized view mat",
                          "refresh materialized view mat_code",
                          "vacuum",
                          "select query_to_xml('x', true, true, '')",
                          "select lo_unlink(1)",
                          "select table_to_xml('x', true, true, '')",
                          "select 'x'::email",
                          "select 1::unheard_of",
                          "copy items from program 'x'",
                          "select a %% b from items",
                          "explain select spy()",
                          "declare c cursor for select spy()",
                          "create table x (a int)",
                          "drop table items",
                          "select * into x from items",
                          "create table x as select 1",
                          "grant select on items to public",
                          "alter role x set a = 1",
                          "insert into pg_class values (1)",
                          "values (no_such())",
                          "copy (select spy()) to stdout",
                          "explain analyze create table x as select 1",
                          "select 1; select spy()"}) {
    const Verdict v = judge_sql(sql);
    EXPECT_TRUE(v.effects.writes_everything) << sql;
    EXPECT_TRUE(v.effects.changes_settings) << sql;
    EXPECT_FALSE(v.harmless) << sql;
    EXPECT_TRUE(v.touches_prepared) << sql;
  }
}

TEST_F(Judge, SettingsAndOtherState) {
  for (const char* sql :
       {"set a.b = 1", "reset all", "set role x", "discard all", "select set_config('a.b', 'c', false)",
        "set transaction read only", "select 1; set search_path = x"}) {
    const Verdict v = judge_sql(sql);
    EXPECT_TRUE(v.effects.changes_settings) << sql;
    EXPECT_FALSE(v.effects.writes_everything) << sql;
    EXPECT_FALSE(v.harmless) << sql;
  }
  for (const char* sql :
       {"select nextval('seq')", "select pg_advisory_lock(1)", "select pg_notify('a', 'b')", "lock items",
        "notify a", "select * from items for update", "prepare p as select 1"}) {
    const Verdict v = judge_sql(sql);
    EXPECT_FALSE(v.effects.writes_everything || v.effects.changes_settings) << sql;
    EXPECT_FALSE(v.harmless) << sql;
  }
  for (const char* sql :
       {"select now()", "select random()", "show all", "begin", "commit", "savepoint a", "close c",
        "explain select * from items", "select * from pg_class", "copy items to stdout", "",
        "declare c cursor for select * from items", "select distance(a) from items", "select current_user"}) {
    EXPECT_TRUE(judge_sql(sql).harmless) << sql;
  }
  for (const char* sql : {"prepare p as select 1", "deallocate all", "discard all"})
    EXPECT_TRUE(judge_sql(sql).touches_prepared) << sql;
  EXPECT_TRUE(judge_sql("fetch c").fetches_cursor);
}

TEST_F(Judge, WhichSettingsSayWhatNamesMean) {
  for (const char* sql : {"set search_path = x",
                          "set local \"Search_Path\" = x",
                          "set schema 'x'",
                          "reset search_path",
                          "set role x",
                          "set session authorization x",
                          "reset all",
                          "discard all",
                          "set names 'SJIS'",
                          "set standard_conforming_strings = off",
                          "select set_config('role', 'c', false)",
                          "do 'x'",
                          "select set_config('Search_Path', 'c', true)",
                          "select set_config($$role$$, 'c', true)",
                          "select set_config(E'a.b', 'c', true)",
                          "select set_config('ro'\n'le', 'c', true)",
                          "select set_config($1, 'c', true)",
                          "select set_config('ro' || 'le', 'c', true)",
                          "select set_config(is_local => true, setting_name => 'a.b', new_value => 'c')",
                          "select set_config('a.b', 'c', true), pg_catalog.set_config('role', 'x', true)",
                          "with s as (select set_config('role', 'c', true)) select * from s",
                          "select spy()",
                          "set a.b = 1; set role x"})
    EXPECT_TRUE(judge_sql(sql).effects.changes_names) << sql;
  for (const char* sql :
       {"set timezone = 'CET'", "set local statement_timeout = 5", "set a.b = 1", "reset datestyle",
        "set transaction read only", "select 1", "commit", "select set_config('a.b', $1, true)",
        "select set_config(('a.b'), 'role', true)",
        "with s as (select pg_catalog.set_config('timezone', 'CET', false)) select * from s"})
    EXPECT_FALSE(judge_sql(sql).effects.changes_names) << sql;
}

TEST_F(Judge, CatalogChanges) {
  for (const char* sql : {"create table x (a int)", "grant a to b", "do 'x'", "call f()", "select 1 into x",
                          "comment on table a is ''", "alter system set a = 1", "create role x",
                          "reassign owned by a to b", "create temp table x (a int)"}) {
    EXPECT_TRUE(judge_sql(sql).effects.changes_catalog) << sql;
  }
  EXPECT_TRUE(judge_sql("insert into triggered values (1)").effects.changes_catalog) << "code may hold DDL";
  EXPECT_FALSE(judge_sql("select * from nowhere").effects.changes_catalog);
  EXPECT_FALSE(judge_sql("insert into items values (1)").effects.changes_catalog);
}

TEST_F(Judge, SeveralStatements) {
  const Verdict v = judge_sql("begin; insert into items values (1); commit");
  EXPECT_EQ(v.reason, Reason::kMultiStatement);
  EXPECT_THAT(v.effects.writes, ElementsAre(kItems));
  EXPECT_TRUE(v.effects.may_commit);
  EXPECT_EQ(v.transaction, TransactionControl::kCommit);
  EXPECT_FALSE(v.harmless);
  EXPECT_EQ(judge_sql("begin isolation level serializable; select 1").transaction,
            TransactionControl::kBeginWithOptions);
  EXPECT_TRUE(judge_sql("select 1; select * from items").harmless);
  EXPECT_THAT(judge_sql("").effects.writes, IsEmpty());
}

TEST_F(Judge, WithoutACatalogNothingIsAssumed) {
  const auto judged = [](const char* sql) { return judge_without_catalog(**parse(sql)); };
  EXPECT_TRUE(judged("begin").harmless);
  EXPECT_EQ(judged("begin").transaction, TransactionControl::kBegin);
  EXPECT_FALSE(judged("select * from items").cacheable());
  EXPECT_TRUE(judged("select * from items").effects.writes_everything);
  EXPECT_TRUE(judged("insert into items values (1)").effects.writes_everything);
  EXPECT_TRUE(judged("show all").harmless);
}

TEST(ParameterTypes, OnlyPlainOnes) {
  for (const Oid type : {0U, 16U, 20U, 23U, 25U, 1043U, 1082U, 1114U, 1184U, 1700U, 2950U, 3802U}) {
    EXPECT_TRUE(is_plain_parameter_type(type)) << type;
  }
  for (const Oid type : {24U, 1266U, 2205U, 2210U, 4096U, 16384U, 0xffffffffU}) {
    EXPECT_FALSE(is_plain_parameter_type(type)) << type;
  }
}

TEST(Reasons, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < kReasonCount; ++i) names.insert(reason_name(static_cast<Reason>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kReasonCount));
}

}  // namespace
}  // namespace pgweir::query
