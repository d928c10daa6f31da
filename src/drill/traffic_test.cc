#include "drill/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "drill/http_get.h"

namespace pgweir::drill {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;

// Answers every request without a body with `reply`, on a thread of its own.
class StubServer {
 public:
  explicit StubServer(
      std::string reply, std::function<void()> on_request = [] {})
      : reply_(std::move(reply)),
        on_request_(std::move(on_request)),
        acceptor_(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~StubServer() { loop_.stop(); }
  std::uint16_t port() const { return port_; }

 private:
  struct Client {
    explicit Client(tcp::socket s) : socket(std::move(s)) {}
    tcp::socket socket;
    std::string input;
  };

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error) return;
      serve(std::make_shared<Client>(std::move(socket)));
      accept();
    });
  }
  void serve(std::shared_ptr<Client> client) {
    asio::async_read_until(client->socket, asio::dynamic_buffer(client->input), "\r\n\r\n",
                           [this, client](boost::system::error_code error, std::size_t size) {
                             if (error) return;
                             client->input.erase(0, size);
                             on_request_();
                             asio::async_write(client->socket, asio::buffer(reply_),
                                               [this, client](boost::system::error_code failed, std::size_t) {
                                                 if (!failed) serve(client);
                                               });
                           });
  }

  const std::string reply_;
  const std::function<void()> on_request_;
  asio::io_context loop_;
  tcp::acceptor acceptor_;
  const std::uint16_t port_;
  std::jthread thread_;  // last: joined before the rest goes
};

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TrafficOptions options(std::uint16_t through, std::uint16_t direct) {
  TrafficOptions traffic;
  traffic.requests_per_s = 5000;
  traffic.users = 100;
  traffic.sizes = {.products = 100, .categories = 10, .customers = 100};
  traffic.connections = 4;
  traffic.through_port = through;
  traffic.direct_port = direct;
  return traffic;
}

std::uint64_t sum(const TargetStats& target, base::Counter EndpointStats::* counter) {
  std::uint64_t total = 0;
  for (const EndpointStats& endpoint : target) total += (endpoint.*counter).get();
  return total;
}

TEST(Traffic, ReachesBothApisAndCountsAnswers) {
  std::latch through_seen(200), direct_seen(200);
  const auto count = [](std::latch& seen) {
    return [&seen] {
      if (!seen.try_wait()) seen.count_down();
    };
  };
  StubServer through(kOk, count(through_seen)), direct(kOk, count(direct_seen));
  TrafficOptions both = options(through.port(), direct.port());
  both.direct_share = 0.5;
  Traffic traffic(both);
  traffic.start();
  through_seen.wait();
  direct_seen.wait();
  traffic.stop();
  EXPECT_GE(sum(traffic.stats().through, &EndpointStats::answered), 150u);
  EXPECT_GE(sum(traffic.stats().direct, &EndpointStats::answered), 150u);
  EXPECT_EQ(traffic.stats().direct[static_cast<std::size_t>(Endpoint::kAddOrder)].answered.get(), 0u);
}

TEST(Traffic, ServerErrorsAndRefusedConnectionsAreFailures) {
  StubServer broken("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  std::uint16_t closed_port = 0;
  {
    StubServer gone(kOk);
    closed_port = gone.port();
  }
  TrafficOptions both = options(broken.port(), closed_port);
  both.direct_share = 0.5;
  Traffic traffic(both);
  traffic.start();
  while (sum(traffic.stats().through, &EndpointStats::failed) < 50 ||
         sum(traffic.stats().direct, &EndpointStats::failed) < 50) {
    std::this_thread::yield();
  }
  traffic.stop();
  EXPECT_EQ(sum(traffic.stats().direct, &EndpointStats::answered), 0u);
}

TEST(Traffic, WhatIsNotAnsweredFailsAtTheDeadline) {
  StubServer silent("");
  TrafficOptions late = options(silent.port(), silent.port());
  late.deadline = base::kMillisecond;
  Traffic traffic(late);
  traffic.start();
  while (sum(traffic.stats().through, &EndpointStats::failed) < 20) std::this_thread::yield();
  traffic.stop();
  EXPECT_EQ(sum(traffic.stats().through, &EndpointStats::answered), 0u);
}

TEST(HttpGet, ReturnsTheBody) {
  StubServer server(kOk);
  EXPECT_EQ(http_get(server.port(), "/metrics"), "ok");
  EXPECT_TRUE(port_accepts(server.port()));
  EXPECT_FALSE(port_is_free(server.port()));
}

TEST(HttpGet, SaysWhyThereIsNone) {
  StubServer missing("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), silent("");
  const auto none = http_get(missing.port(), "/metrics");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("status 404"));
  EXPECT_FALSE(http_get(silent.port(), "/metrics", 50 * base::kMillisecond));
}

}  // namespace
}  // namespace pgweir::drill
