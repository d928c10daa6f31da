#include "query/syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "query/scan.h"

namespace pgweir::query {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Statement one(std::string_view sql) {
  const auto syntax = parse(sql);
  EXPECT_TRUE(syntax) << sql << ": " << (syntax ? "" : syntax.error().message);
  if (!syntax || (*syntax)->statements().size() != 1) return {};
  return (*syntax)->statements().front();
}

std::string text_of(const Name& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

std::vector<std::string> reads(std::string_view sql) {
  std::vector<std::string> out;
  for (const RelationUse& use : one(sql).reads) out.push_back(text_of(use.name));
  return out;
}

std::vector<std::string> names(const std::vector<Name>& list) {
  std::vector<std::string> out;
  for (const Name& name : list) out.push_back(text_of(name));
  return out;
}

std::vector<std::string> names(const std::vector<OperatorUse>& list) {
  std::vector<std::string> out;
  for (const OperatorUse& use : list) out.push_back(text_of(use.name));
  return out;
}

TEST(Syntax, FindsRelationsWhereverTheyStand) {
  EXPECT_THAT(reads("select * from a join s.b using (x), lateral (select * from c) d"),
              UnorderedElementsAre("a", "s.b", "c"));
  EXPECT_THAT(reads("select (select 1 from a) where exists (table b) order by (select x from c)"),
              UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(reads("select 1 from a union (select 2 from b limit (select 1 from c))"),
              UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(reads("values ((select 1 from a)), (2)"), ElementsAre("a"));
  EXPECT_THAT(
      reads("select count(*) filter (where x in (select y from a)) over (order by (select 1 from b)) from c"),
      UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(reads("select 1 from only a as b"), ElementsAre("a"));
}

TEST(Syntax, CteScopes) {
  EXPECT_THAT(reads("with t as (select * from a) select * from t"), ElementsAre("a"));
  // Without RECURSIVE a CTE's own name is the table outside.
  EXPECT_THAT(reads("with t as (select * from t) select * from t"), ElementsAre("t"));
  EXPECT_THAT(reads("with recursive t as (select 1 union all select * from t) select * from t"), IsEmpty());
  // Elder siblings are visible, younger ones are not.
  EXPECT_THAT(reads("with a as (select * from b), b as (select * from a) select * from b"), ElementsAre("b"));
  EXPECT_THAT(reads("with recursive a as (select * from b), b as (select 1) select * from a"), IsEmpty());
  // A schema makes it the table.
  EXPECT_THAT(reads("with t as (select 1) select * from public.t"), ElementsAre("public.t"));
  // Inner scopes end.
  EXPECT_THAT(reads("select * from (with t as (select 1) select * from t) x, t"), ElementsAre("t"));
  EXPECT_THAT(reads("with t as (select 1) select * from (select * from t) x where exists (select 1 from t)"),
              IsEmpty());
  EXPECT_THAT(reads("with t as (select 1) select 1 from a union select 2 from t"), ElementsAre("a"));
  EXPECT_THAT(reads("(with t as (select 1) select * from t) union select * from t"), ElementsAre("t"));
}

TEST(Syntax, ATargetIsNeverACte) {
  const Statement s = one("with t as (select 1 as x) insert into t select x from t");
  EXPECT_THAT(s.reads, IsEmpty());
  ASSERT_EQ(s.writes.size(), 1U);
  EXPECT_EQ(s.writes[0].relation.name.name, "t");
  EXPECT_EQ(s.kind, StatementKind::kWrite);
}

TEST(Syntax, WritesInsideQueries) {
  const Statement s = one("with d as (delete from a returning *) select * from d");
  EXPECT_EQ(s.kind, StatementKind::kSelect);
  EXPECT_TRUE(s.data_modifying_cte);
  ASSERT_EQ(s.writes.size(), 1U);
  EXPECT_EQ(s.writes[0].kind, WriteKind::kDelete);
  EXPECT_TRUE(one("select * into b from a").creates_table);
  EXPECT_EQ(one("insert into a values (1) on conflict (x) do update set y = 2").writes.size(), 2U);
  EXPECT_EQ(one("insert into a values (1) on conflict do nothing").writes.size(), 1U);
}

TEST(Syntax, FunctionsAndFields) {
  EXPECT_THAT(
      names(one("select upper(a), pg_catalog.lower(b), t.f, (t).g, h from t where x is distinct from y")
                .functions),
      UnorderedElementsAre("upper", "pg_catalog.lower"));
  EXPECT_THAT(names(one("select t.f, (t).g, h, t.* from t").fields), UnorderedElementsAre("f", "g"));
  EXPECT_THAT(
      names(one("select a at time zone 'x', extract(year from b), c similar to 'd' from t").functions),
      UnorderedElementsAre("pg_catalog.timezone", "pg_catalog.extract", "pg_catalog.similar_to_escape"));
  EXPECT_THAT(names(one("select * from generate_series(1, f(2)) as g").functions),
              UnorderedElementsAre("generate_series", "f"));
}

TEST(Syntax, OperatorsAlsoImplicitOnes) {
  EXPECT_THAT(names(one("select a + 1 from t where b in (1, 2)").operators), UnorderedElementsAre("+", "="));
  EXPECT_THAT(names(one("select 1 from t where a operator(s.@@) b").operators), ElementsAre("s.@@"));
  EXPECT_THAT(names(one("select 1 from a natural join b").operators), ElementsAre("="));
  EXPECT_THAT(names(one("select 1 from a join b using (x)").operators), ElementsAre("="));
  EXPECT_THAT(names(one("select case a when 1 then 2 end from t").operators), ElementsAre("="));
  EXPECT_THAT(names(one("select 1 from t where a in (select 1)").operators), ElementsAre("="));
  EXPECT_THAT(names(one("select 1 from t where a between 1 and 2").operators), Contains("<="));
  EXPECT_THAT(names(one("select 1 from t order by a using >").operators), ElementsAre(">"));
  EXPECT_THAT(names(one("select 1 from t where a like 'x'").operators), ElementsAre("~~"));
}

TEST(Syntax, CastsKnowTheirArgument) {
  const auto argument = [](std::string_view sql) {
    const Statement s = one(sql);
    EXPECT_FALSE(s.casts.empty()) << sql;
    return s.casts.empty() ? CastUse::Argument::kAnything : s.casts.front().argument;
  };
  EXPECT_EQ(argument("select '2020-01-01'::date"), CastUse::Argument::kConstant);
  EXPECT_EQ(argument("select date '2020-01-01'"), CastUse::Argument::kConstant);
  EXPECT_EQ(argument("select $1::date"), CastUse::Argument::kConstant);
  EXPECT_EQ(argument("select a::date from t"), CastUse::Argument::kAnything);
  EXPECT_EQ(argument("select cast('a' || 'b' as date)"), CastUse::Argument::kAnything);
}

TEST(Syntax, Flags) {
  EXPECT_TRUE(one("select current_date").time_function);
  EXPECT_TRUE(one("select localtimestamp(3)").time_function);
  EXPECT_TRUE(one("select current_user").session_function);
  EXPECT_TRUE(one("select system_user").session_function);
  EXPECT_TRUE(one("select * from t for share").locking);
  EXPECT_TRUE(one("select * from (select * from t for no key update) x").locking);
  EXPECT_TRUE(one("select * from t tablesample system (10)").tablesample);
  EXPECT_FALSE(one("select ctid from t").refused.empty());
  EXPECT_FALSE(one("select t.xmin from t").refused.empty());
  EXPECT_FALSE(one("select xmlelement(name a)").refused.empty());
  EXPECT_TRUE(one("select a from t").refused.empty());
  EXPECT_TRUE(one("select a from t").unsupported.empty());
}

TEST(Syntax, Kinds) {
  using enum StatementKind;
  const std::vector<std::pair<const char*, StatementKind>> cases = {
      {"select 1", kSelect},
      {"values (1)", kSelect},
      {"table a", kSelect},
      {"insert into a default values", kWrite},
      {"update a set b = 1", kWrite},
      {"delete from a", kWrite},
      {"truncate a", kWrite},
      {"merge into a using b on a.x = b.x when matched then delete", kWrite},
      {"copy a from stdin", kWrite},
      {"refresh materialized view a", kWrite},
      {"copy a to stdout", kCopyTo},
      {"explain select 1", kExplain},
      {"explain (analyze false) select 1", kExplainAnalyze},
      {"explain analyze select 1", kExplainAnalyze},
      {"show all", kShow},
      {"set a.b = 1", kSet},
      {"reset search_path", kSet},
      {"set role x", kSet},
      {"set transaction read only", kSetTransaction},
      {"set transaction_isolation = 'serializable'", kSetTransaction},
      {"set session characteristics as transaction read only", kSetTransaction},
      {"reset all", kSetTransaction},
      {"discard all", kDiscard},
      {"begin", kTransaction},
      {"fetch 1 from c", kFetch},
      {"move 1 from c", kFetch},
      {"close c", kCloseCursor},
      {"declare c cursor for select 1", kDeclareCursor},
      {"prepare p as select 1", kPrepare},
      {"deallocate p", kDeallocate},
      {"execute p", kExecute},
      {"call f()", kCall},
      {"do 'x'", kCall},
      {"notify a", kNotify},
      {"listen a", kNotify},
      {"lock a", kLock},
      {"vacuum", kMaintenance},
      {"create table a (b int)", kDdl},
      {"create table a as select 1", kDdl},
      {"alter system set a = 1", kDdl},
      {"grant select on a to b", kDdl},
      {"comment on table a is 'x'", kDdl},
      {"drop table a", kDdl},
      {"create role x", kDdl},
      {"create temp table a (b int)", kDdl}};
  for (const auto& [sql, kind] : cases) EXPECT_EQ(one(sql).kind, kind) << sql;
}

TEST(Syntax, TransactionControl) {
  using enum TransactionControl;
  const std::vector<std::pair<const char*, TransactionControl>> cases = {
      {"begin", kBegin},
      {"start transaction", kBegin},
      {"begin isolation level serializable", kBeginWithOptions},
      {"begin read only", kBeginWithOptions},
      {"commit", kCommit},
      {"end", kCommit},
      {"commit and chain", kCommit},
      {"rollback", kRollback},
      {"abort", kRollback},
      {"savepoint a", kSavepoint},
      {"release a", kSavepoint},
      {"rollback to a", kSavepoint},
      {"prepare transaction 'x'", kPrepare},
      {"commit prepared 'x'", kOther},
      {"rollback prepared 'x'", kOther},
      {"set transaction read write", kBeginWithOptions},
      {"select 1", kNone}};
  for (const auto& [sql, control] : cases) EXPECT_EQ(one(sql).transaction, control) << sql;
}

TEST(Syntax, RefusesWithoutCrashing) {
  EXPECT_EQ(parse("selec 1").error().code, base::ErrorCode::kInvalid);
  EXPECT_EQ(parse(std::string_view("select 1\0 2", 11)).error().code, base::ErrorCode::kInvalid);
  EXPECT_EQ(parse(std::string(kStatementBytesMax + 1, ' ')).error().code, base::ErrorCode::kLimit);
  ASSERT_TRUE(parse(" -- nothing"));
  EXPECT_TRUE((*parse(" -- nothing"))->statements().empty());
  EXPECT_EQ((*parse("select 1; select 2"))->statements().size(), 2U);
}

}  // namespace
}  // namespace pgweir::query
