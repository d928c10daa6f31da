#include "warm/ranking.h"

#include <gmock/gmock.h>

#include <string>

namespace pgweir::warm {
namespace {

using testing::ElementsAre;

Statement statement(std::uint64_t key, double saved_ns, std::size_t session = 0, std::size_t bytes = 10) {
  return {
      .key = {.lo = key, .hi = 0}, .session = session, .saved_ns = saved_ns, .sql = std::string(bytes, 'x')};
}

Samples::Batch batch(std::vector<Statement> statements, const std::string& database = "shop") {
  return {{{database, {"public"}, ""}}, std::move(statements)};
}

std::vector<std::uint64_t> keys(const List& list) {
  std::vector<std::uint64_t> out;
  for (const Statement& one : list.statements) out.push_back(one.key.lo);
  return out;
}

TEST(Ranking, WhatSavesTheMostIsFirst) {
  Ranking ranking;
  ranking.add(batch({statement(1, 5'000), statement(2, 9'000), statement(3, 4'000)}));
  ranking.add(batch({statement(1, 5'000)}));
  EXPECT_THAT(keys(ranking.list()), ElementsAre(1, 2, 3));
}

TEST(Ranking, EachDatabaseHasItsShare) {
  Ranking ranking({.statements_max = 2});
  ranking.add(batch({statement(1, 50'000), statement(2, 40'000), statement(3, 30'000)}));
  ranking.add(batch({statement(4, 20'000)}, "other"));
  const List list = ranking.list();
  EXPECT_THAT(keys(list), ElementsAre(1, 2, 4));
  EXPECT_EQ(list.sessions[list.statements[2].session].database, "other");
}

TEST(Ranking, MemoryIsBounded) {
  const RankingLimits limits{.bytes_max = 1 << 20};
  Ranking ranking(limits);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    ranking.add(batch({statement(i, 10'000 + static_cast<double>(i), 0, 1'000)}));
    ASSERT_LE(ranking.bytes(), limits.bytes_max + 4'000);
  }
  EXPECT_EQ(keys(ranking.list()).front(), 9'999u);
  EXPECT_GT(ranking.size(), 500u);
}

TEST(Ranking, TheNumberOfStatementsIsBounded) {
  Ranking ranking({.statements_max = 100});
  for (std::uint64_t i = 0; i < 10'000; ++i) ranking.add(batch({statement(i, 10'000)}));
  EXPECT_LE(ranking.size(), 201u);
}

TEST(Ranking, KindsOfSessionsAreBounded) {
  Ranking ranking;
  for (std::size_t i = 0; i < kSessionsMax + 10; ++i)
    ranking.add({{{"shop", {}, std::to_string(i)}}, {statement(i, 10'000)}});
  EXPECT_EQ(ranking.list().sessions.size(), kSessionsMax);
}

TEST(Ranking, WhatIsNotAskedForIsForgotten) {
  Ranking ranking({.half_life = base::kSecond});
  ranking.add(batch({statement(1, 3'000), statement(2, 2'000'000)}));
  ranking.age(base::kSecond);
  ranking.add(batch({statement(3, 1'500'000)}));
  EXPECT_THAT(keys(ranking.list()), ElementsAre(3, 2, 1));
  ranking.age(base::kSecond);
  EXPECT_THAT(keys(ranking.list()), ElementsAre(3, 2));
  ranking.age(30 * base::kSecond);
  EXPECT_EQ(ranking.size(), 0u);
  EXPECT_EQ(ranking.bytes(), 0u);
}

TEST(Ranking, GoesOnWhereAnotherHasEnded) {
  Ranking before;
  before.add(batch({statement(1, 5'000), statement(2, 9'000)}));
  Ranking after;
  after.start_with(before.list());
  after.add(batch({statement(1, 5'000)}));
  EXPECT_THAT(keys(after.list()), ElementsAre(1, 2));
  EXPECT_EQ(after.list().sessions, before.list().sessions);
}

}  // namespace
}  // namespace pgweir::warm
