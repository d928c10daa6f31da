#include "admin/server.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace pgweir::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A client of the plainest sort: it sends bytes and reads bytes.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // Until the server closes.
  std::string read_all() {
    std::string all;
    while (read_some(all)) {
    }
    return all;
  }
  // One reply with a Content-Length; its body has arrived too.
  std::string read_reply() {
    std::string reply;
    for (;;) {
      const std::size_t header_end = reply.find("\r\n\r\n");
      const std::size_t length_at = reply.find("Content-Length: ");
      if (header_end != std::string::npos && length_at != std::string::npos &&
          reply.size() >= header_end + 4 + std::stoul(reply.substr(length_at + 16))) {
        return reply;
      }
      if (!read_some(reply)) return reply + "<closed>";
    }
  }

 private:
  bool read_some(std::string& to) {
    char bytes[4096];
    const ssize_t n = recv(fd_, bytes, sizeof(bytes), 0);
    if (n > 0) to.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }

  int fd_;
  bool connected_ = false;
};

class AdminServerTest : public testing::Test {
 protected:
  void start(AdminLimits limits = {}) {
    server_ = std::make_unique<AdminServer>(limits);
    server_->route("GET", "/hello", [] { return HttpReply{200, "text/plain", "hello"}; });
    server_->route("POST", "/act", [this] {
      ++acts_;
      return HttpReply{200, "application/json", "{}"};
    });
    const auto port = server_->start("127.0.0.1:0");
    ASSERT_TRUE(port.has_value()) << port.error().message;
    port_ = *port;
  }
  // The reply to one request on a connection of its own.
  std::string ask(const std::string& request) {
    Client client(port_);
    EXPECT_TRUE(client.connected());
    EXPECT_TRUE(client.send(request));
    return client.read_all();
  }
  std::string request(const std::string& line, const std::string& fields = "") {
    return ask(line + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + fields + "\r\n");
  }

  std::unique_ptr<AdminServer> server_;
  std::uint16_t port_ = 0;
  std::atomic<int> acts_{0};
};

std::string body_of(const std::string& reply) {
  const std::size_t at = reply.find("\r\n\r\n");
  return at == std::string::npos ? "no header end" : reply.substr(at + 4);
}

