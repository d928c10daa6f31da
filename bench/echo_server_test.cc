#include "bench/echo_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "bench/replies.h"
#include "bench/workload.h"

namespace pgweir::bench {
namespace {

using std::string_literals::operator""s;

const std::string kSslRequest = "\0\0\0\x08\x04\xd2\x16\x2f"s;
const std::string kStartup = "\0\0\0\x14\0\3\0\0user\0bench\0\0"s;

// The types of the messages in `bytes`.
std::string types(std::string_view bytes) {
  std::string out;
  while (bytes.size() >= 5) {
    out += bytes[0];
    bytes.remove_prefix(1 + static_cast<unsigned char>(bytes[3]) * 256U +
                        static_cast<unsigned char>(bytes[4]));
  }
  return out;
}

std::string answer(const EchoProtocol& protocol, std::string_view in) {
  bool started = true;
  std::string out;
  const auto used = protocol.answer(in, started, out);
  EXPECT_TRUE(used);
  EXPECT_EQ(used.value_or(0), in.size());
  return out;
}

TEST(EchoProtocol, WelcomesInAnySplit) {
  const EchoProtocol protocol(EchoConfig{});
  const std::string stream = kSslRequest + kStartup;
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    bool started = false;
    std::string unread, out;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      unread += stream.substr(at, piece);
      const auto used = protocol.answer(unread, started, out);
      ASSERT_TRUE(used);
      unread.erase(0, *used);
    }
    EXPECT_TRUE(started);
    ASSERT_TRUE(out.starts_with('N'));
    EXPECT_EQ(types(std::string_view(out).substr(1)), "RSSSSSSSSSSSSSKZ");
  }
}

TEST(EchoProtocol, AnswersWhatWasAsked) {
  const EchoProtocol protocol(EchoConfig{.rows = 2});
  EXPECT_EQ(types(answer(protocol, "Q\0\0\0\x06x\0"s)), "TDDCZ");
  const auto prepared = Workload::make({.mode = Mode::kPrepared, .sql = "SELECT $1", .keys = 1});
  ASSERT_TRUE(prepared);
  const std::string request(prepared->request(0));
  EXPECT_EQ(types(answer(protocol, request + request)), "2TDDCZ2TDDCZ");
  EXPECT_EQ(types(answer(protocol,
                         "P\0\0\0\x04"s + "D\0\0\0\6S\0"s + "C\0\0\0\6S\0"s + "H\0\0\0\4"s + "S\0\0\0\4"s)),
            "1tT3Z");
}

TEST(EchoProtocol, RefusesWhatItDoesNotSpeak) {
  const EchoProtocol protocol(EchoConfig{});
  std::string out;
  for (const std::string& bytes : {"X\0\0\0\4"s, "?\0\0\0\4"s, "Q\0\0\0\3"s}) {
    bool started = true;
    EXPECT_FALSE(protocol.answer(bytes, started, out)) << bytes;
  }
  for (const std::string& bytes : {"\0\0\0\7\0\3\0\0"s, "\x7f\0\0\0\0\3\0\0"s, "\0\0\0\x08\0\2\0\0"s}) {
    bool started = false;
    EXPECT_FALSE(protocol.answer(bytes, started, out)) << bytes;
  }
  EXPECT_EQ(out, "");
}

TEST(EchoServer, ServesRepliesLargerThanTheSocketTakes) {
  auto server = EchoServer::start(EchoConfig{.rows = 1000, .value_bytes = 16'384});
  ASSERT_TRUE(server) << server.error().message;
  const auto client = connect_tcp("127.0.0.1", (*server)->port());
  ASSERT_TRUE(client) << client.error().message;
  const std::string requests = kStartup + "Q\0\0\0\x06x\0"s;
  ASSERT_EQ(::send(client->get(), requests.data(), requests.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(requests.size()));
  ASSERT_TRUE(set_nonblocking(client->get()));

  PostgresScanner scanner(Expectation{.rows = 0});  // the welcome has none and ends the first "reply"
  std::vector<char> received(1 << 20);
  std::uint64_t total_bytes = 0;
  for (bool failed = false; !failed;) {
    ASSERT_TRUE((*server)->turn(0));
    const ssize_t got = ::recv(client->get(), received.data(), received.size(), 0);
    if (got <= 0) continue;
    total_bytes += static_cast<std::uint64_t>(got);
    const auto completed = scanner.scan({received.data(), static_cast<std::size_t>(got)});
    if (!completed) {
      EXPECT_EQ(completed.error().message, "a reply has 1000 rows instead of 0");
      failed = true;
    }
  }
  EXPECT_GT(total_bytes, 16'384'000U);
  EXPECT_EQ((*server)->sessions(), 1U);
}

}  // namespace
}  // namespace pgweir::bench
