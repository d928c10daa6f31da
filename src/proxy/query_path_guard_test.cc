// Statements that wait for their turn at PostgreSQL.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "proxy/test_session.h"

namespace pgweir::proxy {
namespace {

class NoWaiter final : public guard::Waiter {
 public:
  void turn_has_come() noexcept override {}
};

// One may be at PostgreSQL, and somebody else is.
struct GuardedTest : testing::Test {
  GuardedTest() {
    session.say(simple_query("select 1"));  // its settings are known now
    other.say(simple_query("select 1"));
    worker.gate.configure({.limit = 1, .queue_max = 10});
  }
  void occupy() { busy.ask({}); }
  // Whoever waits then goes on, one after the other.
  void release() {
    busy.release();
    for (int i = 0; i < 3; ++i)
      for (TestSession* each : {&session, &other}) each->say("");
  }
  void refuse_all() {
    auto live = std::make_shared<LiveSettings>(*worker.services.live);
    live->guard = {.limit = 1, .queue_max = 0};
    worker.gate.configure(live->guard);
    worker.services.live = live;
  }
  std::int64_t queued() const { return worker.gate.stats().queued.get(); }
  std::int64_t active() const { return worker.gate.stats().active.get(); }
  std::uint64_t count_of(Outcome outcome) const {
    std::uint64_t sum = 0;
    for (const auto& counter : worker.stats.lookups[static_cast<std::size_t>(outcome)]) sum += counter.get();
    return sum;
  }
  static std::string kinds(std::string_view replies) {
    std::string out;
    wire::Header header;
    while (wire::read_header(replies, 1 << 20, header) == wire::HeaderStatus::kComplete) {
      out.push_back(header.type);
      replies.remove_prefix(header.message_bytes);
    }
    return out;
  }

