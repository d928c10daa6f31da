// What a worker offers its sessions.
#pragma once

#include <memory>
#include <span>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache.h"
#include "guard/gate.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "proxy/cancel.h"
#include "proxy/catalog_keeper.h"
#include "proxy/compression.h"
#include "proxy/config.h"
#include "proxy/console.h"
#include "proxy/refreshers.h"
#include "proxy/stats.h"
#include "proxy/upstream_connector.h"
#include "query/rules.h"
#include "query/statement_table.h"
#include "warm/samples.h"

namespace pgweir::proxy {

// What can change while pgweir runs; replaced as a whole, for sessions that begin afterwards.
struct LiveSettings {
  ServerConfig server;
  guard::GuardConfig guard;
  base::Nanos cache_ttl = 30 * base::kSecond;
  std::shared_ptr<const query::Rules> rules;         // null: none; for all sessions
  std::shared_ptr<const io::TlsContext> client_tls;  // null: no TLS for clients
  std::shared_ptr<const UpstreamTarget> upstream;
};

// The worker's own parts are for its thread only; cache, catalogs, gate and cancels are shared by all.
struct Services {
  io::Loop& loop;
  const base::Clock& clock;
  io::Resolver& resolver;
  std::span<char> read_buffer;
  query::StatementTable& statements;
  ProxyStats& stats;
  cache::Cache& cache;
  CatalogKeeper& catalogs;
  guard::Gate& gate;
  CancelRegistry& cancels;
  Compression& compression;
  base::HashSecret secret;
  std::shared_ptr<const LiveSettings> live;
  Console* console = nullptr;  // any thread; null: no database is pgweir itself
  // What all replies that are collected for the cache may take; further ones are not.
  std::uint64_t fill_bytes_max = 0;
  Refreshers refreshers{};
  warm::Samples* samples = nullptr;  // null: hits are not sampled
};

}  // namespace pgweir::proxy
