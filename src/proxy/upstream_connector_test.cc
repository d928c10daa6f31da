#include "proxy/upstream_connector.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/test_network.h"

namespace pgweir::proxy {
namespace {

using testing::HasSubstr;

class UpstreamConnectorTest : public testing::Test {
 protected:
  std::unique_ptr<UpstreamConnector> connector(TlsMode mode, const std::vector<const TestPort*>& ports) {
    UpstreamConfig config;
    config.tls_mode = mode;
    config.addresses.clear();
    for (const TestPort* port : ports) config.addresses.push_back({"127.0.0.1", port->port()});
    return std::make_unique<UpstreamConnector>(*loop, resolver, UpstreamTarget::make(config).value(),
                                               [this](base::Result<UpstreamStream> done) {
                                                 ++answers;
                                                 result.emplace(std::move(done));
                                                 loop->stop();
                                               });
  }
  // What one attempt comes to: the address connected to, or the error.
  std::string outcome(TlsMode mode, const std::vector<const TestPort*>& ports) {
    auto attempt = connector(mode, ports);
    attempt->start();
    loop->run();
    std::string said = text();
    attempt.reset();
    loop.emplace(clock);  // a loop that was stopped stays so
    return said;
  }
  std::string text() const {
    return *result ? "connected to " + (*result)->address.text() : result->error().message;
  }

  base::ManualClock clock;
  std::optional<io::Loop> loop{std::in_place, clock};
  io::Resolver resolver;
  std::optional<base::Result<UpstreamStream>> result;
  int answers = 0;
};

TEST_F(UpstreamConnectorTest, TakesTheFirstThatAnswers) {
  TestPort dead, first, second;
  first.listen();
  second.listen();
  EXPECT_EQ(outcome(TlsMode::kDisable, {&dead, &first, &second}), "connected to " + first.text());
}

TEST_F(UpstreamConnectorTest, NamesAllThatDidNotAnswer) {
  const TestPort dead, gone;
  const std::string why = outcome(TlsMode::kDisable, {&dead, &gone});
  EXPECT_THAT(why, HasSubstr(dead.text()));
  EXPECT_THAT(why, HasSubstr(gone.text()));
  EXPECT_EQ(answers, 1);
}

TEST_F(UpstreamConnectorTest, AServerThatSaysNothingIsLeftAfterTheTimeout) {
  TestPort silent, talking;
  silent.listen();
  const auto thread = talking.answer("N");
  const auto attempt = connector(TlsMode::kPrefer, {&silent, &talking});
  attempt->start();
  loop->post([this] { clock.advance(UpstreamConfig{}.connect_timeout); });
  loop->run();
  EXPECT_EQ(text(), "connected to " + talking.text());
}

TEST_F(UpstreamConnectorTest, WithoutTlsOnlyWhereThatIsAllowed) {
  TestPort port, strict;
  const auto thread = port.answer("N");
  EXPECT_EQ(outcome(TlsMode::kAllow, {&port}), "connected to " + port.text());
  const auto other = strict.answer("N");
  EXPECT_THAT(outcome(TlsMode::kRequire, {&strict}), HasSubstr("the server has no TLS"));
}

TEST_F(UpstreamConnectorTest, WhatIsNoAnswerToSslRequestIsNamed) {
  TestPort port;
  const auto thread = port.answer("E");
  EXPECT_THAT(outcome(TlsMode::kPrefer, {&port}), HasSubstr("unexpected answer to SSLRequest"));
}

TEST_F(UpstreamConnectorTest, AnEndBeforeTheAnswerIsNamed) {
  TestPort port;
  const auto thread = port.answer("");
  EXPECT_THAT(outcome(TlsMode::kPrefer, {&port}), HasSubstr("connection closed before TLS"));
}

TEST_F(UpstreamConnectorTest, ACancelRequestGoesToItsAddressOnly) {
  TestPort configured;
  const TestPort asked;
  configured.listen();
  const auto attempt = connector(TlsMode::kDisable, {&configured});
  attempt->start(io::resolve_numeric("127.0.0.1", asked.port()).value().front());
  loop->run();
  EXPECT_THAT(text(), HasSubstr(asked.text()));
  EXPECT_THAT(text(), testing::Not(HasSubstr(configured.text())));
}

TEST_F(UpstreamConnectorTest, OnceDestroyedItSaysNothing) {
  TestPort port;
  port.listen();
  auto attempt = connector(TlsMode::kDisable, {&port});
  attempt->start();
  attempt.reset();
  attempt = connector(TlsMode::kPrefer, {&port});
  attempt->start();
  loop->post([&] { attempt.reset(); });  // it has begun to connect
  loop->post([this] {
    clock.advance(UpstreamConfig{}.connect_timeout);
    loop->stop();
  });
  loop->run();
  EXPECT_EQ(answers, 0);
}

}  // namespace
}  // namespace pgweir::proxy
