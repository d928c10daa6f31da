#include "query/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "query/catalog_queries.h"
#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

using Columns = std::vector<std::optional<std::string_view>>;

void give(CatalogBuilder& builder, CatalogQuery query, const Columns& columns) {
  builder.row(static_cast<std::size_t>(query), columns);
}

TEST(CatalogBuilder, MalformedRowsAreErrors) {
  const std::vector<std::pair<CatalogQuery, Columns>> rows = {
      {CatalogQuery::kInheritance, {"1"}},
      {CatalogQuery::kInheritance, {"1", "x"}},
      {CatalogQuery::kInheritance, {"1", "-1"}},
      {CatalogQuery::kInheritance, {"1", "4294967296"}},
      {CatalogQuery::kInheritance, {"1", ""}},
      {CatalogQuery::kInheritance, {"1", std::nullopt}},
      {CatalogQuery::kInheritance, {"1", "2", "3"}},
      {CatalogQuery::kCode, {"", "1"}},
      {CatalogQuery::kCode, {"ww", "1"}},
      {CatalogQuery::kFunctions, {"f", "4", "f", "f", "f", "f"}},
      {CatalogQuery::kFunctions, {"f", "1", "true", "f", "f", "f"}},
      {CatalogQuery::kRelations, {"1", "s", "n", "r", "p", "f", "f", "f", "d", std::nullopt}},
      {static_cast<CatalogQuery>(kCatalogQueryCount), {"1"}}};
  for (const auto& [query, columns] : rows) {
    TestCatalog catalog;
    give(catalog.builder(), query, columns);
    const auto result = catalog.builder().finish();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, base::ErrorCode::kInvalid);
  }
}

TEST(CatalogBuilder, AnEmptyAnswerIsNoCatalog) { EXPECT_FALSE(CatalogBuilder(1).finish()); }

TEST(CatalogBuilder, TellsItsVersion) { EXPECT_EQ(TestCatalog(42).build()->version(), 42U); }

TEST(Catalog, InheritanceCyclesEnd) {
  const auto catalog = TestCatalog()
                           .table({.oid = 20000, .name = "a"})
                           .table({.oid = 20001, .name = "b"})
                           .inherits(20000, 20001)
                           .inherits(20001, 20000)
                           .build();
  EXPECT_THAT(catalog->relation(20000)->descendants, testing::ElementsAre(20001));
  EXPECT_EQ(catalog->written_with(*catalog->relation(20000), WriteKind::kInsert)->relations.size(), 2U);
}

TEST(Catalog, ViewsOfEachOtherEnd) {
  const auto catalog = TestCatalog()
                           .view(20000, "a", "select * from public.b")
                           .view(20001, "b", "select * from public.a")
                           .view(20002, "broken", "select from from")
                           .view(20003, "several", "select 1; select 2")
                           .build();
  for (const Oid oid : {20000U, 20001U, 20002U, 20003U}) {
    EXPECT_EQ(catalog->view(*catalog->relation(oid)).obstacle.reason, Reason::kView) << oid;
    EXPECT_TRUE(catalog->view(*catalog->relation(oid)).runs_code) << oid;
  }
}

TEST(Catalog, ALongChainOfViewsIsCutOff) {
  TestCatalog builder;
  builder.table({.oid = 20000, .name = "v0"});
  for (Oid i = 1; i < 500; ++i) {
    builder.view(20000 + i, "v" + std::to_string(i), "select * from public.v" + std::to_string(i - 1));
  }
  const auto catalog = builder.build();
  EXPECT_EQ(catalog->view(*catalog->relation(20010)).obstacle.reason, Reason::kNone);
  EXPECT_EQ(catalog->view(*catalog->relation(20499)).obstacle.reason, Reason::kView);
}

TEST(Catalog, ViewsMayBeAskedForFromManyThreads) {
  const auto catalog = TestCatalog()
                           .table({.oid = 20000, .name = "t"})
                           .view(20001, "a", "select * from public.t")
                           .view(20002, "b", "select * from public.a")
                           .build();
  std::vector<std::thread> threads;
  std::vector<Reason> reasons(4, Reason::kView);
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    threads.emplace_back([&, i] { reasons[i] = catalog->view(*catalog->relation(20002)).obstacle.reason; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(reasons, testing::Each(Reason::kNone));
}

TEST(Catalog, TypesOfTypes) {
  const auto catalog =
      TestCatalog()
          .type({.oid = 17000, .name = "code", .schema = "public", .code = true})
          .type({.oid = 17001, .name = "_code", .schema = "public", .element = 17000})
          .type({.oid = 17002, .name = "over", .schema = "public", .kind = 'd', .base = 17001})
          .type({.oid = 17003, .name = "pair", .schema = "public", .kind = 'c', .relation = 20009})
          .type({.oid = 17004, .name = "span", .schema = "public", .kind = 'r'})
          .type({.oid = 17005, .name = "loop", .schema = "public", .kind = 'd', .base = 17005})
          .type({.oid = 17006, .name = "mood", .schema = "public", .kind = 'e'})
          .column(20009, 17002)
          .table({.oid = 20000, .name = "t0"})
          .column(20000, 17001)
          .table({.oid = 20001, .name = "t1"})
          .column(20001, 17002)
          .table({.oid = 20002, .name = "t2"})
          .column(20002, 17003)
          .table({.oid = 20003, .name = "t3"})
          .column(20003, 17004)
          .table({.oid = 20004, .name = "t4"})
          .column(20004, 17005)
          .table({.oid = 20005, .name = "t5"})
          .column(20005, 17999)
          .table({.oid = 20006, .name = "t6"})
          .column(20006, 17006)
          .build();
  for (Oid oid = 20000; oid <= 20005; ++oid) {
    EXPECT_EQ(catalog->relation(oid)->column_reason, Reason::kUserType) << oid;
  }
  EXPECT_EQ(catalog->relation(20006)->column_reason, Reason::kNone);
  EXPECT_TRUE(catalog->relation(20006)->user_types);
}

TEST(SearchPath, PutsTheCatalogFirst) {
  using testing::ElementsAre;
  EXPECT_THAT(SearchPath({"a"}).schemas(), ElementsAre("pg_catalog", "a"));
  EXPECT_THAT(SearchPath({"a", "pg_catalog"}).schemas(), ElementsAre("a", "pg_catalog"));
  EXPECT_THAT(SearchPath({"pg_temp_3", "pg_catalog", "a"}).schemas(), ElementsAre("pg_catalog", "a"));
  EXPECT_THAT(SearchPath({}).schemas(), ElementsAre("pg_catalog"));
  EXPECT_TRUE(SearchPath({"a"}) == SearchPath({"a"}));
  EXPECT_FALSE(SearchPath({"a"}) == SearchPath({"b"}));
}

}  // namespace
}  // namespace pgweir::query
