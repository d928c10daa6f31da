// Replies under rules and hints, on a clock that is turned by hand.
#include "query/rules.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "proxy/test_session.h"

namespace pgweir::proxy {
namespace {

query::RuleConfig rule(std::string name) {
  return {.name = std::move(name), .relation = query::Name{"public", "a"}};
}

struct UnderRules : testing::Test {
  // As a worker does with new settings.
  void set_rules(std::vector<query::RuleConfig> list) {
    auto rules = query::Rules::make(std::move(list));
    ASSERT_TRUE(rules);
    worker().statements.set_rules(*rules);
    worker().stats.rules.set_rules(*rules);
    worker().catalogs.outdate_replies();
  }
  std::uint64_t bypasses(Why why) {
    return worker().stats.lookups[static_cast<std::size_t>(Outcome::kBypass)][why.index()].get();
  }
  // Under a rule that lifts what it can; it hits.
  void keep_read() {
    query::RuleConfig all = rule("all");
    all.ttl = 60 * base::kSecond;
    all.accept_ttl = true;
    set_rules({all});
    session.say(read);
    session.say(read);
    EXPECT_EQ(session.hits_of(read), 1U);
  }
  TestWorker& worker() { return session.worker(); }

  const std::string read = simple_query("select id from a");
  TestSession session;
};

TEST_F(UnderRules, NoReplyOutlivesTheTtlOfItsRule) {
  query::RuleConfig one = rule("short");
  one.ttl = base::kSecond;
  set_rules({one});
  session.say(read);
  session.say(read);
  EXPECT_EQ(session.hits_of(read), 1U);
  worker().clock.advance(base::kSecond);
  EXPECT_EQ(session.hits_of(read), 0U);
  EXPECT_EQ(session.hits_of(read), 1U);
}

// Sessions of one worker that read what has just expired; the first asks anew.
struct StaleReplies : UnderRules {
  void expire(const std::string& text) {
    session.say(text);
    session.say(text);
    other.say(text);
    EXPECT_EQ(other.hits_of(text), 1U);
    worker().clock.advance(base::kSecond);
    session.paths().from_client(text);
    sent = other.paths().to_upstream.size();
  }
  std::uint64_t stales() {
    return session.worker().stats.lookups[static_cast<std::size_t>(Outcome::kStale)][0].get();
  }

