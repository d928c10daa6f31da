#include "proxy/console.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "proxy/session.h"
#include "proxy/test_server.h"
#include "proxy/test_session.h"
#include "wire/startup.h"

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

// What a client gets that logs in to the console from this address and says goodbye.
std::string visit_from(const std::string& host, Console& console) {
  struct Host final : Session::Host {
    explicit Host(io::Loop& loop) : loop_(loop) {}
    base::Result<void> admit() override { return {}; }
    void upstream_answered(bool, const std::string&) override {}
    void ended(Session&) override { loop_.stop(); }
    io::Loop& loop_;
  };
  std::array<int, 2> ends{};
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const io::Fd client(ends[1]);
  base::Buffer said;
  wire::append_startup(said, {.version = {3, 0}, .parameters = {{"user", "ann"}, {"database", "pgweir"}}});
  said.append(message('X', ""));
  CHECK(write(client.get(), said.view().data(), said.size()) == static_cast<ssize_t>(said.size()));

  TestWorker worker;
  auto live = std::make_shared<LiveSettings>(*worker.services.live);
  live->upstream = UpstreamTarget::make({}).value();
  worker.services.live = live;
  worker.services.console = &console;
  Host visited(worker.loop);
  const auto session = std::make_shared<Session>(worker.services, visited);
  session->start(io::Fd(ends[0]), io::resolve_numeric(host, 1).value().front());
  shutdown(client.get(), SHUT_WR);
  worker.loop.run();
  std::array<char, 4096> heard{};
  const ssize_t n = read(client.get(), heard.data(), heard.size());
  return {heard.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

TEST(ConsoleTest, OnlyForClientsOnItsOwnMachine) {
  TestConsole console;
  for (const char* host : {"127.0.0.1", "::1", "/tmp"})
    EXPECT_THAT(visit_from(host, console), testing::StartsWith(std::string(wire::kAuthenticationOk))) << host;
  for (const char* host : {"10.0.0.1", "::ffff:10.0.0.1", "fe80::1"}) {
    const std::string heard = visit_from(host, console);
    ASSERT_GT(heard.size(), wire::kHeaderBytes) << host;
    EXPECT_EQ(heard.front(), 'E') << host;
    EXPECT_EQ(wire::error_field(std::string_view(heard).substr(wire::kHeaderBytes), 'C'), "28000") << host;
  }
}

}  // namespace
}  // namespace pgweir::proxy
