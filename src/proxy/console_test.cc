#include "proxy/console.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/test_server.h"
#include "proxy/test_session.h"

namespace pgweir::proxy {
namespace {

// Knows TABLE, which has rows, and NOTHING, which has none.
struct TestConsole final : Console {
  std::string version() const override { return "9"; }
  std::expected<ConsoleTable, wire::Complaint> run(std::string_view command) override {
    ++runs;
    if (command == "TABLE") return ConsoleTable{{"a"}, {{"1"}, {std::nullopt}}, "SHOW"};
    if (command == "NOTHING") return ConsoleTable{{}, {}, "NOTHING"};
    return std::unexpected(wire::Complaint{.code = "42601", .message = "unknown"});
  }
  unsigned runs = 0;
};

struct ConsoleSessionTest : testing::Test {
  // The types of the messages that come back.
  std::string say(std::string_view bytes) {
    base::Buffer out;
    waiting.append(bytes);
    waiting.erase(0, session.process(waiting, out));
    std::string types;
    std::string_view rest = out.view();
    wire::Message reply;
    while (wire::read_message(rest, 1 << 20, reply) == wire::HeaderStatus::kComplete) {
      types.push_back(reply.type);
      rest.remove_prefix(reply.raw.size());
    }
    EXPECT_TRUE(rest.empty());
    return types;
  }
  static std::string preparation_of(std::string_view name, std::string_view sql) {
    base::Buffer out;
    wire::append_parse(out, name, sql, {});
    return std::string(out.view());
  }
  static std::string bind(std::string_view portal, std::string_view statement) {
    base::Buffer body;
    wire::append_string(body, portal);
    wire::append_string(body, statement);
    for (int i = 0; i < 3; ++i) wire::append_u16(body, 0);
    return message('B', body.view());
  }
  const std::string sync{wire::kSync};
  const std::string describe_portal = message('D', std::string_view("P\0", 2));
  const std::string execute = message('E', std::string_view("\0\0\0\0\0", 5));

  TestConsole console;
  ConsoleSession session{console};
  std::string waiting;
};

TEST_F(ConsoleSessionTest, SimpleQueries) {
  EXPECT_EQ(say(simple_query(" TABLE ; ")), "TDDCZ");
  EXPECT_EQ(say(simple_query("NOTHING")), "CZ");
  EXPECT_EQ(say(simple_query("")), "IZ");
  EXPECT_EQ(say(simple_query("ELSE")), "EZ");
  EXPECT_EQ(say(simple_query("TABLE") + simple_query("NOTHING")), "TDDCZCZ");
}

TEST_F(ConsoleSessionTest, BytesInAnyPieces) {
  std::string types;
  for (const char byte : simple_query("TABLE") + preparation_of("", "TABLE") + bind("", "") + execute + sync)
    types += say(std::string_view(&byte, 1));
  EXPECT_EQ(types, "TDDCZ12DDCZ");
}

TEST_F(ConsoleSessionTest, ExtendedQueries) {
  EXPECT_EQ(say(preparation_of("s", "TABLE;") + bind("", "s") + describe_portal + execute + sync), "12TDDCZ");
  EXPECT_EQ(say(message('D', std::string_view("Ss\0", 3)) + sync), "tTZ");
  EXPECT_EQ(say(preparation_of("", "") + bind("", "") + describe_portal + execute + sync), "12nIZ");
  EXPECT_EQ(say(message('C', std::string_view("Ss\0", 3)) + sync), "3Z");
  EXPECT_EQ(say(bind("", "s") + sync), "EZ");
}

TEST_F(ConsoleSessionTest, AnErrorSkipsUpToSync) {
  EXPECT_EQ(say(preparation_of("", "ELSE") + bind("", "") + execute + execute + simple_query("TABLE")),
            "12E");
  EXPECT_EQ(say(sync + simple_query("NOTHING")), "ZCZ");
  EXPECT_EQ(console.runs, 2U);
}

TEST_F(ConsoleSessionTest, NamesAreLimited) {
  for (std::size_t i = 0; i < ConsoleSession::kNamesMax; ++i)
    ASSERT_EQ(say(preparation_of(std::to_string(i), "TABLE")), "1");
  EXPECT_EQ(say(preparation_of("one more", "TABLE") + sync), "EZ");
  EXPECT_EQ(say(preparation_of("7", "NOTHING") + sync), "1Z");
}

TEST_F(ConsoleSessionTest, ItStopsWhileMuchIsUnsent) {
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += simple_query("TABLE");
  base::Buffer out;
  const std::size_t taken = session.process(many, out);
  EXPECT_LT(taken, many.size());
  EXPECT_LT(out.size(), ConsoleSession::kUnsentBytesMax + 1000);
  EXPECT_EQ(session.process(many, out), 0U);
  out.clear();
  EXPECT_GT(session.process(many, out), 0U);
}

TEST_F(ConsoleSessionTest, WhatIsNoMessageEndsIt) {
  for (const std::string& bytes :
       {message('z', ""), std::string("Q\0\0\0\1", 5), std::string("Q\x7f\0\0\0", 5), message('Q', "no end"),
        message('B', "\1"), message('P', ""), message('D', "")}) {
    ConsoleSession hostile(console);
    base::Buffer out;
    hostile.process(bytes, out);
    ASSERT_TRUE(hostile.fault().has_value());
    EXPECT_FALSE(hostile.fault()->empty());
  }
  say(message('X', ""));
  EXPECT_EQ(session.fault(), "");
}

}  // namespace
}  // namespace pgweir::proxy
