// Replies asked anew before they are needed, and old ones in place of errors.
#include <gtest/gtest.h>

#include <string>

#include "proxy/test_session.h"

namespace pgweir::proxy {
namespace {

constexpr std::string_view kText = "select id from a /* pgweir: ttl=10s stale_if_error=1m */";
constexpr std::string_view kParameterText =
    "select id from a where id = $1 /* pgweir: ttl=10s stale_if_error=1m */";

struct StaleIfError : testing::Test {
  StaleIfError() {
    session.say(simple_query("select 1"));  // its settings are known now
    session.say(preparation("s", kParameterText));
    reply = session.reply_to(read);
    EXPECT_EQ(session.hits_of(read), 1U);
    prepared_reply = session.reply_to(prepared);
    EXPECT_EQ(session.hits_of(prepared), 1U);
    session.worker().clock.advance(11 * base::kSecond);
    session.server().fail_with("57014");
  }
  std::uint64_t given() const { return session.worker().stats.stale_if_error.get(); }

  const std::string read = simple_query(kText), prepared = execution("s", "1");
  mutable TestSession session;
  std::string reply, prepared_reply;
};

TEST_F(StaleIfError, TheOldReplyTakesThePlaceOfTheError) {
  EXPECT_EQ(session.reply_to(read), reply);
  EXPECT_EQ(session.reply_to(read), reply) << "and does so again";
  EXPECT_EQ(session.reply_to(prepared), prepared_reply);
  EXPECT_EQ(given(), 3U);
}

TEST_F(StaleIfError, OfAStatementThatIsParsedNowToo) {
  const std::string parsed_too =
      preparation("", kParameterText).substr(0, preparation("", kParameterText).size() - 5) +
      execution("", "1");
  EXPECT_EQ(session.reply_to(parsed_too),
            std::string(wire::kParseAndBindComplete.substr(0, 5)) + prepared_reply);
  EXPECT_EQ(given(), 1U);
}

TEST_F(StaleIfError, WhatPostgresCanAnswerItAnswers) {
  session.server().fail_with("");
  EXPECT_EQ(session.reply_to(read), reply);
  EXPECT_EQ(given(), 0U);
  EXPECT_EQ(session.hits_of(read), 1U);
}

TEST_F(StaleIfError, NotForAnErrorOfTheStatement) {
  session.server().fail_with("22012");
  const std::string error = session.reply_to(read);
  EXPECT_EQ(error.front(), 'T') << "what was withheld comes first";
  EXPECT_NE(error.find("22012"), std::string::npos);
  EXPECT_EQ(given(), 0U);
}

struct CompressedStaleIfError : testing::Test {
  CompressedStaleIfError() {
    session.worker().compression.set_cpu_share(1);
    session.say(simple_query("select 1"));
    reply = session.reply_to(read);
    session.worker().clock.advance(11 * base::kSecond);
    session.server().fail_with("57014");
  }
  const std::string read = simple_query(kText);
  TestSession session;
  std::string reply;
};

TEST_F(CompressedStaleIfError, AnswersAsItCame) { EXPECT_EQ(session.reply_to(read), reply); }

TEST_F(CompressedStaleIfError, ADamagedOneDoesNot) {
  session.worker().damage_compressed();
  EXPECT_NE(session.reply_to(read).find("57014"), std::string::npos);
  EXPECT_EQ(session.worker().stats.compression.unreadable.get(), 1U);
}

TEST_F(StaleIfError, NotOnceItsTimeIsOver) {
  session.worker().clock.advance(60 * base::kSecond);
  EXPECT_NE(session.reply_to(read).find("57014"), std::string::npos);
}

TEST_F(StaleIfError, NotWithoutARule) {
  EXPECT_NE(session.reply_to(simple_query("select id from a")).find("57014"), std::string::npos);
}

// It has failed at the server: what follows must fail too.
TEST_F(StaleIfError, NotInATransaction) {
  session.say(simple_query("begin"));
  EXPECT_NE(session.reply_to(read).find("57014"), std::string::npos);
}

TEST_F(StaleIfError, AgainAndAgainWhateverTheFailure) {
  for (const std::string_view code : {"08006", "40P01", "53200", "55P03", "57014", "58030", "XX000"}) {
    session.server().fail_with(code);
    EXPECT_EQ(session.reply_to(read), reply) << code;
  }
}

// One fills, another waits for it: neither gets the error.
TEST_F(StaleIfError, ForWhoHasWaitedToo) {
  TestSession other(session.worker());
  other.say(simple_query("select 1"));
  other.server().fail_with("57014");
  session.paths().from_client(read);
  const std::size_t before = other.paths().to_client.size();
  other.paths().from_client(read);
  EXPECT_EQ(session.reply_to(""), reply);
  other.say("");
  EXPECT_EQ(other.paths().to_client.substr(before), reply);
}

// Its head has been passed on when the error comes.
TEST_F(StaleIfError, ANoticeInPiecesStaysWhole) {
  const std::string notice = message('N', std::string_view("SNOTICE\0C00000\0Mnotice\0\0", 24));
  base::Buffer error;
  wire::append_error(error, {.code = "57014", .message = "late"});
  const std::string ready = message('Z', "I");
  session.paths().from_client(read);
  const std::size_t before = session.paths().to_client.size();
  session.paths().from_upstream(notice.substr(0, 9));
  session.paths().from_upstream(notice.substr(9) + std::string(error.view()) + ready);
  EXPECT_EQ(session.paths().to_client.substr(before), notice + reply);
}

TEST_F(StaleIfError, NotForWhoHasCancelledIt) {
  session.paths().from_client(read);
  EXPECT_FALSE(session.paths().query().cancel()) << "it runs at the server";
  EXPECT_NE(session.reply_to("").find("57014"), std::string::npos);
}

// One session asks shortly before a ttl ends, while another one's client is idle.
struct EarlyRefresh : testing::Test {
  EarlyRefresh() {
    for (TestSession* each : {&session, &other}) {
      each->say(simple_query("select 1"));
      each->say(preparation("s", kParameterText));
    }
    for (const std::string& statement : {read, prepared}) {
      session.paths().from_client(statement);
      session.worker().clock.advance(base::kSecond / 2);  // what the fill costs
      session.say("");
    }
    session.worker().clock.advance(9 * base::kSecond - base::kMillisecond);
    sent = session.paths().to_upstream.size();
  }
  std::uint64_t refreshes() { return session.worker().stats.refreshes.get(); }
  std::uint64_t asked_itself() { return session.paths().to_upstream.size() - sent; }