TEST_F(AdminServerTest, AnswersARoute) {
  start();
  const std::string reply = request("GET /hello?x=1");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(reply, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_EQ(body_of(reply), "hello");
}

TEST_F(AdminServerTest, HeadHasTheLengthAndNoBody) {
  start();
  const std::string reply = request("HEAD /hello");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_EQ(body_of(reply), "");
}

TEST_F(AdminServerTest, UnknownPathsAndMethodsAreJson) {
  start();
  const std::string missing = request("GET /nothing");
  EXPECT_THAT(missing, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(missing, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(body_of(missing), R"({"error":"no such path"})");
  const std::string method = request("DELETE /hello");
  EXPECT_THAT(method, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(method, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_EQ(body_of(method), R"({"error":"this path has no such method"})");
  EXPECT_THAT(request("GET /act"), HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(request("HEAD /act"), StartsWith("HTTP/1.1 405 "));
}

TEST_F(AdminServerTest, KeepsAConnectionForManyRequests) {
  start();
  Client client(port_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    EXPECT_EQ(body_of(client.read_reply()), "hello");
  }
}

TEST_F(AdminServerTest, RefusesAHostThatIsNotItsOwn) {
  start();
  const std::string foreign = ask("GET /hello HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(foreign, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_EQ(body_of(foreign),
            R"({"error":"Host must be localhost, the address of this server, or the name in admin.listen"})");
  EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nHost: [::1]:6433\r\nConnection: close\r\n\r\n"),
              HasSubstr(" 200 OK"));
  EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n"), HasSubstr(" 400 Bad Request"));
  EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
              HasSubstr(" 400 Bad Request"));
  EXPECT_THAT(ask("GET /hello HTTP/1.0\r\n\r\n"), HasSubstr(" 200 OK"));
}

TEST_F(AdminServerTest, RefusesActionsFromOtherOrigins) {
  start();
  const std::string empty = "Content-Length: 0\r\n";
  EXPECT_THAT(request("POST /act", empty + "Origin: http://evil.example\r\n"), HasSubstr(" 403 Forbidden"));
  EXPECT_THAT(request("POST /act", empty + "Origin: null\r\n"), HasSubstr(" 403 Forbidden"));
  EXPECT_THAT(request("POST /act", empty + "Sec-Fetch-Site: cross-site\r\n"), HasSubstr(" 403 Forbidden"));
  EXPECT_THAT(request("POST /act", empty + "Sec-Fetch-Site: same-site\r\n"), HasSubstr(" 403 Forbidden"));
  EXPECT_EQ(acts_, 0);
  EXPECT_THAT(request("POST /act", empty + "Origin: http://127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n"),
              HasSubstr(" 200 OK"));
  EXPECT_THAT(request("POST /act", empty), HasSubstr(" 200 OK"));
  EXPECT_EQ(acts_, 2);
}

TEST_F(AdminServerTest, LimitsHeaderAndBody) {
  start({.header_bytes_max = 1024, .body_bytes_max = 10});
  EXPECT_THAT(request("GET /hello", "X: " + std::string(2000, 'x') + "\r\n"), HasSubstr(" 431 "));
  EXPECT_THAT(request("POST /act", "Content-Length: 11\r\n"), HasSubstr(" 413 "));
  EXPECT_EQ(acts_, 0);
}

TEST_F(AdminServerTest, AnswersBrokenRequestsAndGoesOn) {
  start();
  EXPECT_THAT(ask("\x16\x03\x01 hello\r\n\r\n"), HasSubstr(" 400 Bad Request"));
  EXPECT_THAT(ask("GET /hello HTTP/9.9\r\n\r\n"), HasSubstr(" 400 Bad Request"));
  {
    Client gone(port_);
    ASSERT_TRUE(gone.send("GET /hel"));
  }
  EXPECT_THAT(request("GET /hello"), HasSubstr(" 200 OK"));
}

TEST_F(AdminServerTest, ClosesConnectionsThatStayIdleOrTrickle) {
  start({.idle_timeout = 50 * base::kMillisecond});
  Client idle(port_), trickle(port_);
  ASSERT_TRUE(trickle.send("GET /hello HTT"));
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(trickle.read_all(), "");
}

TEST_F(AdminServerTest, RefusesOneConnectionTooMany) {
  start({.connections_max = 2});
  const std::string hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Client first(port_);
  ASSERT_TRUE(first.send(hello));
  EXPECT_EQ(body_of(first.read_reply()), "hello");
  {
    Client second(port_);
    ASSERT_TRUE(second.send(hello));
    EXPECT_EQ(body_of(second.read_reply()), "hello");
    Client third(port_);
    const std::string refused = third.read_all();
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_EQ(body_of(refused), R"({"error":"too many connections"})");
  }
  // The second place is free as soon as the server has noticed.
  std::string reply;
  for (int i = 0; i < 10'000 && reply.find("hello") == std::string::npos; ++i) {
    Client again(port_);
    if (again.send(hello)) reply = again.read_reply();
  }
  EXPECT_EQ(body_of(reply), "hello");
}

TEST_F(AdminServerTest, ServesManyClientsAtOnce) {
  start();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) good += body_of(request("GET /hello")) == "hello" ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

TEST_F(AdminServerTest, StopsWithConnectionsOpenAndStartsAgain) {
  start();
  Client client(port_);
  ASSERT_TRUE(client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_EQ(body_of(client.read_reply()), "hello");
  server_->stop();
  server_->stop();
  EXPECT_EQ(client.read_all(), "");
  EXPECT_FALSE(Client(port_).connected());
  const auto port = server_->start("127.0.0.1:0");
  ASSERT_TRUE(port.has_value());
  port_ = *port;
  EXPECT_THAT(request("GET /hello"), HasSubstr(" 200 OK"));
}

TEST_F(AdminServerTest, SaysWhyItCannotStart) {
  start();
  AdminServer other;
  const auto taken = other.start("127.0.0.1:" + std::to_string(port_));
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, base::ErrorCode::kUnavailable);
  EXPECT_EQ(taken.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(port_) + ": Address already in use");
  const auto unreadable = other.start("6433");
  ASSERT_FALSE(unreadable.has_value());
  EXPECT_EQ(unreadable.error().code, base::ErrorCode::kInvalid);
  const auto unknown = other.start("[fe80::1%no-such-link]:0");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, base::ErrorCode::kInvalid);
  EXPECT_THAT(unknown.error().message, StartsWith("cannot resolve [fe80::1%no-such-link]:0: "));
  EXPECT_TRUE(other.start("127.0.0.1:0").has_value());
}

}  // namespace
}  // namespace pgweir::admin
