// What one worker counts; any thread reads. admin/ and app/ sum over the workers.
#pragma once

#include <array>
#include <cstddef>

#include "base/counters.h"
#include "proxy/compression.h"
#include "proxy/outcome.h"
#include "proxy/rule_stats.h"

namespace pgweir::proxy {

struct ProxyStats {
  // Each statement counts once, before its reply is passed on.
  std::array<std::array<base::Counter, Why::kCount>, kOutcomes> lookups;
  // From the statement's arrival to the last byte of its reply.
  std::array<base::Histogram, kOutcomes> client_query_time;
  base::Counter stale_if_error;    // replies given instead of an error
  base::Counter refreshes;         // replies asked anew with nobody waiting
  base::Counter upstream_queries;  // statements sent to PostgreSQL, pgweir's own included
  base::Histogram upstream_query_time;
  RuleStats rules;
  CompressionStats compression;
  base::Counter sessions_opened;
  base::Counter sessions_refused;
  base::Counter protocol_errors;  // sessions ended by malformed bytes, from either side
  base::Counter settings_probes;
  base::Counter catalog_loads;
  base::Level session_bytes;    // what sessions take: their state, prepared statements, bytes on their way
  base::Level fill_bytes;       // replies that are collected for the cache
  base::Level statement_bytes;  // the table of parsed statements
  base::Gauge client_sessions;
  base::Gauge upstream_connections;

  void count(Outcome outcome, Why why) { lookups[static_cast<std::size_t>(outcome)][why.index()].add(); }
  void count(Outcome outcome, Why why, const query::Verdict& verdict) {
    count(outcome, why);
    if (verdict.rule != query::Verdict::kNoRule) rules.count(verdict.rule, outcome);
  }
};

}  // namespace pgweir::proxy