  const std::string read = simple_query(kText), prepared = execution("s", "1");
  TestSession session;
  TestSession other{session.worker()};
  std::size_t sent = 0;
};

TEST_F(EarlyRefresh, AnotherConnectionAsksAndNobodyWaits) {
  EXPECT_EQ(session.hits_of(read), 1U);
  EXPECT_EQ(asked_itself(), 0U);
  EXPECT_EQ(refreshes(), 1U);
  EXPECT_EQ(other.reply_to(""), "") << "its client hears nothing of it";
  session.worker().clock.advance(5 * base::kSecond);
  EXPECT_EQ(session.hits_of(read), 1U) << "the new reply, since the old one's time is over";
  EXPECT_EQ(asked_itself(), 0U);
}

TEST_F(EarlyRefresh, OfAPreparedStatementToo) {
  session.worker().clock.advance(base::kSecond / 2);
  const std::string reply = session.reply_to(prepared);
  EXPECT_EQ(refreshes(), 1U);
  EXPECT_EQ(other.reply_to(""), "");
  session.worker().clock.advance(5 * base::kSecond);
  EXPECT_EQ(session.reply_to(prepared), reply);
  EXPECT_EQ(asked_itself(), 0U);
  EXPECT_EQ(other.reply_to(execution("s", "1")), reply) << "its own statement is left alone";
  EXPECT_EQ(other.reply_to(preparation("pgweir.refresh", kText)).front(), '1') << "nothing is left behind";
}

TEST_F(EarlyRefresh, NothingIsLeftBehindAnErrorEither) {
  session.worker().clock.advance(base::kSecond / 2);
  other.server().fail_with("57014");
  session.say(prepared);
  EXPECT_EQ(refreshes(), 1U);
  EXPECT_EQ(other.reply_to(""), "");
  EXPECT_EQ(other.reply_to(preparation("pgweir.refresh", kText)).front(), '1');
}

TEST_F(EarlyRefresh, WithoutAnIdleConnectionWhoAsksFills) {
  session.worker().clock.advance(-base::kSecond / 2);
  other.say(simple_query("select 2"));
  session.worker().clock.advance(base::kSecond / 2);
  EXPECT_EQ(session.hits_of(read), 0U);
  EXPECT_EQ(refreshes(), 0U);
  EXPECT_GT(asked_itself(), 0U);
  EXPECT_EQ(session.worker()
                .stats.lookups[static_cast<std::size_t>(Outcome::kMiss)][Why(cache::MissWhy::kEarly).index()]
                .get(),
            1U);
}

TEST_F(EarlyRefresh, OnlyWithEqualSettings) {
  session.worker().clock.advance(-5 * base::kSecond);
  other.say(simple_query("set x = 1"));
  other.say(simple_query("select 1"));
  other.say(simple_query("select 2"));
  session.worker().clock.advance(5 * base::kSecond);
  EXPECT_EQ(session.hits_of(read), 0U);
  EXPECT_EQ(refreshes(), 0U);
}

// Its own doing has another reason, so that the reply is not what the key says.
TEST_F(EarlyRefresh, WhatIsAnsweredUnderForeignSettingsIsNotKept) {
  EXPECT_EQ(session.hits_of(read), 1U);
  const std::string status = message('S', std::string_view("DateStyle\0German\0", 17));
  const std::size_t before = other.paths().to_client.size();
  other.paths().from_upstream(message('C', std::string_view("SELECT 1\0", 9)) + status +
                              message('C', std::string_view("SELECT 0\0", 9)) + message('Z', "I"));
  EXPECT_EQ(other.paths().to_client.substr(before), status) << "its client must know";
  session.worker().clock.advance(base::kSecond);
  EXPECT_EQ(session.hits_of(read), 0U);
}

TEST_F(EarlyRefresh, WhatIsTooLargeIsThrownAwayAsItArrives) {
  EXPECT_EQ(session.hits_of(read), 1U);
  const std::string row = message('D', std::string(100 << 20, 'x'));
  const std::size_t before = other.paths().to_client.size();
  other.paths().from_upstream(message('C', std::string_view("SELECT 1\0", 9)));
  other.paths().from_upstream(row.substr(0, 100'000));
  EXPECT_EQ(other.paths().upstream_bytes_waiting(), 0U);
  other.paths().from_upstream(row.substr(100'000));
  other.paths().from_upstream(message('C', std::string_view("SELECT 1\0", 9)) + message('Z', "I"));
  EXPECT_FALSE(other.paths().has_fault()) << other.paths().fault();
  EXPECT_EQ(other.paths().to_client.substr(before), "");
  session.worker().clock.advance(base::kSecond);
  EXPECT_EQ(session.hits_of(read), 0U);
}

TEST_F(EarlyRefresh, NotOverAConnectionWhoseClientIsAboutToEnd) {
  other.paths().query().client_said_eof();
  EXPECT_EQ(session.hits_of(read), 0U);
  EXPECT_EQ(refreshes(), 0U);
}

TEST_F(EarlyRefresh, ItIsImpatient) {
  EXPECT_EQ(session.hits_of(read), 1U);
  other.say("");
  EXPECT_NE(other.paths().to_upstream.find("set_config('lock_timeout', '50', true)"), std::string::npos);
  EXPECT_NE(other.paths().to_upstream.find("set_config('statement_timeout', '1050', true)"),
            std::string::npos);
}

TEST_F(EarlyRefresh, WhatTheClientSaysMeanwhileWaitsForItsEnd) {
  EXPECT_EQ(session.hits_of(read), 1U);
  const std::size_t before = other.paths().to_upstream.size();
  other.paths().from_client(simple_query("select 22"));
  EXPECT_EQ(other.paths().to_upstream.find("select 22", before), std::string::npos);
  EXPECT_NE(other.reply_to("").find("select 22"), std::string::npos);
}

TEST_F(EarlyRefresh, ACancelHitsTheClientsStatementOnly) {
  EXPECT_EQ(session.hits_of(read), 1U);
  EXPECT_TRUE(other.paths().query().cancel()) << "nothing of the client's runs, so nobody is to be told";
  EXPECT_NE(other.reply_to(simple_query("select 22")).find("select 22"), std::string::npos);
}

TEST_F(EarlyRefresh, ACancelOfWhatWaitsIsForTheServerToo) {
  EXPECT_EQ(session.hits_of(read), 1U);
  other.paths().from_client(simple_query("select 22"));
  EXPECT_FALSE(other.paths().query().cancel()) << "it ends the refresh";
  EXPECT_NE(other.reply_to("").find("57014"), std::string::npos);
}

}  // namespace
}  // namespace pgweir::proxy
