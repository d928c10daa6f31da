#include "bench/idle_sessions.h"

#include <chrono>
#include <thread>

#include "bench/process_usage.h"

namespace pgweir::bench {
namespace {

base::Result<std::uint64_t> settled_rss(const IdleConfig& config) {
  std::this_thread::sleep_for(std::chrono::milliseconds(config.settle_ms));
  const auto usage = usage_of(config.server_pids);
  if (!usage) return std::unexpected(usage.error());
  return usage->rss_bytes;
}

base::Result<void> run_statement(const IdleConfig& config, const PgConnection& session) {
  if (config.sql.empty()) return {};
  return execute(session.get(), config.sql);
}

// The first session makes the server set up what it needs only once.
base::Result<void> come_and_go(const LoginConfig& login, const IdleConfig& config) {
  auto session = log_in(login);
  if (!session) return std::unexpected(session.error());
  return run_statement(config, *session);
}

}  // namespace

base::Result<IdleReport> measure_idle_sessions(const LoginConfig& login, const IdleConfig& config) {
  if (auto first = come_and_go(login, config); !first) return std::unexpected(first.error());
  IdleReport report{.sessions = config.sessions};
  const auto before = settled_rss(config);
  if (!before) return std::unexpected(before.error());
  report.rss_before_bytes = *before;

  std::vector<PgConnection> sessions;
  for (std::size_t i = 0; i < config.sessions; ++i) {
    auto session = log_in(login);
    if (!session)
      return base::fail(session.error().code,
                        "session " + std::to_string(i + 1) + ": " + session.error().message);
    sessions.push_back(std::move(*session));
  }
  const auto logged_in = settled_rss(config);
  if (!logged_in) return std::unexpected(logged_in.error());
  report.rss_login_bytes = report.rss_query_bytes = *logged_in;
  if (config.sql.empty()) return report;

  for (const PgConnection& session : sessions) {
    if (auto ran = run_statement(config, session); !ran) return std::unexpected(ran.error());
  }
  const auto queried = settled_rss(config);
  if (!queried) return std::unexpected(queried.error());
  report.rss_query_bytes = *queried;
  return report;
}

}  // namespace pgweir::bench
