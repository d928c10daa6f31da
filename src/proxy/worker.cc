#include "proxy/worker.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace pgweir::proxy {

Worker::Worker(const Shared& shared, std::shared_ptr<const LiveSettings> live)
    : shared_(shared),
      loop_(shared.clock),
      read_buffer_(kReadBufferBytes),
      statements_({.bytes = &stats_.statement_bytes}),
      compression_(shared.clock, cpu_clock_, stats_.compression),
      services_{loop_,        shared_.clock,  shared_.resolver, read_buffer_,    statements_,
                stats_,       shared_.cache,  shared_.catalogs, shared_.gate,    shared_.cancels,
                compression_, shared_.secret, std::move(live),  shared_.console, shared_.fill_bytes_max} {
  compression_.set_cpu_share(services_.live->server.compression_cpu);
  set_rules(services_.live->rules);
  if (shared.recorder != nullptr) services_.samples = shared.recorder->add_worker();
}

Worker::~Worker() = default;

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
  // Sessions refer to the loop, so they go before it.
  sessions_.clear();
}

void Worker::accept(io::Fd client) {
  connections_.fetch_add(1, std::memory_order_relaxed);
  // std::function wants to be copied.
  auto owned = std::make_shared<io::Fd>(std::move(client));
  loop_.post([this, owned] {
    auto session = std::make_shared<Session>(services_, *this);
    sessions_.emplace(session.get(), session);
    const io::SocketAddress address = io::peer_address(owned->get());
    session->start(std::move(*owned), address);
    if (draining_) session->drain();
  });
}

void Worker::set_live(std::shared_ptr<const LiveSettings> live) {
  loop_.post([this, live = std::move(live)] {
    services_.live = live;
    compression_.set_cpu_share(live->server.compression_cpu);
    const auto& before = statements_.rules();
    const bool same = before == live->rules ||
                      (before != nullptr && live->rules != nullptr && before->list() == live->rules->list());
    if (same) return;
    set_rules(live->rules);
    // By each worker once it is done: fills that it began by the old rules are not kept then.
    shared_.catalogs.outdate_replies();
  });
}

void Worker::set_rules(std::shared_ptr<const query::Rules> rules) {
  statements_.set_rules(rules);
  stats_.rules.set_rules(std::move(rules));
}

void Worker::drain() {
  loop_.post([this] {
    draining_ = true;
    // A session may end, and leave the map, only after this event.
    for (auto& [key, session] : sessions_) session->drain();
  });
}

void Worker::cut() {
  loop_.post([this] {
    for (auto& [key, session] : sessions_) session->cut();
  });
}

base::Result<void> Worker::admit() {
  const unsigned sessions_max = services_.live->server.sessions_max;
  const unsigned connections_max = services_.live->upstream->config.max_connections;
  const unsigned own = shared_.own_connections_max;
  const unsigned before = shared_.sessions.fetch_add(1);
  if (before < sessions_max && (connections_max == 0 || before + own < connections_max)) return {};
  shared_.sessions.fetch_sub(1);
  if (before >= sessions_max)
    return base::fail(base::ErrorCode::kLimit,
                      fmt::format("pgweir's limit is server.sessions_max = {}.", sessions_max));
  return base::fail(
      base::ErrorCode::kLimit,
      fmt::format("pgweir's limit is upstream.max_connections = {}{}.", connections_max,
                  own != 0 ? fmt::format(", of which its change streams may need {}", own) : ""));
}

void Worker::upstream_answered(bool reached, const std::string& why) {
  const bool before = shared_.upstream_reached.exchange(reached);
  if (before && !reached) spdlog::error("PostgreSQL cannot be reached: {}", why);
  if (!before && reached) spdlog::info("PostgreSQL answers");
}

void Worker::ended(Session& session) {
  if (session.admitted()) shared_.sessions.fetch_sub(1);
  connections_.fetch_sub(1, std::memory_order_relaxed);
  loop_.defer([this, key = &session] { sessions_.erase(key); });
}

}  // namespace pgweir::proxy
