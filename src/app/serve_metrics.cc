#include "app/serve_metrics.h"

#include <array>
#include <vector>

#include "config/upstream_url.h"
#include "observe/process_stats.h"
#include "observe/prometheus.h"

namespace pgweir::app {
namespace {

using observe::MetricType;
using observe::PrometheusWriter;
using proxy::Outcome;
using proxy::ProxyStats;
using proxy::Why;
using Workers = std::vector<const ProxyStats*>;

std::uint64_t lookups(const Workers& workers, std::size_t outcome, std::size_t why) {
  std::uint64_t sum = 0;
  for (const ProxyStats* worker : workers) sum += worker->lookups[outcome][why].get();
  return sum;
}

template <class Member>
auto sum_of(const Workers& workers, Member member) {
  decltype((workers.front()->*member).get()) sum = 0;
  for (const ProxyStats* worker : workers) sum += (worker->*member).get();
  return sum;
}

// visit(outcome name, reason, total) for every combination that has happened.
template <class Visit>
void for_each_lookup(const Workers& workers, Visit visit) {
  for (std::size_t outcome = 0; outcome < proxy::kOutcomes; ++outcome)
    for (std::size_t why = 0; why < Why::kCount; ++why)
      if (const std::uint64_t n = lookups(workers, outcome, why); n != 0)
        visit(proxy::outcome_name(static_cast<Outcome>(outcome)), Why::at(why).name(), n);
}

std::uint64_t refused(const Workers& workers, proxy::SessionReason reason) {
  return lookups(workers, static_cast<std::size_t>(Outcome::kRefused), proxy::Why(reason).index());
}

void write_lookups(const Workers& workers, PrometheusWriter& out) {
  out.family("pgweir_cache_lookups_total", "Statements by what became of them, and why.",
             MetricType::kCounter);
  for_each_lookup(workers, [&](std::string_view outcome, std::string_view why, std::uint64_t n) {
    out.sample({{"outcome", outcome}, {"reason", why}}, n);
  });
}

void write_rules(const Workers& workers, PrometheusWriter& out) {
  proxy::RuleStats::Totals totals;
  for (const ProxyStats* worker : workers) worker->rules.add_to(totals);
  if (totals.empty()) return;
  out.family("pgweir_rule_lookups_total", "Statements under a rule, by what became of them.",
             MetricType::kCounter);
  for (const auto& [rule, outcomes] : totals)
    for (const Outcome outcome : {Outcome::kHit, Outcome::kMiss, Outcome::kBypass})
      out.sample({{"rule", rule}, {"outcome", proxy::outcome_name(outcome)}},
                 outcomes[static_cast<std::size_t>(outcome)]);
}

void write_cache(const cache::CacheStats& stats, bool is_off, PrometheusWriter& out) {
  out.gauge("pgweir_cache_off", "1 while the cache is switched off.", is_off ? 1 : 0);
  out.gauge("pgweir_cache_entries", "Replies kept in memory.", stats.entries);
  out.gauge("pgweir_cache_bytes", "Memory taken by the cache, all told.", stats.bytes);
  out.gauge("pgweir_cache_content_bytes", "Of that, keys and replies.", stats.content_bytes);
  out.gauge("pgweir_cache_limit_bytes", "The limit of that (cache.memory).", stats.bytes_max);
  out.family("pgweir_cache_evictions_total", "Replies that left the cache, by reason.", MetricType::kCounter);
  for (std::size_t i = 0; i < cache::kEvictions; ++i)
    out.sample({{"reason", cache::name(static_cast<cache::Eviction>(i))}}, stats.evictions[i]);
  out.family("pgweir_cache_fills_total", "Fills by what became of the reply.", MetricType::kCounter);
  for (std::size_t i = 0; i < cache::kKeepResults; ++i)
    out.sample({{"result", cache::name(static_cast<cache::KeepResult>(i))}}, stats.keeps[i]);
  for (std::size_t i = 0; i < cache::kFillEnds; ++i)
    out.sample({{"result", cache::name(static_cast<cache::FillEnd>(i))}}, stats.abandons[i]);
  out.gauge("pgweir_cache_fills_in_flight", "Fills that have not ended.", stats.fills_in_flight);
  out.counter("pgweir_cache_waits_total", "Statements that waited for another's fill.", stats.waits);
  out.counter("pgweir_cache_saved_seconds_total", "Database time that hits saved.",
              static_cast<double>(stats.hit_cost) / 1e9);
}

void write_disk(const cache::DiskStats& stats, PrometheusWriter& out) {
  out.gauge("pgweir_disk_used", "1 while the disk is used; 0: not open, failing or slow.",
            stats.is_used ? 1 : 0);
  out.gauge("pgweir_disk_entries", "Replies on disk.", stats.entries);
  out.gauge("pgweir_disk_index_bytes", "Memory of their index.", stats.index_bytes);
  out.gauge("pgweir_disk_buffer_bytes", "Memory of what is about to be written.", stats.buffer_bytes);
  out.family("pgweir_disk_reads_total", "Reads by how they ended.", MetricType::kCounter);
  for (std::size_t i = 0; i < cache::kDiskReads; ++i)
    out.sample({{"end", cache::name(static_cast<cache::DiskRead>(i))}}, stats.reads[i]);
  out.counter("pgweir_disk_queue_full_total", "Lookups that asked the database since too many reads waited.",
              stats.queue_full);
  out.counter("pgweir_disk_overdue_total", "Reads that waited too long to be made.", stats.overdue);
  out.family("pgweir_disk_admissions_total", "Replies that made room in memory, by what became of them.",
             MetricType::kCounter);
  for (std::size_t i = 0; i < cache::kAdmissions; ++i)
    out.sample({{"result", cache::name(static_cast<cache::Admission>(i))}}, stats.admissions[i]);
  out.counter("pgweir_disk_appended_bytes_total", "Keys, dependencies and replies given to the disk.",
              stats.appended_bytes);
  out.counter("pgweir_disk_written_bytes_total", "Bytes written to the file, all told.", stats.written_bytes);
  out.gauge("pgweir_disk_written_in_day_bytes", "The same in the last 24 hours, restarts included.",
            stats.written_in_day_bytes);
  out.counter("pgweir_disk_reinserted_total", "Replies written once more since they were asked for.",
              stats.reinserted);
  out.counter("pgweir_disk_dropped_total", "Replies that left with the oldest segment.", stats.dropped);
  out.family("pgweir_disk_faults_total", "Segments that could not be written, by reason.",
             MetricType::kCounter);
  for (std::size_t i = 0; i < cache::kDiskFaults; ++i)
    out.sample({{"reason", cache::name(static_cast<cache::DiskFault>(i))}}, stats.faults[i]);
  out.family("pgweir_disk_slow_total", "Reads and writes that took too long.", MetricType::kCounter);
  out.sample({{"operation", "read"}}, stats.slow_reads);
  out.sample({{"operation", "write"}}, stats.slow_writes);
  out.gauge("pgweir_disk_stalled", "1 while a read or a write is on its way for too long.",
            stats.is_stalled ? 1 : 0);
  out.counter("pgweir_disk_breaker_opened_total", "Times the disk was taken out of the path.",
              stats.breaker_opened);
  out.counter("pgweir_disk_rebuilt_total", "Replies of earlier runs that were found at the start.",
              stats.rebuilt);
  out.counter("pgweir_disk_continued_total", "Of those, what can be compared with the generations there are.",
              stats.continued);
  out.counter("pgweir_disk_scanned_segments_total", "Segments without a valid end that were found then.",
              stats.scanned_segments);
}

void write_proxy(const Workers& workers, PrometheusWriter& out) {
  out.counter("pgweir_upstream_queries_total", "Statements sent to PostgreSQL, pgweir's own included.",
              sum_of(workers, &ProxyStats::upstream_queries));
  out.counter("pgweir_refreshes_total", "Replies asked anew before they were needed, with nobody waiting.",
              sum_of(workers, &ProxyStats::refreshes));
  out.counter("pgweir_stale_if_error_total", "Old replies given in place of errors, as rules allow.",
              sum_of(workers, &ProxyStats::stale_if_error));
  out.gauge("pgweir_upstream_connections", "Connections to PostgreSQL.",
            sum_of(workers, &ProxyStats::upstream_connections));
  out.gauge("pgweir_session_bytes", "Memory of sessions; part of the limit of the cache.",
            sum_of(workers, &ProxyStats::session_bytes));
  out.gauge("pgweir_fill_bytes", "Memory of replies that are collected for the cache; likewise.",
            sum_of(workers, &ProxyStats::fill_bytes));
  out.gauge("pgweir_statement_bytes", "Memory of parsed statements; likewise.",
            sum_of(workers, &ProxyStats::statement_bytes));
  out.gauge("pgweir_client_sessions", "Client connections.", sum_of(workers, &ProxyStats::client_sessions));
  out.counter("pgweir_client_sessions_opened_total", "Client connections accepted.",
              sum_of(workers, &ProxyStats::sessions_opened));
  out.counter("pgweir_client_sessions_refused_total", "Clients refused for server.sessions_max.",
              sum_of(workers, &ProxyStats::sessions_refused));
  out.counter("pgweir_protocol_errors_total", "Sessions ended by malformed messages.",
              sum_of(workers, &ProxyStats::protocol_errors));
  out.counter("pgweir_settings_probes_total", "Times a session's settings were read from its backend.",
              sum_of(workers, &ProxyStats::settings_probes));
  out.counter("pgweir_catalog_loads_total", "Times a database's catalog was read.",
              sum_of(workers, &ProxyStats::catalog_loads));
}

void write_compression(const Workers& workers, PrometheusWriter& out) {
  using proxy::CompressionStats;
  const auto sum = [&](base::Counter CompressionStats::* member) {
    std::uint64_t total = 0;
    for (const ProxyStats* worker : workers) total += (worker->compression.*member).get();
    return total;
  };
  out.family("pgweir_compression_replies_total", "Replies that were kept, by whether they were compressed.",
             MetricType::kCounter);
  for (std::size_t i = 0; i < proxy::kCompressedKinds; ++i) {
    std::uint64_t total = 0;
    for (const ProxyStats* worker : workers) total += worker->compression.replies[i].get();
    out.sample({{"result", proxy::name(static_cast<proxy::Compressed>(i))}}, total);
  }
  out.counter("pgweir_compression_reply_bytes_total", "Bytes of the replies that were compressed.",
              sum(&CompressionStats::reply_bytes));
  out.counter("pgweir_compression_stored_bytes_total", "Bytes that were kept of them.",
              sum(&CompressionStats::stored_bytes));
  out.counter("pgweir_compression_cpu_seconds_total", "CPU time that compressing took.",
              static_cast<double>(sum(&CompressionStats::cpu_ns)) / 1e9);
  out.counter("pgweir_compression_expanded_total", "Answers from compressed replies.",
              sum(&CompressionStats::expanded));
  out.counter("pgweir_compression_expanded_bytes_total", "Bytes of those answers.",
              sum(&CompressionStats::expanded_bytes));
  out.counter("pgweir_compression_unreadable_total", "Compressed replies that were damaged, and dropped.",
              sum(&CompressionStats::unreadable));
}

void write_times(const Workers& workers, PrometheusWriter& out) {
  std::vector<const base::Histogram*> parts(workers.size());
  out.family("pgweir_upstream_query_seconds", "From sending to PostgreSQL to its ReadyForQuery.",
             MetricType::kHistogram);
  for (std::size_t i = 0; i < workers.size(); ++i) parts[i] = &workers[i]->upstream_query_time;
  out.histogram({}, parts);
  out.family("pgweir_client_query_seconds", "From a statement's arrival to its reply, by outcome.",
             MetricType::kHistogram);
  for (std::size_t outcome = 0; outcome < proxy::kOutcomes; ++outcome) {
    for (std::size_t i = 0; i < workers.size(); ++i) parts[i] = &workers[i]->client_query_time[outcome];
    out.histogram({{"outcome", proxy::outcome_name(static_cast<Outcome>(outcome))}}, parts);
  }
}

void write_guard(const guard::GuardStats& stats, PrometheusWriter& out) {
  const auto gauge = [&](const char* name, const char* help, const base::Gauge& level) {
    out.gauge(name, help, static_cast<double>(level.get()));
  };
  gauge("pgweir_guard_limit", "Statements that PostgreSQL may have at once.", stats.limit);
  out.gauge("pgweir_guard_slowdown", "How much longer statements take than in calm times.",
            static_cast<double>(stats.slowdown_x1000.get()) / 1000);
  gauge("pgweir_guard_active", "Statements at PostgreSQL, outside transactions.", stats.active);
  gauge("pgweir_guard_in_transaction", "Statements at PostgreSQL, inside transactions.",
        stats.in_transaction);
  gauge("pgweir_guard_overdue", "Statements that run for so long that others no longer wait for them.",
        stats.overdue);
  gauge("pgweir_guard_queued", "Statements that wait for their turn.", stats.queued);
  out.counter("pgweir_guard_admitted_total", "Statements let into PostgreSQL, outside transactions.",
              stats.admitted.get());
  out.counter("pgweir_guard_waited_total", "Of those, after waiting for their turn.", stats.waited.get());
  out.family("pgweir_guard_wait_seconds", "How long statements waited for their turn.",
             MetricType::kHistogram);
  const base::Histogram* const part = &stats.wait_time;
  out.histogram({}, {&part, 1});
}

// One row for each database that is followed.
using Reports = std::vector<std::pair<std::string, sync::Freshness::Report>>;

Reports stream_reports(const proxy::Server& server) {
  Reports out;
  for (const auto& database : server.catalogs().databases())
    if (const sync::Freshness* const freshness = database->freshness())
      out.emplace_back(database->name(), freshness->report());
  return out;
}

void write_streams(const Reports& streams, base::Nanos now, PrometheusWriter& out) {
  if (streams.empty()) return;
  using Report = sync::Freshness::Report;
  const auto family = [&](const char* name, const char* help, MetricType type, auto value) {
    out.family(name, help, type);
    for (const auto& [database, report] : streams) out.sample({{"database", database}}, value(report));
  };
  family("pgweir_sync_following", "1 while the database's change stream is followed.", MetricType::kGauge,
         [](const Report& r) { return r.state == sync::StreamState::kFollowing ? 1.0 : 0.0; });
  family("pgweir_sync_lag_seconds", "Age of the last moment up to which all changes have been applied.",
         MetricType::kGauge, [&](const Report& r) {
           return r.applied_at == 0 ? 0.0 : static_cast<double>(now - r.applied_at) / 1e9;
         });
  family("pgweir_sync_lag_bytes", "Log that PostgreSQL has written and the stream has not passed.",
         MetricType::kGauge, [](const Report& r) { return static_cast<double>(r.lag_bytes); });
  family("pgweir_sync_transactions_total", "Transactions applied.", MetricType::kCounter,
         [](const Report& r) { return static_cast<double>(r.transactions); });
  family("pgweir_sync_changes_total", "Changes of rows applied.", MetricType::kCounter,
         [](const Report& r) { return static_cast<double>(r.changes); });
  family("pgweir_sync_losses_total", "Times the change stream was lost.", MetricType::kCounter,
         [](const Report& r) { return static_cast<double>(r.losses); });
  family("pgweir_sync_resumed_total", "Times the change stream went on from where the last one had ended.",
         MetricType::kCounter, [](const Report& r) { return static_cast<double>(r.resumptions); });
}

admin::Status::Disk shown_disk(const cache::DiskStats& stats, const cache::DiskConfig& config) {
  admin::Status::Disk shown{.is_used = stats.is_used,
                            .is_stalled = stats.is_stalled,
                            .entries = stats.entries,
                            .size_bytes = config.size_bytes,
                            .index_bytes = stats.index_bytes,
                            .reads = {},
                            .written_bytes_total = stats.written_bytes,
                            .write_bytes_per_second_max = config.write_bytes_per_second,
                            .written_in_day_bytes = stats.written_in_day_bytes,
                            .write_bytes_per_day_max = config.write_bytes_per_day,
                            .breaker_opened_total = stats.breaker_opened};
  for (std::size_t i = 0; i < cache::kDiskReads; ++i)
    shown.reads.emplace_back(cache::name(static_cast<cache::DiskRead>(i)), stats.reads[i]);
  return shown;
}

}  // namespace

std::vector<admin::Status::Database> databases_in_use(const proxy::CatalogKeeper& catalogs,
                                                      const base::Clock& clock) {
  std::vector<admin::Status::Database> out;
  for (const auto& database : catalogs.databases()) {
    admin::Status::Database& shown = out.emplace_back();
    const auto report = database->promise();
    shown.name = database->name();
    if (report.promise) shown.promise = sync::promise_name(*report.promise);
    shown.why = report.why;
    if (database->freshness() == nullptr) continue;
    const sync::Freshness::Report stream = database->freshness()->report();
    if (stream.applied_at == 0) continue;
    shown.lag_seconds = static_cast<double>(clock.now() - stream.applied_at) / 1e9;
    shown.lag_bytes = stream.lag_bytes;
  }
  return out;
}

admin::Status::Guard guard_now(const proxy::Server& server, const config::Config& config) {
  const guard::GuardStats& stats = server.guard();
  const Workers workers = server.stats();
  const auto level = [](const base::Gauge& gauge) { return static_cast<std::uint64_t>(gauge.get()); };
  return {.limit = level(stats.limit),
          .adapts = config.guard.limit == 0,
          .slowdown = static_cast<double>(stats.slowdown_x1000.get()) / 1000,
          .active = level(stats.active),
          .in_transaction = level(stats.in_transaction),
          .overdue = level(stats.overdue),
          .queued = level(stats.queued),
          .admitted_total = stats.admitted.get(),
          .waited_total = stats.waited.get(),
          .refused_queue_full_total = refused(workers, proxy::SessionReason::kQueueFull),
          .refused_queue_wait_total = refused(workers, proxy::SessionReason::kQueueWait)};
}

std::string metrics_text(const Running& running) {
  const Workers workers = running.server.stats();
  PrometheusWriter out;
  out.family("pgweir_build_info", "Always 1; the version is a label.", MetricType::kGauge);
  out.sample({{"version", PGWEIR_VERSION}}, 1);
  write_lookups(workers, out);
  write_rules(workers, out);
  const cache::CacheStats cache = running.cache.stats();
  write_cache(cache, running.cache.is_off(), out);
  if (cache.disk) write_disk(*cache.disk, out);
  write_proxy(workers, out);
  write_compression(workers, out);
  write_times(workers, out);
  running.warm.write_metrics(out);
  write_guard(running.server.guard(), out);
  write_streams(stream_reports(running.server), running.clock.now(), out);
  if (const auto process = observe::read_process_stats()) observe::write_process_stats(*process, out);
  return out.text();
}

std::string status_json(const Running& running) {
  const Workers workers = running.server.stats();
  const auto config = running.config.get();
  const cache::CacheStats cache = running.cache.stats();
  admin::Status status;
  status.version = PGWEIR_VERSION;
  status.upstream = config::format_upstream(config->upstream);
  status.not_ready = not_ready_reason(running);
  status.uptime_seconds = static_cast<double>(running.clock.now() - running.started_at) / 1e9;
  status.workers = workers.size();
  status.client_sessions = static_cast<std::uint64_t>(sum_of(workers, &ProxyStats::client_sessions));
  status.client_sessions_max = config->server.sessions_max;
  status.upstream_connections =
      static_cast<std::uint64_t>(sum_of(workers, &ProxyStats::upstream_connections));
  for_each_lookup(workers, [&](std::string_view outcome, std::string_view why, std::uint64_t n) {
    status.lookups.push_back({std::string(outcome), std::string(why), n});
  });
  status.databases = databases_in_use(running.server.catalogs(), running.clock);
  status.guard = guard_now(running.server, *config);
  status.cache_is_off = running.cache.is_off();
  status.cache_entries = cache.entries;
  status.cache_bytes = cache.bytes;
  status.cache_bytes_max = cache.bytes_max;
  for (const std::uint64_t n : cache.evictions) status.evictions_total += n;
  if (cache.disk) status.disk = shown_disk(*cache.disk, running.cache.config().disk);
  status.warm = running.warm.status();
  status.upstream_queries_total = sum_of(workers, &ProxyStats::upstream_queries);
  for (std::size_t outcome = 0; outcome < proxy::kOutcomes; ++outcome) {
    observe::HistogramTotals totals;
    for (const ProxyStats* worker : workers) totals.add(worker->client_query_time[outcome]);
    status.client_query_seconds.emplace_back(proxy::outcome_name(static_cast<Outcome>(outcome)), totals);
  }
  for (const ProxyStats* worker : workers) status.upstream_query_seconds.add(worker->upstream_query_time);
  return admin::to_json(status);
}

std::optional<std::string> not_ready_reason(const Running& running) {
  if (running.server.draining()) return "draining: pgweir is shutting down";
  if (!running.server.upstream_reached())
    return "PostgreSQL at " + config::format_upstream(running.config.get()->upstream) + " does not answer";
  return running.warm.not_ready_reason();
}

}  // namespace pgweir::app
