// What a running pgweir says about itself: /metrics, the dashboard's numbers, readiness.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/status.h"
#include "app/current_config.h"
#include "app/serve_warm.h"
#include "base/clock.h"
#include "cache/cache.h"
#include "proxy/server.h"

namespace pgweir::app {

// All members outlive the HTTP server that asks.
struct Running {
  const CurrentConfig& config;
  const proxy::Server& server;
  const cache::Cache& cache;
  const ServeWarm& warm;
  const base::Clock& clock;
  base::Nanos started_at;
};

std::string metrics_text(const Running& running);
std::string status_json(const Running& running);
// Which promise of freshness holds for each.
std::vector<admin::Status::Database> databases_in_use(const proxy::CatalogKeeper& catalogs,
                                                      const base::Clock& clock);
admin::Status::Guard guard_now(const proxy::Server& server, const config::Config& config);
std::optional<std::string> not_ready_reason(const Running& running);

}  // namespace pgweir::app
