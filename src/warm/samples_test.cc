#include "warm/samples.h"

#include <gmock/gmock.h>

#include <map>
#include <string>

namespace pgweir::warm {
namespace {

const base::Hash128 kContext{.lo = 1, .hi = 2};

query::SessionSettings settings_of(const std::string& user) {
  query::SessionSettings settings;
  settings.current_user = settings.session_user = user;
  settings.search_path = {"public"};
  settings.digest = "a='b'";
  return settings;
}

class SamplesTest : public testing::Test {
 protected:
  // A hit that saves so much; whether it came up.
  bool hit(double saved_ns, const std::string& sql, const std::string& value = "1") {
    if (!samples_.saves(saved_ns)) return false;
    const base::Hash128 key{.lo = std::hash<std::string>{}(sql + value), .hi = 0};
    samples_.add({.key = key,
                  .context = context_,
                  .saved_ns = saved_ns,
                  .database = "shop",
                  .settings = settings_,
                  .sql = sql,
                  .types = &types_,
                  .bound = value,
                  .describes = true});
    return true;
  }

  base::Hash128 context_ = kContext;
  query::SessionSettings settings_ = settings_of("app");
  std::vector<wire::Oid> types_{23};
  Samples samples_{"app"};
};

TEST_F(SamplesTest, AQuietWorkerGivesEachHitWhole) {
  EXPECT_TRUE(hit(1'000, "SELECT $1", "one"));
  EXPECT_TRUE(hit(3'000, "SELECT $1", "two"));
  const Samples::Batch batch = samples_.take();
  ASSERT_EQ(batch.sessions.size(), 1u);
  EXPECT_EQ(batch.sessions[0], (SessionState{"shop", {"public"}, "a='b'"}));
  ASSERT_EQ(batch.statements.size(), 2u);
  const Statement& second = batch.statements[1];
  EXPECT_EQ(second.sql, "SELECT $1");
  EXPECT_EQ(second.bound, "two");
  EXPECT_THAT(second.types, testing::ElementsAre(23u));
  EXPECT_TRUE(second.describes);
  EXPECT_EQ(second.session, 0u);
  EXPECT_EQ(second.saved_ns, 3'000);
  EXPECT_TRUE(samples_.take().statements.empty());
}

TEST_F(SamplesTest, OnlyTheUsersOwnSessionsCount) {
  settings_.current_user = "another";  // SET ROLE
  hit(1'000, "SELECT 1");
  settings_ = settings_of("another");
  hit(1'000, "SELECT 1");
  settings_.current_user = "app";
  hit(1'000, "SELECT 1");
  EXPECT_TRUE(samples_.take().statements.empty());
}

TEST_F(SamplesTest, WhatIsTooLongIsLeftOut) {
  hit(1'000, std::string(kStatementBytesMax, 'x'), "");
  hit(1'000, std::string(kStatementBytesMax - 10, 'x'), "eleven char");
  settings_.digest = std::string(kSessionBytesMax + 1, 'x');
  context_.lo = 7;
  hit(1'000, "SELECT 1");
  EXPECT_TRUE(samples_.take().statements.empty());
}

TEST_F(SamplesTest, TheBatchIsBounded) {
  for (std::size_t i = 0; i < 10 * Samples::kSamplesMax; ++i) hit(1'000, "SELECT $1", std::to_string(i));
  EXPECT_EQ(samples_.take().statements.size(), Samples::kSamplesMax);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 10'000; ++i)
    hit(100'000, std::string(kStatementBytesMax - 1'000, 'x'), std::to_string(i));
  for (const Statement& statement : samples_.take().statements) bytes += statement.bytes();
  EXPECT_LE(bytes, Samples::kBytesMax + kStatementBytesMax + 1'000);
}

// Hits of a busy worker: a share comes up, by what they save and not by their number.
TEST_F(SamplesTest, ABusyWorkerGivesAShareByWhatIsSaved) {
  std::map<std::string, double> saved;
  std::size_t came_up = 0;
  constexpr int kTicks = 400, kHits = 4'000;
  for (int tick = 0; tick < kTicks; ++tick) {
    for (int i = 0; i < kHits; ++i) {
      came_up += hit(1'000, "cheap");
      if (i % 100 == 0) came_up += hit(300'000, "dear");
    }
    if (tick == 50) saved.clear(), came_up = 0;  // by then it knows how busy it is
    for (const Statement& statement : samples_.take().statements) saved[statement.sql] += statement.saved_ns;
  }
  EXPECT_LT(came_up, static_cast<std::size_t>(kTicks) * Samples::kSamplesMax);
  EXPECT_GT(came_up, static_cast<std::size_t>(kTicks) * 5);
  EXPECT_NEAR(saved["dear"] / saved["cheap"], 3, 0.6);
}

TEST_F(SamplesTest, SessionsOfOthersDoNotKeepItBusy) {
  settings_ = settings_of("another");
  std::size_t came_up = 0;
  for (int tick = 0; tick < 100; ++tick) {
    for (int i = 0; i < 20'000; ++i) came_up += hit(1'000, "SELECT 1");
    if (tick == 50) came_up = 0;
    samples_.take();
  }
  EXPECT_LT(came_up, 49u * 2'000);
}

}  // namespace
}  // namespace pgweir::warm
