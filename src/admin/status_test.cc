#include "admin/status.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <string_view>

namespace pgweir::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string get(std::uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string reply;
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char bytes[4096];
    for (ssize_t n = 0; (n = recv(fd, bytes, sizeof(bytes), 0)) > 0;)
      reply.append(bytes, static_cast<std::size_t>(n));
  }
  close(fd);
  return reply;
}

TEST(StatusRoutes, AnswerFromTheSource) {
  std::atomic<bool> ready_now = false;
  AdminServer server;
  add_status_routes(server, {.metrics_text = [] { return std::string("up 1\n"); },
                             .status_json = [] { return to_json(Status{}); },
                             .not_ready_reason = [&]() -> std::optional<std::string> {
                               if (ready_now) return std::nullopt;
                               return "no upstream has answered \"yet\"";
                             }});
  const auto port = server.start("127.0.0.1:0");
  ASSERT_TRUE(port.has_value()) << port.error().message;

  const std::string metrics = get(*port, "/metrics");
  EXPECT_THAT(metrics, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(metrics, HasSubstr("\r\n\r\nup 1\n"));
  EXPECT_THAT(get(*port, "/healthz"), HasSubstr("\r\n\r\n{\"healthy\":true}"));

  const std::string not_ready = get(*port, "/readyz");
  EXPECT_THAT(not_ready, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(not_ready, HasSubstr(R"({"ready":false,"reason":"no upstream has answered \"yet\""})"));
  ready_now = true;
  const std::string ready = get(*port, "/readyz");
  EXPECT_THAT(ready, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(ready, HasSubstr(R"({"ready":true})"));
}

TEST(StatusRoutes, ServeAPageThatNeedsNothingElse) {
  AdminServer server;
  add_status_routes(server, {[] { return ""; }, [] { return ""; }, [] { return std::nullopt; }});
  const auto port = server.start("127.0.0.1:0");
  ASSERT_TRUE(port.has_value()) << port.error().message;
  const std::string page = get(*port, "/");
  EXPECT_THAT(page, HasSubstr("Content-Type: text/html; charset=utf-8\r\n"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, HasSubstr("<title>pgweir</title>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  for (const char* outside : {"src=\"http", "href=\"http", "url(", "@import", "<script src", "innerHTML"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
}

TEST(Status, JsonHoldsWhatThePageReads) {
  base::Histogram histogram;
  histogram.record(3 * base::kMillisecond);
  histogram.record(3 * base::kMillisecond);
  Status status;
  status.version = "1.2.3";
  status.upstream = "db:5432";
  status.not_ready = "draining";
  status.uptime_seconds = 1.5;
  status.client_sessions = 7;
  status.lookups = {{"hit", "", 10}, {"bypass", "volatile_function", 2}};
  status.databases = {
      {.name = "shop", .promise = "full", .why = "followed", .lag_seconds = 0.5, .lag_bytes = 9},
      {.name = "other", .why = "the stream is lost"}};
  status.client_query_seconds.emplace_back("hit", observe::HistogramTotals{});
  status.client_query_seconds.back().second.add(histogram);
  const auto json = nlohmann::json::parse(to_json(status), nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json.value("version", ""), "1.2.3");
  EXPECT_EQ(json.value("ready", true), false);
  EXPECT_EQ(json.value("not_ready_reason", ""), "draining");
  EXPECT_EQ(json.value("uptime_seconds", 0.0), 1.5);
  EXPECT_EQ(json.value("client_sessions", 0), 7);
  EXPECT_EQ(json["lookups"][1],
            nlohmann::json({{"outcome", "bypass"}, {"reason", "volatile_function"}, {"total", 2}}));
  EXPECT_EQ(json["databases"][0], nlohmann::json({{"name", "shop"},
                                                  {"promise", "full"},
                                                  {"why", "followed"},
                                                  {"lag_seconds", 0.5},
                                                  {"lag_bytes", 9}}));
  EXPECT_TRUE(json["databases"][1]["promise"].is_null());
  EXPECT_TRUE(json["databases"][1]["lag_bytes"].is_null());
  const auto& buckets = json["client_query_seconds"]["hit"];
  ASSERT_EQ(buckets.size(), 1u);
  EXPECT_NEAR(buckets[0][0].get<double>(), 0.003, 0.003 / 8);
  EXPECT_EQ(buckets[0][1], 2);
  EXPECT_TRUE(json["upstream_query_seconds"].empty());
  EXPECT_TRUE(json["disk"].is_null());
  EXPECT_TRUE(json["warm"].is_null());
}

TEST(Status, JsonTellsOfTheWarmUpIfThereIsOne) {
  Status status;
  status.warm = Status::Warm{.state = "failed",
                             .is_over = true,
                             .statements = 3,
                             .done = 2,
                             .outcomes = {{"filled", 1}, {"failed", 1}},
                             .seconds = 1.5,
                             .why = "no such role",
                             .recorded = 4};
  EXPECT_EQ(nlohmann::json::parse(to_json(status))["warm"],
            nlohmann::json({{"state", "failed"},
                            {"statements", 3},
                            {"done", 2},
                            {"outcomes", {{"filled", 1}, {"failed", 1}}},
                            {"seconds", 1.5},
                            {"why", "no such role"},
                            {"recorded_statements", 4}}));
}

TEST(Status, JsonTellsOfTheDiskIfThereIsOne) {
  Status status;
  status.disk = Status::Disk{.is_used = true,
                             .is_stalled = false,
                             .entries = 1,
                             .size_bytes = 2,
                             .index_bytes = 3,
                             .reads = {{"found", 4}, {"corrupt", 5}},
                             .written_bytes_total = 6,
                             .write_bytes_per_second_max = 7,
                             .written_in_day_bytes = 8,
                             .write_bytes_per_day_max = 9,
                             .breaker_opened_total = 10};
  const auto json = nlohmann::json::parse(to_json(status), nullptr, false);
  EXPECT_EQ(json["disk"], nlohmann::json({{"used", true},
                                          {"stalled", false},
                                          {"entries", 1},
                                          {"size_bytes", 2},
                                          {"index_bytes", 3},
                                          {"reads", {{"found", 4}, {"corrupt", 5}}},
                                          {"written_bytes_total", 6},
                                          {"write_bytes_per_second_max", 7},
                                          {"written_in_day_bytes", 8},
                                          {"write_bytes_per_day_max", 9},
                                          {"breaker_opened_total", 10}}));
}

TEST(Status, JsonIsValidWhateverTheBytes) {
  Status status;
  status.upstream = "\xff\xfe\"\\\n";
  EXPECT_TRUE(nlohmann::json::accept(to_json(status)));
}

}  // namespace
}  // namespace pgweir::admin