  const std::string read = simple_query("select id from a");
  TestSession session;
  TestWorker& worker = session.worker();
  TestSession other{worker};
  guard::Permit busy{worker.gate, std::make_shared<NoWaiter>()};
};

TEST_F(GuardedTest, AStatementWaitsForItsTurn) {
  occupy();
  EXPECT_EQ(session.reply_to(simple_query("select 2")), "");
  EXPECT_EQ(queued(), 1);
  const std::size_t before = session.paths().to_client.size();
  release();
  EXPECT_EQ(kinds(session.paths().to_client.substr(before)), "TDDDCZ");
  EXPECT_EQ(active(), 0) << "the permit has gone back";
}

TEST_F(GuardedTest, AHitDoesNotWait) {
  session.say(read);
  occupy();
  EXPECT_EQ(other.hits_of(read), 1U);
}

TEST_F(GuardedTest, InsideATransactionNothingWaits) {
  session.say(simple_query("begin"));
  occupy();
  EXPECT_EQ(kinds(session.reply_to(simple_query("select 2"))), "TDDDCZ");
  EXPECT_EQ(worker.gate.stats().in_transaction.get(), 0) << "it is over";
  EXPECT_EQ(kinds(session.reply_to(simple_query("commit"))), "CZ");
  EXPECT_EQ(session.reply_to(simple_query("select 2")), "");
}

TEST_F(GuardedTest, WhoFillsWaitsWithItsFillAndTheOthersForThat) {
  occupy();
  session.say(read);
  other.say(read);
  EXPECT_EQ(queued(), 1) << "the other one waits for the fill";
  release();
  EXPECT_EQ(count_of(Outcome::kMiss), 1U);
  EXPECT_EQ(count_of(Outcome::kHit), 1U);
  EXPECT_EQ(session.paths().to_client.size(), other.paths().to_client.size());
}

TEST_F(GuardedTest, TheFillOfARefusedOnePassesOn) {
  occupy();
  refuse_all();
  EXPECT_NE(session.reply_to(read).find("53300"), std::string::npos);
  busy.release();
  EXPECT_EQ(kinds(other.reply_to(read)), "TDDDCZ");
  EXPECT_EQ(session.hits_of(read), 1U);
  EXPECT_EQ(count_of(Outcome::kMiss), 1U) << "what was refused counts as that alone";
  EXPECT_EQ(count_of(Outcome::kRefused), 1U);
}

TEST_F(GuardedTest, RefusedByTheSimpleAndTheExtendedProtocol) {
  session.say(preparation("s", "select id from a where id = $1"));
  occupy();
  refuse_all();
  EXPECT_EQ(kinds(session.reply_to(simple_query("select 2"))), "EZ");
  EXPECT_EQ(kinds(session.reply_to(execution("s", "1"))), "EZ");
  EXPECT_EQ(kinds(session.reply_to(preparation("t", "select 2"))), "EZ");
  busy.release();
  EXPECT_EQ(kinds(session.reply_to(execution("t", "1"))), "EZ") << "it was not prepared";
  EXPECT_EQ(kinds(session.reply_to(execution("s", "1"))), "2TDDDCZ");
}

TEST_F(GuardedTest, AnOldReplyIsBetterThanNone) {
  const std::string accepting = simple_query("select id from a /* pgweir: ttl=10s stale_if_error=1m */");
  const std::string reply = session.reply_to(accepting);
  worker.clock.advance(11 * base::kSecond);
  occupy();
  refuse_all();
  EXPECT_EQ(session.reply_to(accepting), reply);
  EXPECT_EQ(worker.stats.stale_if_error.get(), 1U);
  EXPECT_EQ(count_of(Outcome::kRefused), 0U);
}

TEST_F(GuardedTest, WhatIsStillGoodIsNotFilledMeanwhile) {
  const std::string accepting =
      simple_query("select id from a /* pgweir: ttl=10s stale_while_revalidate=1m */");
  const std::string reply = session.reply_to(accepting);
  session.say(accepting);
  worker.clock.advance(11 * base::kSecond);
  occupy();
  EXPECT_EQ(session.reply_to(accepting), reply);
  EXPECT_EQ(count_of(Outcome::kStale), 1U);
  EXPECT_EQ(queued(), 0);
  release();
  EXPECT_EQ(kinds(session.reply_to(accepting)), kinds(reply));
  EXPECT_EQ(count_of(Outcome::kStale), 1U) << "now it is asked anew";
}

TEST_F(GuardedTest, OwnQuestionsGoFirst) {
  occupy();
  session.say(simple_query("select 2"));
  TestSession late(worker);
  late.say(read);  // its settings are not known
  EXPECT_EQ(queued(), 2);
  const std::size_t before = session.paths().to_client.size();
  busy.release();
  late.say("");
  EXPECT_FALSE(late.paths().to_upstream.empty());
  EXPECT_EQ(session.paths().to_client.size(), before);
  release();
  EXPECT_EQ(kinds(session.paths().to_client.substr(before)), "TDDDCZ");
}

TEST_F(GuardedTest, WhoMayBeGoneGoesLast) {
  occupy();
  session.say(simple_query("select 2"));
  session.paths().query().client_said_eof();
  other.say(simple_query("select 2"));
  busy.release();
  other.say("");
  EXPECT_EQ(queued(), 0);
  EXPECT_EQ(active(), 1) << "the one that may be gone";
  EXPECT_EQ(kinds(other.paths().to_client.substr(other.paths().to_client.size() - 6)), "Z");
}

TEST_F(GuardedTest, ACancelledOneLeavesTheQueue) {
  occupy();
  session.say(read);
  EXPECT_TRUE(session.paths().query().cancel());
  EXPECT_NE(session.reply_to("").find("57014"), std::string::npos);
  EXPECT_EQ(queued(), 0);
  EXPECT_EQ(other.reply_to(read), "") << "its fill has passed on";
  EXPECT_EQ(queued(), 1);
}

TEST_F(GuardedTest, WhatWaitsForTheClientKeepsNobodyWaiting) {
  session.say(simple_query("copy"));
  EXPECT_EQ(active(), 0);
  EXPECT_EQ(kinds(other.reply_to(simple_query("select 2"))), "TDDDCZ");
}

// Without the answer names would be unknown, and the statement would count as writing everything.
TEST_F(GuardedTest, WhoseQuestionIsRefusedIsRefused) {
  session.say(read);
  TestSession late(worker);
  occupy();
  refuse_all();
  EXPECT_NE(late.reply_to(read).find("53300"), std::string::npos);
  EXPECT_EQ(late.paths().to_upstream, "");
  busy.release();
  EXPECT_EQ(late.hits_of(read), 1U) << "at once, and nothing has been dropped";
}

TEST_F(GuardedTest, WhoseQuestionIsCancelledKeepsItsStatements) {
  session.say(preparation("s", "select id from a where id = $1"));
  session.say(simple_query("set x = 1"));  // the settings are asked again
  occupy();
  session.say(read);
  EXPECT_EQ(queued(), 1);
  EXPECT_TRUE(session.paths().query().cancel());
  EXPECT_NE(session.reply_to("").find("57014"), std::string::npos);
  release();
  session.say(read);
  EXPECT_EQ(kinds(session.reply_to(execution("s", "1"))), "2TDDDCZ");
  EXPECT_EQ(session.hits_of(read), 1U);
}

TEST_F(GuardedTest, AnOpenGroupThatIsAnsweredKeepsNobodyWaiting) {
  const std::string parsed = preparation("s", "select id from a");
  const std::string_view parse = std::string_view(parsed).substr(0, parsed.size() - 5);
  session.say(std::string(parse) + message('D', std::string_view("Ss\0", 3)));
  EXPECT_EQ(active(), 0) << "it is flushed, so that it is known";
  EXPECT_EQ(kinds(other.reply_to(simple_query("select 2"))), "TDDDCZ");
  EXPECT_EQ(kinds(session.reply_to(wire::kSync)), "Z");
}

// Its turn comes while another one fills, who waits for a turn.
TEST_F(GuardedTest, WhoWaitsForAFillKeepsNobodyWaiting) {
  TestSession writer(worker);
  writer.say(simple_query("select 1"));
  session.say(read);
  writer.paths().from_client(simple_query("insert into a values (1)"));
  EXPECT_EQ(session.reply_to(read), "") << "passes, since a write is on its way, and waits for its turn";
  EXPECT_EQ(queued(), 1);
  writer.say("");
  EXPECT_EQ(queued(), 0);
  EXPECT_EQ(active(), 1);
  EXPECT_EQ(other.reply_to(read), "") << "fills, and waits for its turn";
  EXPECT_EQ(queued(), 1);
  for (int i = 0; i < 3; ++i)
    for (TestSession* each : {&session, &other}) each->say("");
  EXPECT_EQ(queued(), 0);
  EXPECT_EQ(active(), 0);
  EXPECT_EQ(count_of(Outcome::kHit), 1U);
}

TEST_F(GuardedTest, ASyncBeforeItSparesNobodyTheQueue) {
  occupy();
  EXPECT_EQ(kinds(session.reply_to(std::string(wire::kSync) + simple_query("select 2"))), "Z");
  EXPECT_EQ(queued(), 1);
  const std::size_t before = session.paths().to_client.size();
  release();
  EXPECT_EQ(kinds(session.paths().to_client.substr(before)), "TDDDCZ");
}

TEST_F(GuardedTest, ARefusalDoesNotStandAmidAMessage) {
  const std::string notification = message('A', std::string_view("\0\0\0\1channel\0payload\0", 20));
  occupy();
  refuse_all();
  session.paths().from_upstream(notification.substr(0, 9));
  EXPECT_EQ(session.reply_to(simple_query("select 2")), "");
  const std::size_t before = session.paths().to_client.size();
  session.paths().from_upstream(notification.substr(9));
  session.say("");
  EXPECT_EQ(session.paths().to_client.substr(before, notification.size() - 9), notification.substr(9));
  EXPECT_EQ(kinds(session.paths().to_client.substr(before + notification.size() - 9)), "EZ");
}

TEST_F(GuardedTest, ThePermitEndsWithTheSession) {
  {
    TestSession gone(worker);
    occupy();
    gone.say(simple_query("select 2"));
    EXPECT_EQ(queued(), 1);
  }
  EXPECT_EQ(queued(), 0);
}

}  // namespace
}  // namespace pgweir::proxy
