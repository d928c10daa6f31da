#include "warm/reply_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/backend.h"

namespace pgweir::warm {
namespace {

std::string message(char type, std::string_view body) {
  base::Buffer out;
  out.push_back(type);
  wire::append_u32(out, static_cast<std::uint32_t>(4 + body.size()));
  out.append(body);
  return std::string(out.view());
}

std::string notice(const std::string& text) {
  base::Buffer out;
  wire::append_notice(out, {.severity = "NOTICE", .code = "00000", .message = text});
  return std::string(out.view());
}

std::string error(std::string_view code) {
  base::Buffer out;
  wire::append_error(out, {.code = code, .message = "pgweir: hit"});
  return std::string(out.view());
}

const std::string kReady = message('Z', "I");
const std::string kRows =
    message('T', "columns") + message('D', std::string(5'000, 'x')) + message('C', "SELECT 1");

Outcome outcome_of(const std::string& reply) {
  ReplyReader reader;
  reader.begin();
  EXPECT_TRUE(reader.take(reply));
  return reader.outcome();
}

TEST(ReplyReader, TakesPgweirAtItsWord) {
  EXPECT_EQ(outcome_of(notice("pgweir: miss: cold") + kRows + kReady), Outcome::kFilled);
  EXPECT_EQ(outcome_of(notice("pgweir: hit, expires in 3.0 s") + kRows + kReady), Outcome::kPresent);
  EXPECT_EQ(outcome_of(notice("pgweir: stale, its ttl is over") + kRows + kReady), Outcome::kPresent);
  EXPECT_EQ(outcome_of(notice("pgweir: bypass: user_function") + kRows + kReady), Outcome::kPassed);
  EXPECT_EQ(outcome_of(notice("hit") + kRows + kReady), Outcome::kPassed);
  EXPECT_EQ(outcome_of(notice("pgweir: miss: cold") + error("22012") + kReady), Outcome::kFailed);
  EXPECT_EQ(outcome_of(error("22012") + notice("pgweir: miss: cold") + kReady), Outcome::kFailed);
}

TEST(ReplyReader, WhereverBytesArePutAsunder) {
  const std::string reply = notice("pgweir: miss: cold") + kRows + kReady;
  for (std::size_t cut = 1; cut < reply.size(); ++cut) {
    ReplyReader reader;
    reader.begin();
    ASSERT_FALSE(reader.take(std::string_view(reply).substr(0, cut))) << cut;
    ASSERT_TRUE(reader.take(std::string_view(reply).substr(cut))) << cut;
    ASSERT_EQ(reader.outcome(), Outcome::kFilled) << cut;
  }
}

// A setting that PostgreSQL reports by itself may come at any time, and in pieces.
TEST(ReplyReader, WhatComesBehindCountsForTheNext) {
  const std::string setting = message('S', std::string_view("TimeZone\0UTC\0", 13));
  const std::string first = notice("pgweir: miss: cold") + kRows + kReady;
  for (std::size_t cut = 0; cut <= setting.size(); ++cut) {
    ReplyReader reader;
    reader.begin();
    ASSERT_TRUE(reader.take(first + setting.substr(0, cut))) << cut;
    reader.begin();
    ASSERT_TRUE(reader.take(setting.substr(cut) + notice("pgweir: hit") + kReady)) << cut;
    ASSERT_EQ(reader.outcome(), Outcome::kPresent) << cut;
  }
}

TEST(ReplyReader, TellsWhatWasShed) {
  ReplyReader reader;
  reader.begin();
  reader.take(error("53300") + kReady);
  EXPECT_TRUE(reader.is_shed());
  reader.begin();
  EXPECT_FALSE(reader.is_shed());
  reader.take(error("42501") + kReady);
  EXPECT_FALSE(reader.is_shed());
}

TEST(ReplyReader, WhatIsNoProtocolIsSaid) {
  for (const std::string_view bytes :
       {std::string_view("Z\0\0\0\1", 5), std::string_view("N\x7f\xff\xff\xff", 5)}) {
    ReplyReader reader;
    reader.begin();
    EXPECT_FALSE(reader.take(bytes));
    EXPECT_TRUE(reader.is_broken());
  }
}

}  // namespace
}  // namespace pgweir::warm
