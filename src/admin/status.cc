#include "admin/status.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace pgweir::admin {

extern const std::string_view kStatusPage;  // web/status.html, put in by the build

namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);  // foreign bytes must not throw
}

// Only the buckets that hold something: [[upper bound in seconds, count], …].
Json to_json(const observe::HistogramTotals& totals) {
  Json buckets = Json::array();
  for (std::size_t i = 0; i < base::Histogram::kBuckets; ++i) {
    if (totals.bucket(i) == 0) continue;
    const double upper_seconds =
        static_cast<double>(base::Histogram::upper_bound(i)) / static_cast<double>(base::kSecond);
    buckets.push_back({upper_seconds, totals.bucket(i)});
  }
  return buckets;
}

Json to_json(const Status::Guard& guard) {
  return {{"limit", guard.limit},
          {"adapts", guard.adapts},
          {"slowdown", guard.slowdown},
          {"active", guard.active},
          {"in_transaction", guard.in_transaction},
          {"overdue", guard.overdue},
          {"queued", guard.queued},
          {"admitted_total", guard.admitted_total},
          {"waited_total", guard.waited_total},
          {"refused_queue_full_total", guard.refused_queue_full_total},
          {"refused_queue_wait_total", guard.refused_queue_wait_total}};
}

Json to_json(const Status::Disk& disk) {
  Json reads = Json::object();
  for (const auto& [end, total] : disk.reads) reads[end] = total;
  return {{"used", disk.is_used},
          {"stalled", disk.is_stalled},
          {"entries", disk.entries},
          {"size_bytes", disk.size_bytes},
          {"index_bytes", disk.index_bytes},
          {"reads", std::move(reads)},
          {"written_bytes_total", disk.written_bytes_total},
          {"write_bytes_per_second_max", disk.write_bytes_per_second_max},
          {"written_in_day_bytes", disk.written_in_day_bytes},
          {"write_bytes_per_day_max", disk.write_bytes_per_day_max},
          {"breaker_opened_total", disk.breaker_opened_total}};
}

Json to_json(const Status::Warm& warm) {
  Json outcomes = Json::object();
  for (const auto& [outcome, n] : warm.outcomes) outcomes[outcome] = n;
  return {{"state", warm.state},
          {"statements", warm.statements},
          {"done", warm.done},
          {"outcomes", std::move(outcomes)},
          {"seconds", warm.seconds},
          {"why", warm.why.empty() ? Json(nullptr) : Json(warm.why)},
          {"recorded_statements", warm.recorded}};
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string to_json(const Status& status) {
  Json json;
  json["version"] = status.version;
  json["upstream"] = status.upstream;
  json["ready"] = !status.not_ready.has_value();
  json["not_ready_reason"] = status.not_ready ? Json(*status.not_ready) : Json(nullptr);
  json["uptime_seconds"] = status.uptime_seconds;
  json["workers"] = status.workers;
  json["client_sessions"] = status.client_sessions;
  json["client_sessions_max"] = status.client_sessions_max;
  json["upstream_connections"] = status.upstream_connections;
  json["lookups"] = Json::array();
  for (const Status::Lookups& lookups : status.lookups) {
    json["lookups"].push_back(
        {{"outcome", lookups.outcome}, {"reason", lookups.reason}, {"total", lookups.total}});
  }
  json["databases"] = Json::array();
  for (const Status::Database& database : status.databases) {
    json["databases"].push_back({{"name", database.name},
                                 {"promise", or_null(database.promise)},
                                 {"why", database.why},
                                 {"lag_seconds", or_null(database.lag_seconds)},
                                 {"lag_bytes", or_null(database.lag_bytes)}});
  }
  json["cache_is_off"] = status.cache_is_off;
  json["cache_entries"] = status.cache_entries;
  json["cache_bytes"] = status.cache_bytes;
  json["cache_bytes_max"] = status.cache_bytes_max;
  json["evictions_total"] = status.evictions_total;
  json["guard"] = to_json(status.guard);
  json["disk"] = status.disk ? to_json(*status.disk) : Json(nullptr);
  json["warm"] = status.warm ? to_json(*status.warm) : Json(nullptr);
  json["upstream_queries_total"] = status.upstream_queries_total;
  json["client_query_seconds"] = Json::object();
  for (const auto& [outcome, totals] : status.client_query_seconds) {
    json["client_query_seconds"][outcome] = to_json(totals);
  }
  json["upstream_query_seconds"] = to_json(status.upstream_query_seconds);
  return dump(json);
}

void add_status_routes(AdminServer& server, StatusSource source) {
  server.route("GET", "/",
               [] { return HttpReply{200, "text/html; charset=utf-8", std::string(kStatusPage)}; });
  server.route("GET", "/api/status",
               [json = std::move(source.status_json)] { return HttpReply{200, "application/json", json()}; });
  server.route("GET", "/metrics", [text = std::move(source.metrics_text)] {
    return HttpReply{200, "text/plain; version=0.0.4; charset=utf-8", text()};
  });
  server.route("GET", "/healthz", [] { return HttpReply{200, "application/json", R"({"healthy":true})"}; });
  server.route("GET", "/readyz", [reason = std::move(source.not_ready_reason)] {
    const auto why = reason();
    if (!why) return HttpReply{200, "application/json", R"({"ready":true})"};
    return HttpReply{503, "application/json", dump({{"ready", false}, {"reason", *why}})};
  });
}

}  // namespace pgweir::admin
