// One thread with its event loop and the sessions on it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/services.h"
#include "proxy/session.h"
#include "warm/recorder.h"

namespace pgweir::proxy {

// What all workers share. Any thread.
struct Shared {
  const base::Clock& clock;
  cache::Cache& cache;
  CatalogKeeper& catalogs;
  guard::Gate& gate;
  CancelRegistry& cancels;
  io::Resolver& resolver;
  base::HashSecret secret;
  std::atomic<unsigned>& sessions;      // logged in or logging in, each with one upstream connection
  std::atomic<bool>& upstream_reached;  // the last attempt to connect succeeded
  Console* console = nullptr;
  std::uint64_t fill_bytes_max = 0;  // of one worker
  unsigned own_connections_max = 0;  // to PostgreSQL: the change streams'
  warm::Recorder* recorder = nullptr;
};

// Public functions: any thread, unless they say otherwise.
class Worker final : public Session::Host {
 public:
  Worker(const Shared& shared, std::shared_ptr<const LiveSettings> live);
  ~Worker() override;  // REQUIRES: joined

  void start();
  void stop() { loop_.stop(); }
  void join();

  // Takes over a new client connection.
  void accept(io::Fd client);
  // Other rules end all that was kept under those before.
  void set_live(std::shared_ptr<const LiveSettings> live);
  void drain();
  // Ends all sessions now.
  void cut();

  io::Loop& loop() { return loop_; }
  const ProxyStats& stats() const { return stats_; }
  // Connections on this worker, for balancing.
  unsigned connections() const { return connections_.load(std::memory_order_relaxed); }

  // On the worker's thread; valid until its next event.
  const LiveSettings& live() const { return *services_.live; }

  // Session::Host, on the worker's thread.
  base::Result<void> admit() override;
  void upstream_answered(bool reached, const std::string& why) override;
  void ended(Session& session) override;

 private:
  void set_rules(std::shared_ptr<const query::Rules> rules);

  static constexpr std::size_t kReadBufferBytes = 64 * 1024;

  Shared shared_;
  io::Loop loop_;
  std::vector<char> read_buffer_;
  ProxyStats stats_;
  query::StatementTable statements_;
  base::ThreadCpuClock cpu_clock_;
  Compression compression_;
  Services services_;
  std::unordered_map<const Session*, std::shared_ptr<Session>> sessions_;  // the worker's thread only
  std::atomic<unsigned> connections_{0};
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace pgweir::proxy
