// bench-load: load on a PostgreSQL-speaking (or Redis) server, or idle sessions; one JSON object on
// standard output. Exit 0; 1 if anything went wrong, which standard error then names; 2 on bad usage.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/idle_sessions.h"
#include "bench/load_generator.h"
#include "bench/login.h"

namespace pgweir::bench {
namespace {

struct Options {
  std::string mode = "simple";
  std::size_t connections = 16;
  double seconds = 5;
  double warmup_seconds = 1;
  std::size_t depth = 0;  // 0: 16 for pipelined, else 1
  std::size_t idle = 0;
  LoginConfig login;
  WorkloadConfig workload;
  LoadConfig load;
};

constexpr char kExamples[] =
    "Examples:\n"
    "  bench-load --port 6432 --user shop --mode prepared --sql 'SELECT body FROM items WHERE id = $1'\n"
    "  bench-load --port 6379 --mode redis --value-bytes 256 --depth 16\n"
    "  bench-load --port 6432 --idle 5000 --server-pid $(pidof pgweir)\n"
    "PGPASSWORD holds the password unless --password does.";

void add_options(CLI::App& app, Options& options) {
  app.footer(kExamples);
  app.add_option("--host", options.login.host, "numeric IPv4 address")->capture_default_str();
  app.add_option("--port", options.login.port)->required();
  app.add_option("--user", options.login.user)->capture_default_str();
  app.add_option("--password", options.login.password);
  app.add_option("--database", options.login.database)->capture_default_str();
  app.add_option("--mode", options.mode, "pipelined is prepared with a depth of 16")
      ->check(CLI::IsMember({"simple", "prepared", "pipelined", "redis"}))
      ->capture_default_str();
  app.add_option("--sql", options.workload.sql, "the statement; $1 stands for the key");
  app.add_option("--keys", options.workload.keys, "distinct keys, 1..N, drawn uniformly")
      ->capture_default_str();
  app.add_option("--value-bytes", options.workload.redis_value_bytes, "of the values stored for redis")
      ->capture_default_str();
  app.add_option("--connections", options.connections)->capture_default_str();
  app.add_option("--depth", options.depth, "requests in flight on each connection");
  app.add_option("--seconds", options.seconds, "measured time")->capture_default_str();
  app.add_option("--warmup", options.warmup_seconds, "seconds before it")->capture_default_str();
  app.add_flag("--touch", options.load.touch_keys, "ask for every key once before measuring");
  app.add_flag("--poll", options.load.poll, "never sleep: for a processor that nothing else needs");
  app.add_option("--expect-rows", options.load.expected.rows, "of every reply")->capture_default_str();
  app.add_option("--expect-bytes", options.load.expected.reply_bytes, "of every reply; 0: any");
  app.add_option("--server-pid", options.load.server_pids, "report what these and their children use")
      ->delimiter(',');
  app.add_option("--idle", options.idle,
                 "open N sessions, run --sql once if given, report memory per session");
}

base::Nanos nanos(double seconds) {
  return static_cast<base::Nanos>(seconds * static_cast<double>(base::kSecond));
}

double microseconds(base::Nanos duration) { return static_cast<double>(duration) / base::kMicrosecond; }

nlohmann::json to_json(const Options& options, const LoadReport& report) {
  const double seconds = static_cast<double>(report.elapsed) / base::kSecond;
  const auto requests = static_cast<double>(report.requests);
  nlohmann::json json{
      {"mode", options.mode},
      {"connections", options.connections},
      {"depth", options.load.depth},
      {"seconds", seconds},
      {"requests", report.requests},
      {"requests_total", report.requests_total},
      {"errors", 0},
      {"throughput_rps", requests / seconds},
      {"p50_us", microseconds(report.latencies.quantile(0.50))},
      {"p99_us", microseconds(report.latencies.quantile(0.99))},
      {"reply_bytes_mean", report.reply_bytes_mean},
      {"generator_busy", static_cast<double>(report.generator_cpu) / static_cast<double>(report.elapsed)}};
  if (!options.load.server_pids.empty()) {
    json["server_busy"] = static_cast<double>(report.server_cpu) / static_cast<double>(report.elapsed);
    if (report.requests > 0) json["server_cpu_us"] = microseconds(report.server_cpu) / requests;
  }
  return json;
}

nlohmann::json to_json(const IdleReport& report) {
  const auto per_session = [&report](std::uint64_t rss_bytes) {
    return (static_cast<double>(rss_bytes) - static_cast<double>(report.rss_before_bytes)) /
           static_cast<double>(report.sessions);
  };
  return {{"sessions", report.sessions},
          {"errors", 0},
          {"rss_before_bytes", report.rss_before_bytes},
          {"rss_login_bytes", report.rss_login_bytes},
          {"rss_query_bytes", report.rss_query_bytes},
          {"login_bytes_per_session", per_session(report.rss_login_bytes)},
          {"query_bytes_per_session", per_session(report.rss_query_bytes)}};
}

struct Connections {
  std::vector<PgConnection> postgres;
  std::vector<Fd> redis;
  std::vector<int> fds;  // of the above
};

base::Result<Connections> connect_all(const Options& options) {
  Connections all;
  for (std::size_t i = 0; i < options.connections; ++i) {
    if (options.workload.mode == Mode::kRedis) {
      auto fd = connect_tcp(options.login.host, options.login.port);
      if (!fd) return std::unexpected(fd.error());
      all.fds.push_back(fd->get());
      all.redis.push_back(std::move(*fd));
      continue;
    }
    auto session = log_in(options.login);
    if (!session) return std::unexpected(session.error());
    if (options.workload.mode == Mode::kPrepared) {
      if (auto prepared = prepare(session->get(), options.workload.sql); !prepared) {
        return std::unexpected(prepared.error());
      }
    }
    all.fds.push_back(PQsocket(session->get()));
    all.postgres.push_back(std::move(*session));
  }
  if (options.workload.mode == Mode::kRedis) {
    auto filled = fill_redis(all.fds[0], options.workload.keys, options.workload.redis_value_bytes);
    if (!filled) return std::unexpected(filled.error());
  }
  for (int fd : all.fds) {
    if (auto set = set_nonblocking(fd); !set) return std::unexpected(set.error());
  }
  return all;
}

base::Result<nlohmann::json> run_load(const Options& options) {
  const auto workload = Workload::make(options.workload);
  if (!workload) return std::unexpected(workload.error());
  const auto connections = connect_all(options);
  if (!connections) return std::unexpected(connections.error());
  const auto generator =
      LoadGenerator::make(options.load, *workload, options.workload.mode, connections->fds);
  if (!generator) return std::unexpected(generator.error());
  const auto report = (*generator)->run(base::SystemClock());
  if (!report) return std::unexpected(report.error());
  return to_json(options, *report);
}

base::Result<nlohmann::json> run_idle(const Options& options) {
  IdleConfig config;
  config.sessions = options.idle;
  config.sql = options.workload.sql;
  config.server_pids = options.load.server_pids;
  if (config.server_pids.empty()) {
    return base::fail(base::ErrorCode::kInvalid, "--idle needs --server-pid, whose memory it measures");
  }
  const auto report = measure_idle_sessions(options.login, config);
  if (!report) return std::unexpected(report.error());
  return to_json(*report);
}

void complete(Options& options) {
  static const std::map<std::string, Mode> kModes{{"simple", Mode::kSimple},
                                                  {"prepared", Mode::kPrepared},
                                                  {"pipelined", Mode::kPrepared},
                                                  {"redis", Mode::kRedis}};
  constexpr std::size_t kPipelineDepth = 16;
  options.workload.mode = kModes.at(options.mode);
  options.load.depth = options.depth != 0 ? options.depth : options.mode == "pipelined" ? kPipelineDepth : 1;
  options.load.warmup = nanos(options.warmup_seconds);
  options.load.duration = nanos(options.seconds);
  const char* password = std::getenv("PGPASSWORD");
  if (options.login.password.empty() && password != nullptr) options.login.password = password;
}

}  // namespace
}  // namespace pgweir::bench

int main(int argc, char** argv) {
  using namespace pgweir;
  CLI::App app{"Closed-loop load on one thread, or idle sessions; prints one JSON object"};
  bench::Options options;
  bench::add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  bench::complete(options);
  bench::raise_file_limit();
  const auto json = options.idle > 0 ? bench::run_idle(options) : bench::run_load(options);
  if (!json) {
    std::fprintf(stderr, "bench-load: %s\n", json.error().message.c_str());
    std::cout << nlohmann::json{{"errors", 1}, {"error", json.error().message}}.dump(
                     -1, ' ', false, nlohmann::json::error_handler_t::replace)
              << '\n';
    return 1;
  }
  std::cout << json->dump() << '\n';
  return 0;
}