  TestSession other{worker()};
  std::size_t sent = 0;
};

TEST_F(StaleReplies, AnswerWhileAnotherSessionAsks) {
  query::RuleConfig one = rule("stale");
  one.ttl = base::kSecond;
  one.stale_while_revalidate = 5 * base::kSecond;
  set_rules({one});
  expire(read);
  other.say(read);
  EXPECT_EQ(stales(), 1U);
  EXPECT_EQ(other.paths().to_upstream.size(), sent);
  session.say("");
  EXPECT_EQ(other.hits_of(read), 1U);
}

TEST_F(StaleReplies, OnlyWhereARuleOrAHintSaysSo) {
  query::RuleConfig one = rule("not stale");
  one.ttl = base::kSecond;
  set_rules({one});
  expire(read);
  other.paths().from_client(read);
  EXPECT_EQ(stales(), 0U);
  session.say("");
  const std::string hinted = simple_query("select id from a /* pgweir: stale_while_revalidate=5s, ttl=1s */");
  expire(hinted);
  other.say(hinted);
  EXPECT_EQ(stales(), 1U);
}

TEST_F(StaleReplies, NeverFromBeforeAWrite) {
  const std::string hinted = simple_query("select id from a /* pgweir: ttl=1s stale_while_revalidate=5s */");
  expire(hinted);
  other.say(simple_query("update a set id = 2"));
  other.paths().from_client(hinted);
  EXPECT_EQ(stales(), 0U);
}

TEST_F(UnderRules, NoReplyOutlivesTheTtlOfItsHint) {
  const std::string second = simple_query("select id from a /* pgweir: ttl=1s */");
  const std::string minute = simple_query("select id from a /* pgweir: ttl=60s */");
  session.say(minute);
  session.say(minute);
  EXPECT_EQ(session.hits_of(minute), 1U);
  EXPECT_EQ(session.hits_of(second), 0U);  // another entry
  EXPECT_EQ(session.hits_of(second), 1U);
  worker().clock.advance(base::kSecond);
  EXPECT_EQ(session.hits_of(second), 0U);
  EXPECT_EQ(session.hits_of(minute), 1U);
  worker().clock.advance(59 * base::kSecond);
  EXPECT_EQ(session.hits_of(minute), 0U);
}

TEST_F(UnderRules, WhatIsPreparedFollowsNewRulesAtOnce) {
  const std::string run = execution("s", "1");
  session.say(preparation("s", "select id from a where id = $1"));
  session.say(run);
  session.say(run);
  EXPECT_EQ(session.hits_of(run), 1U);
  query::RuleConfig away = rule("away");
  away.bypass = true;
  set_rules({away});
  EXPECT_EQ(session.hits_of(run), 0U);
  EXPECT_EQ(session.hits_of(run), 0U);
  EXPECT_EQ(bypasses(query::Reason::kRule), 2U);
  set_rules({});
  EXPECT_EQ(session.hits_of(run), 0U);
  EXPECT_EQ(session.hits_of(run), 1U);
}

TEST_F(UnderRules, WhatWasKeptUnderOtherRulesIsGone) {
  session.say(read);
  session.say(read);
  EXPECT_EQ(session.hits_of(read), 1U);
  query::RuleConfig one = rule("short");
  one.ttl = base::kSecond;
  set_rules({one});
  EXPECT_EQ(session.hits_of(read), 0U);
}

TEST_F(UnderRules, HintsPassStatementsThrough) {
  session.say(read);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(session.hits_of(simple_query("select id from a /* pgweir: bypass */")), 0U);
    EXPECT_EQ(session.hits_of(simple_query("select id from a /* pgweir: bypas */")), 0U);
  }
  EXPECT_EQ(bypasses(query::Reason::kHint), 2U);
  EXPECT_EQ(bypasses(query::Reason::kBadHint), 2U);
}

TEST_F(UnderRules, RulesLiftNothingOfTheSession) {
  keep_read();
  session.say(simple_query("begin"));
  session.say(simple_query("insert into a values (1)"));
  EXPECT_EQ(session.hits_of(read), 0U);
  EXPECT_EQ(bypasses(SessionReason::kInTransaction), 1U);
  session.say(simple_query("rollback"));
  session.say(preparation("s", "select id from a where id = $1"));
  EXPECT_EQ(session.hits_of(execution("s", "now")), 0U);
  EXPECT_EQ(session.hits_of(execution("s", "now")), 0U);
  EXPECT_GE(bypasses(SessionReason::kTimeParameter), 1U);
}

TEST_F(UnderRules, AWriteEndsWhatItsRuleKeeps) {
  keep_read();
  session.say(simple_query("insert into a values (1)"));
  EXPECT_EQ(session.hits_of(read), 0U);
}

TEST_F(UnderRules, LookupsAreCountedByRuleAndOutliveAReload) {
  query::RuleConfig one = rule("kept");
  one.ttl = 60 * base::kSecond;
  set_rules({one});
  session.say(read);
  session.say(read);
  session.say(simple_query("select id from a /* pgweir: bypass */"));
  query::RuleConfig other = rule("new");
  other.bypass = true;
  set_rules({other, one});
  RuleStats::Totals totals;
  worker().stats.rules.add_to(totals);
  const auto count = [&](Outcome outcome) { return totals["kept"][static_cast<std::size_t>(outcome)]; };
  EXPECT_EQ(count(Outcome::kHit), 1U);
  EXPECT_EQ(count(Outcome::kMiss), 1U);
  EXPECT_EQ(count(Outcome::kBypass), 1U);
  session.say(read);
  worker().stats.rules.add_to(totals);
  EXPECT_EQ(totals["new"][static_cast<std::size_t>(Outcome::kBypass)], 1U);
}

}  // namespace
}  // namespace pgweir::proxy
