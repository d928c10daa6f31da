#include "proxy/server.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proxy/test_network.h"

namespace pgweir::proxy {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    config.listen = "127.0.0.1:0";
    config.workers = 2;
    upstream.addresses = {{"127.0.0.1", postgres.port()}};
    upstream.tls_mode = TlsMode::kDisable;
  }

  ServerSettings settings() const { return {config, upstream, {}, base::kSecond, nullptr}; }
  void start() {
    server = std::make_unique<Server>(ServerParts{clock, cache, base::HashSecret{1, 2}, {}}, settings());
    const auto started = server->start();
    ASSERT_TRUE(started.has_value()) << started.error().message;
  }
  static std::uint16_t port_of(const std::string& address) {
    return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
  }
  std::uint16_t port() const { return port_of(server->listening().front()); }
  static void wait_for(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }
  std::vector<std::int64_t> connections() const {
    std::vector<std::int64_t> out;
    for (const ProxyStats* stats : server->stats()) out.push_back(stats->client_sessions.get());
    return out;
  }

  TestPort postgres;  // listens if the test says so
  base::ManualClock clock;
  cache::Generations generations{10};
  cache::Cache cache{{}, clock, generations};
  ServerConfig config;
  UpstreamConfig upstream;
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, EveryAddressIsListenedOnAndNamed) {
  config.listen = "127.0.0.1:0,127.0.0.1:0";
  start();
  ASSERT_EQ(server->listening().size(), 2U);
  for (const std::string& address : server->listening())
    EXPECT_THAT(TestClient(port_of(address)).refusal(), StartsWith("08006 ")) << address;
}

TEST_F(ServerTest, AConnectionGoesToTheWorkerWithTheFewest) {
  start();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<TestClient>(port()));
  wait_for([&] {
    const auto counts = connections();
    return counts[0] + counts[1] == 4;
  });
  EXPECT_THAT(connections(), testing::ElementsAre(2, 2));
}

TEST_F(ServerTest, AStartThatFailsLeavesNoListener) {
  postgres.listen();
  config.listen = "127.0.0.1:0," + postgres.text();
  server = std::make_unique<Server>(ServerParts{clock, cache, base::HashSecret{1, 2}, {}}, settings());
  const auto failed = server->start();
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message, HasSubstr(postgres.text()));
  ASSERT_EQ(server->listening().size(), 1U) << "the first was free";
  EXPECT_FALSE(TestClient(port()).connected());
}

TEST_F(ServerTest, TheUpstreamIsProbedNowAndThenWhileNobodyUsesIt) {
  postgres.listen();
  start();
  EXPECT_TRUE(postgres.accept_one());
  wait_for([&] { return server->upstream_reached(); });
  clock.advance(base::kSecond);
  EXPECT_TRUE(postgres.accept_one());
}

TEST_F(ServerTest, AnUpstreamThatSaysNothingIsNoticed) {
  upstream.tls_mode = TlsMode::kPrefer;
  postgres.listen();
  start();
  {
    const io::Fd answering = postgres.accept_one();
    ASSERT_EQ(send(answering.get(), "N", 1, MSG_NOSIGNAL), 1);
    wait_for([&] { return server->upstream_reached(); });
  }
  wait_for([&] {
    clock.advance(base::kSecond / 1000);
    return !server->upstream_reached();
  });
}

TEST_F(ServerTest, AReloadIsForThoseWhoComeThen) {
  start();
  config.sessions_max = 0;
  ASSERT_TRUE(server->reload(settings()).has_value());
  EXPECT_THAT(TestClient(port()).refusal(), StartsWith("53300 "));
}

TEST_F(ServerTest, AReloadThatFailsChangesNothing) {
  start();
  config.sessions_max = 0;
  config.tls_cert = config.tls_key = "/no/such/file";
  const auto failed = server->reload(settings());
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message, HasSubstr("/no/such/file"));
  EXPECT_THAT(TestClient(port()).refusal(), StartsWith("08006 "));
}

TEST_F(ServerTest, OnceDrainedNobodyIsAccepted) {
  start();
  server->drain();
  wait_for([&] { return !TestClient(port()).connected(); });
  EXPECT_TRUE(server->draining());
}

}  // namespace
}  // namespace pgweir::proxy
