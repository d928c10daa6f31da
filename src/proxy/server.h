// The proxy as a whole: listeners and workers. A connection is handed to the worker that has the
// fewest, which balances better than SO_REUSEPORT does for the few long-lived connections that
// applications open.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/worker.h"
#include "sync/config.h"

namespace pgweir::proxy {

// What a reload can replace.
struct ServerSettings {
  ServerConfig server;
  UpstreamConfig upstream;
  guard::GuardConfig guard;
  base::Nanos cache_ttl = 30 * base::kSecond;
  std::shared_ptr<const query::Rules> rules;  // null: none
};

struct ServerParts {
  const base::Clock& clock;
  cache::Cache& cache;
  base::HashSecret secret;
  sync::SyncConfig sync;
  cache::KeptGenerations* kept = nullptr;  // the cache's, if they outlive the process
  Console* console = nullptr;              // outlives the server; null: none
  warm::Recorder* recorder = nullptr;      // likewise
};

// For the owner's thread, unless a function says otherwise.
class Server {
 public:
  Server(const ServerParts& parts, ServerSettings settings);
  ~Server();  // cuts what is left

  // Opens the listeners and starts the workers. Fails without a trace.
  base::Result<void> start();
  // Puts new settings in force for sessions that begin from now on, and new rules for all; on failure
  // nothing changes.
  base::Result<void> reload(const ServerSettings& settings);
  // To be called now and then, some times a second.
  void tick() { gate_.tick(); }
  // No new sessions; the present ones end between transactions.
  void drain();
  // Ends all sessions at once.
  void cut();
  void stop();

  // Any thread.
  unsigned sessions() const { return sessions_.load(std::memory_order_relaxed); }
  bool upstream_reached() const { return upstream_reached_.load(std::memory_order_relaxed); }
  bool draining() const { return draining_.load(std::memory_order_relaxed); }
  std::vector<const ProxyStats*> stats() const;
  // What sessions, fills in progress and parsed statements take.
  std::uint64_t memory_bytes() const;
  // The databases in use, for reports.
  const CatalogKeeper& catalogs() const { return catalogs_; }
  const guard::GuardStats& guard() const { return gate_.stats(); }
  // After start(): what is listened on, in words.
  const std::vector<std::string>& listening() const { return listening_; }

 private:
  class Listener;

  static base::Result<std::shared_ptr<const LiveSettings>> make_live(const ServerSettings& settings);
  base::Result<void> open_listeners(const ServerConfig& config);
  void dispatch(io::Fd client);
  // Now and then, on the first worker's thread: connects without logging in, to see whether PostgreSQL
  // answers, and sets upstream_reached().
  void probe_upstream();

  const ServerSettings settings_;  // as of the start; workers have what is in force
  CatalogKeeper catalogs_;
  guard::Gate gate_;
  CancelRegistry cancels_;
  std::atomic<unsigned> sessions_{0};
  std::atomic<bool> upstream_reached_{false};
  std::atomic<bool> draining_{false};
  std::unique_ptr<io::Resolver> resolver_;  // answers on the workers' loops: stop() ends it before them
  Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::string> listening_;
  std::unique_ptr<UpstreamConnector> probe_;             // on the first worker's thread
  std::shared_ptr<const UpstreamTarget> probed_target_;  // likewise; what was asked last
  bool probing_ = false;                                 // likewise; it has not answered yet
  bool started_ = false;
};

}  // namespace pgweir::proxy
