#include "query/statement_table.h"

#include <gtest/gtest.h>

#include <string>

#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

constexpr base::HashSecret kSecret{3, 4};

class Table : public testing::Test {
 protected:
  static std::shared_ptr<const Catalog> catalog(std::uint64_t version, bool with_items = true) {
    TestCatalog c(version);
    if (with_items) c.table({.oid = 20000, .name = "items"});
    return c.build();
  }
  const Verdict& ask(StatementTable& table, std::string_view sql) {
    return table.verdict(sql, scan(sql, kSecret), *catalog_, path_);
  }
  std::shared_ptr<const Catalog> catalog_ = catalog(1);
  SearchPath path_{{"public"}};
};

TEST_F(Table, OneTemplateIsParsedAndJudgedOnce) {
  StatementTable table({});
  EXPECT_TRUE(ask(table, "select * from items where id = 1").cacheable());
  EXPECT_TRUE(ask(table, "/* x */ select * from items where id = 2;").cacheable());
  EXPECT_EQ(table.stats().parsed, 1U);
  EXPECT_EQ(table.stats().judged, 1U);
  EXPECT_EQ(table.stats().hits, 1U);
}

TEST_F(Table, TimeWordsChangeTheVerdict) {
  StatementTable table({});
  EXPECT_TRUE(ask(table, "select * from items where d = '2020-01-01'").cacheable());
  EXPECT_EQ(ask(table, "select * from items where d = 'today'").reason, Reason::kTimeLiteral);
  EXPECT_TRUE(ask(table, "select * from items where d = '2020-01-02'").cacheable());
  EXPECT_EQ(table.stats().parsed, 1U);
}

TEST_F(Table, WhichSettingIsSetChangesTheVerdict) {
  StatementTable table({});
  EXPECT_FALSE(ask(table, "select set_config('a.b', 'c', true)").effects.changes_names);
  EXPECT_FALSE(ask(table, "select set_config('a.c', 'd', true)").effects.changes_names);
  EXPECT_EQ(table.stats().parsed, 1U);
  for (const char* name : {"'role'", "'Role'", "$$search_path$$", "'ro'\n'le'", "E'role'", "U&'\\0072ole'"})
    EXPECT_TRUE(ask(table, std::string("select set_config(") + name + ", 'c', true)").effects.changes_names)
        << name;
}

TEST_F(Table, AnotherCatalogOrPathJudgesAgain) {
  StatementTable table({});
  const std::string sql = "select * from items";
  EXPECT_TRUE(ask(table, sql).cacheable());
  path_ = SearchPath({"other"});
  EXPECT_EQ(ask(table, sql).reason, Reason::kUnknownRelation);
  path_ = SearchPath({"public"});
  EXPECT_TRUE(ask(table, sql).cacheable());
  catalog_ = catalog(2, false);
  EXPECT_EQ(ask(table, sql).reason, Reason::kUnknownRelation);
  EXPECT_EQ(table.verdict_without_catalog(sql, scan(sql, kSecret)).reason, Reason::kUnknownRelation);
  EXPECT_EQ(table.stats().parsed, 1U);
  EXPECT_EQ(table.stats().judged, 5U);
}

TEST_F(Table, WhatCannotBeReadHasAllEffects) {
  StatementTable table({});
  for (const char* sql : {"select 'unterminated", "selec 1"}) {
    const Verdict& v = ask(table, sql);
    EXPECT_EQ(v.reason, Reason::kUnparsable) << sql;
    EXPECT_TRUE(v.effects.writes_everything && v.effects.changes_settings && v.effects.changes_catalog)
        << sql;
    EXPECT_TRUE(table.verdict_without_catalog(sql, scan(sql, kSecret)).effects.writes_everything);
  }
  EXPECT_LE(table.size(), 1U);
}

TEST_F(Table, StaysWithinItsLimits) {
  StatementTable few({.entries_max = 8, .bytes_max = 16 << 20});
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(ask(few, "select a" + std::to_string(i) + " from items").cacheable());
  EXPECT_EQ(few.size(), 8U);
  EXPECT_EQ(few.stats().evictions, 92U);
  StatementTable small({.entries_max = 1000, .bytes_max = 20'000});
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(ask(small, "select a" + std::to_string(i) + " from items").cacheable());
    EXPECT_LE(small.memory_bytes(), 20'000U);
  }
  StatementTable one({.entries_max = 1, .bytes_max = 1});
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(ask(one, "select a" + std::to_string(i) + " from items").cacheable());
  EXPECT_EQ(one.size(), 1U);
}

TEST_F(Table, WhatIsAskedForOftenStays) {
  StatementTable table({.entries_max = 8, .bytes_max = 16 << 20});
  for (int i = 0; i < 200; ++i) {
    ask(table, "select hot from items");
    ask(table, "select a" + std::to_string(i) + " from items");
  }
  EXPECT_EQ(table.stats().parsed, 201U);
}

}  // namespace
}  // namespace pgweir::query
