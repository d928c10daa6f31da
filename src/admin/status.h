// What the HTTP side shows of a running pgweir: the routes, and the numbers it needs for them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/server.h"
#include "observe/histogram_totals.h"

namespace pgweir::admin {

// Supplied by the app. All are called on the server's thread, at any time between start() and
// stop(), and must not block.
struct StatusSource {
  std::function<std::string()> metrics_text;  // Prometheus text
  std::function<std::string()> status_json;   // to_json(Status)
  // Why clients should not be sent here (no upstream has answered, draining); none: ready.
  std::function<std::optional<std::string>()> not_ready_reason;
};

// Registers GET / (the page), /api/status, /metrics, /healthz and /readyz.
// REQUIRES: server not started.
void add_status_routes(AdminServer& server, StatusSource source);

// The contract between the app and the page. Totals count from the start of the process; the page
// makes rates and quantiles of the last seconds by subtraction.
struct Status {
  struct Lookups {
    std::string outcome;  // "hit", "stale", "miss", "bypass"
    std::string reason;   // may be empty
    std::uint64_t total = 0;
  };
  // One that is in use.
  struct Database {
    std::string name;
    std::optional<std::string> promise = {};  // of freshness; none: nothing is answered from the cache
    std::string why = {};                     // for people
    std::optional<double> lag_seconds = {};   // of its change stream, if that is known
    std::optional<std::uint64_t> lag_bytes = {};
  };
  struct Disk {
    bool is_used = false;  // open, and the breaker closed
    bool is_stalled = false;
    std::uint64_t entries = 0;
    std::uint64_t size_bytes = 0;                              // of the file
    std::uint64_t index_bytes = 0;                             // of memory
    std::vector<std::pair<std::string, std::uint64_t>> reads;  // totals by how they ended
    std::uint64_t written_bytes_total = 0;
    std::uint64_t write_bytes_per_second_max = 0;
    std::uint64_t written_in_day_bytes = 0;
    std::uint64_t write_bytes_per_day_max = 0;
    std::uint64_t breaker_opened_total = 0;
  };
  // The present or last warm-up.
  struct Warm {
    std::string state;  // "pending", "waiting", "running", "done", "failed", "stopped"
    bool is_over = false;
    std::uint64_t statements = 0;  // to ask
    std::uint64_t done = 0;        // of them
    std::vector<std::pair<std::string, std::uint64_t>> outcomes;
    double seconds = 0;
    std::string why;             // something was left out, for people
    std::uint64_t recorded = 0;  // statements kept now
  };
  struct Guard {
    std::uint64_t limit = 0;
    bool adapts = false;
    double slowdown = 1;  // of statements, compared with calm times
    std::uint64_t active = 0;
    std::uint64_t in_transaction = 0;
    std::uint64_t overdue = 0;
    std::uint64_t queued = 0;
    std::uint64_t admitted_total = 0;
    std::uint64_t waited_total = 0;
    std::uint64_t refused_queue_full_total = 0;
    std::uint64_t refused_queue_wait_total = 0;
  };
  std::string version;
  std::string upstream;                  // "host:port", the first address
  std::optional<std::string> not_ready;  // as StatusSource::not_ready_reason
  double uptime_seconds = 0;             // on the monotonic clock
  std::uint64_t workers = 0;
  std::uint64_t client_sessions = 0;
  std::uint64_t client_sessions_max = 0;
  std::uint64_t upstream_connections = 0;
  Guard guard;
  std::vector<Lookups> lookups;
  std::vector<Database> databases;
  bool cache_is_off = false;
  std::uint64_t cache_entries = 0;
  std::uint64_t cache_bytes = 0;
  std::uint64_t cache_bytes_max = 0;
  std::uint64_t evictions_total = 0;
  std::optional<Disk> disk;  // none: no disk is configured
  std::optional<Warm> warm;  // none: warm.user is not set
  std::uint64_t upstream_queries_total = 0;
  // By outcome, as pgweir_client_query_seconds.
  std::vector<std::pair<std::string, observe::HistogramTotals>> client_query_seconds;
  observe::HistogramTotals upstream_query_seconds;
};

std::string to_json(const Status& status);

}  // namespace pgweir::admin
