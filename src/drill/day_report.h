// What a day in the shop looks like in numbers: each second, and at the end.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "drill/shoppers.h"

namespace pgweir::drill {

// Where things are, for the reader to try.
struct DayAddresses {
  std::string dashboard;    // pgweir's admin address
  std::string through_api;  // the shop API that reaches PostgreSQL through pgweir
  std::string direct_api;
  std::string through_psql;  // a connection string
  double requests_per_s = 0;
  std::size_t users = 0;
};

struct Quantiles {
  std::optional<base::Nanos> p50;  // nothing where nothing was measured
  std::optional<base::Nanos> p99;
};

// pgweir's own counters; nothing where /metrics did not have them.
struct CacheCounts {
  std::optional<double> hits;  // stale ones included
  std::optional<double> misses;
  std::optional<double> bypasses;          // statements that are never looked up
  std::optional<double> database_queries;  // sent on to PostgreSQL
};

// Hits among the lookups of cacheable reads, 0 … 1; nothing without lookups.
std::optional<double> hit_ratio(const CacheCounts& counts);
// What was counted between the two.
CacheCounts since(const CacheCounts& now, const CacheCounts& earlier);

inline constexpr int kLatencyWindowSeconds = 10;

struct DaySecond {
  int elapsed_s = 0;
  double requests_per_s = 0;
  std::optional<double> hit_ratio;
  std::optional<double> database_queries_per_s;
  Quantiles through;  // of reads, over the last kLatencyWindowSeconds
  Quantiles direct;
  std::uint64_t failed = 0;  // requests, since the start
};

struct EndpointSummary {
  std::uint64_t requests = 0;
  Quantiles through;
  Quantiles direct;
};

struct DaySummary {
  double seconds = 0;
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;
  CacheCounts cache;
  std::array<EndpointSummary, kEndpoints> endpoints;
  EndpointSummary reads;  // all of them together
};

}  // namespace pgweir::drill
