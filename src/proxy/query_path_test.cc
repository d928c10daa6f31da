#include "proxy/query_path.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "proxy/test_session.h"

namespace pgweir::proxy {
namespace {

// What a prepared statement remembers of its last execution must not outlive what it was true for.
struct PreparedHits : testing::Test {
  PreparedHits() {
    session.say(preparation("s", "select id from a where id = $1"));
    session.say(preparation("t", "select id from a where id < $1"));
    session.say(of_s + of_t);
    session.say(simple_query("set x = 0"));  // its template is known now: only what it does counts below
    session.say(of_s + of_t);                // the backend analyses them anew
    session.say(of_s + of_t);
    EXPECT_EQ(session.hits_of(of_s + of_t), 2U);
  }

  const std::string of_s = execution("s", "1"), of_t = execution("t", "1");
  TestSession session;
};

TEST_F(PreparedHits, StatementsInTurnKeepTheirOwnReplies) {
  EXPECT_EQ(session.hits_of(of_s + of_t + of_s + of_t), 4U);
  EXPECT_EQ(session.hits_of(execution("s", "2")), 0U);
}

TEST_F(PreparedHits, AnotherStatementOfTheSameNameIsAnother) {
  session.say(of_s);
  session.say(message('C', std::string_view("Ss\0", 3)) + std::string(wire::kSync));
  session.say(preparation("s", "select id from a where id > $1"));
  EXPECT_EQ(session.hits_of(of_s), 0U);
}

TEST_F(PreparedHits, OtherSettingsAreAnotherReply) {
  session.say(simple_query("set x = 1"));
  session.say(preparation("u", "select id from a where id = $1"));  // has the settings read, judges nothing
  EXPECT_EQ(session.hits_of(of_s), 0U);
}

TEST_F(PreparedHits, UnreadableTextIsNotAnswered) {
  session.paths().query().context().reported("standard_conforming_strings", "off");
  EXPECT_EQ(session.hits_of(of_s), 0U);
}

TEST_F(PreparedHits, ACatalogThatMayBeFalseAnswersNothing) {
  session.worker().catalogs.database("shop")->invalidate();
  session.paths().query().context().forget_settings(true);
  EXPECT_EQ(session.paths().answer_now(of_s), 0U);  // it asks first
}

TEST_F(PreparedHits, AnotherCatalogIsJudgedAgain) {
  const auto database = session.worker().catalogs.database("shop");
  database->invalidate();
  session.worker().clock.advance(base::kSecond);
  const auto ticket = database->begin_load(session.worker().clock.now());
  ASSERT_TRUE(ticket);
  database->publish(*ticket, {query::TestCatalog(ticket->version).build(), "without the table"},
                    session.worker().clock.now());
  EXPECT_EQ(session.hits_of(of_s), 0U);
}

// A standby lags behind its primary: what it says is not what the primary says now.
struct StandbyTest : testing::Test {
  static void on_standby(TestSession& session, bool is) {
    session.paths().query().context().reported("in_hot_standby", is ? "on" : "off");
  }
  bool hits(TestSession& session) {
    session.say(read);
    session.say(read);
    return session.hits_of(read) == 1;
  }

  const std::string read = simple_query("select id from a");
  TestWorker worker;
  TestSession first{worker}, second{worker};
};

TEST_F(StandbyTest, AloneItsRepliesAreKept) {
  worker.load_catalog();
  on_standby(first, true);
  on_standby(second, true);
  EXPECT_TRUE(hits(first));
  EXPECT_EQ(second.hits_of(read), 1U);
}

TEST_F(StandbyTest, BesideAPrimaryItIsPassedThrough) {
  worker.load_catalog();
  on_standby(first, false);
  on_standby(second, true);
  EXPECT_FALSE(hits(second));
  EXPECT_EQ(first.hits_of(read), 0U) << "nothing of it is kept";
  EXPECT_TRUE(hits(first));
  EXPECT_FALSE(hits(second));
  EXPECT_FALSE(second.paths().query().may_refresh(first.paths().query().context(), 0, worker.clock.now()));
}

TEST_F(StandbyTest, WhatItSaidBeforeAPrimaryWasSeenIsOver) {
  worker.load_catalog();
  on_standby(first, true);
  EXPECT_TRUE(hits(first));
  on_standby(second, false);
  EXPECT_EQ(worker.catalogs.database("shop")->snapshot().epoch + 1,
            worker.catalogs.database("shop")->epoch());
  worker.clock.advance(base::kSecond);
  worker.load_catalog();
  second.say(simple_query("select 1"));
  EXPECT_EQ(second.hits_of(read), 0U);
  EXPECT_FALSE(hits(first));
}

TEST_F(StandbyTest, OncePromotedItIsAPrimary) {
  worker.load_catalog();
  on_standby(second, false);
  EXPECT_TRUE(hits(second));
  on_standby(first, true);
  EXPECT_FALSE(hits(first));
  on_standby(first, false);  // with the end of a statement that may have written already
  worker.clock.advance(base::kSecond);
  worker.load_catalog();
  EXPECT_EQ(second.hits_of(read), 0U);
  EXPECT_TRUE(hits(first));
}

// A session amid a transaction cannot ask for what it does not know any more; others can.
struct LongTransaction : testing::Test {
  LongTransaction() {
    session.say(simple_query("begin"));
    session.say(read);
    session.say(simple_query("commit"));
    other.say(read);
    session.say(simple_query("begin"));
    EXPECT_EQ(session.hits_of(read), 1U);
  }

  const std::string read = simple_query("select id from a");
  TestSession session;
  TestSession other{session.worker()};
};

TEST_F(LongTransaction, NothingIsAnsweredWhileTheCatalogMayBeFalse) {
  session.worker().catalogs.database("shop")->invalidate();
  EXPECT_EQ(session.hits_of(read), 0U);
}

TEST_F(LongTransaction, AnotherCatalogMayMakeAnotherSearchPath) {
  const auto database = session.worker().catalogs.database("shop");
  const base::Nanos now = session.worker().clock.now();
  const auto ticket = database->begin_load(now);
  ASSERT_TRUE(ticket);
  query::TestCatalog catalog(ticket->version);
  database->publish(*ticket, {catalog.table({.oid = 20000, .name = "a"}).build(), "another"}, now);
  other.say(read);
  other.say(read);
  EXPECT_EQ(other.hits_of(read), 1U);
  EXPECT_EQ(session.hits_of(read), 0U);
  session.say(simple_query("commit"));
  session.say(read);
  EXPECT_EQ(session.hits_of(read), 1U);
}

TEST_F(LongTransaction, SettingsGrowOldThoughTheCatalogIsConfirmed) {
  session.worker().clock.advance(session.worker().services.live->cache_ttl);
  other.say(read);
  EXPECT_EQ(other.hits_of(read), 1U);
  EXPECT_EQ(session.hits_of(read), 0U);
  session.say(simple_query("commit"));
  session.say(read);
  EXPECT_EQ(session.hits_of(read), 1U);
}

// Of several sessions that miss the same reply one asks for it, and the others wait.
struct SharedFill : testing::Test {
  SharedFill() {
    filler->say(simple_query("select 1"));  // what they must know of their settings
    other.say(simple_query("select 1"));
    filler->say(simple_query("select id from a where id = 1"));
    other.say(simple_query("select id from a where id = 2"));
    filler->paths().from_client(read);
    sent = other.paths().to_upstream.size();
    received = other.paths().to_client.size();
    other.paths().from_client(read);
  }

  const std::string read = simple_query("select id from a where id = 3");
  TestSession other;
  std::unique_ptr<TestSession> filler = std::make_unique<TestSession>(other.worker());
  std::size_t sent = 0, received = 0;  // by the one that waits, before
};

TEST_F(SharedFill, TheOtherAsksNothingAndIsAnswered) {
  EXPECT_EQ(other.paths().to_upstream.size(), sent);
  EXPECT_EQ(other.paths().to_client.size(), received);
  filler->say("");
  other.say("");
  EXPECT_EQ(other.paths().to_upstream.size(), sent);
  EXPECT_GT(other.paths().to_client.size(), received);
}

// Its filler was on the way to wake this session when that gave up.
TEST_F(SharedFill, TheLateWakeOfAnEarlierWaitEndsNothing) {
  other.paths().query().woken();
  other.say("");
  EXPECT_TRUE(other.paths().query().is_waiting());
  EXPECT_EQ(other.paths().to_upstream.size(), sent);
  filler->say("");
  other.say("");
  EXPECT_EQ(other.paths().to_upstream.size(), sent);
  EXPECT_GT(other.paths().to_client.size(), received);
}

TEST_F(SharedFill, ACancelRequestEndsTheWaitAtOnce) {
  EXPECT_TRUE(other.paths().query().cancel());
  other.paths().from_client("");
  EXPECT_EQ(other.paths().to_upstream.size(), sent);
  EXPECT_NE(other.paths().to_client.find("57014", received), std::string::npos);
  filler->say("");
  EXPECT_EQ(other.hits_of(read), 1U);
}

TEST_F(SharedFill, TheOtherAsksItselfIfTheOneThatAskedHasGone) {
  filler.reset();
  other.say("");
  EXPECT_GT(other.paths().to_upstream.size(), sent);
  EXPECT_EQ(other.hits_of(read), 1U);
}

TEST_F(SharedFill, ACancelRequestOfTheOneThatAsksIsForItsBackend) {
  EXPECT_FALSE(filler->paths().query().cancel());
}

// What they wait for is overtaken by a change: one of them fills, and the others wait for that.
TEST(WaitForAFill, GoesOnWithTheNextOne) {
  TestSession first, second(first.worker()), third(first.worker());
  TestWorker& worker = first.worker();
  const std::string read = simple_query("select id from a");
  for (TestSession* each : {&first, &second, &third}) each->say(simple_query("select 1"));
  const auto count_of = [&](Outcome outcome) {
    std::uint64_t sum = 0;
    for (const auto& counter : worker.stats.lookups[static_cast<std::size_t>(outcome)]) sum += counter.get();
    return sum;
  };
  const std::uint64_t before = count_of(Outcome::kBypass);
  for (TestSession* each : {&first, &second, &third}) each->paths().from_client(read);
  worker.catalogs.outdate_replies();
  for (TestSession* each : {&first, &second, &third}) each->say("");
  EXPECT_EQ(count_of(Outcome::kMiss), 2U);
  EXPECT_EQ(count_of(Outcome::kHit), 1U);
  EXPECT_EQ(count_of(Outcome::kBypass), before);
}

}  // namespace
}  // namespace pgweir::proxy
