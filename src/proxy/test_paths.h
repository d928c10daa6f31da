// For tests: one session's query and reply path between two sockets, without the session around them.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "proxy/query_path.h"
#include "proxy/reply_path.h"
#include "query/test_catalog.h"

namespace pgweir::proxy {

// What sessions share.
struct TestWorker {
  TestWorker() {
    auto settings = std::make_shared<LiveSettings>();
    settings->server.message_bytes_max = 1 << 20;
    settings->cache_ttl = 3600 * base::kSecond;
    services.live = std::move(settings);
    if (compresses_all()) compression.set_cpu_share(1);
  }
  // All of these tests hold, whether replies are kept compressed or not: the suite runs once with, once
  // without.
  static bool compresses_all() { return std::getenv("PGWEIR_TEST_COMPRESSION") != nullptr; }
  static constexpr CompressionLimits kCompressAll{.bytes_min = 1, .stored_share_max = 100};
  // As if all that is compressed were damaged.
  void damage_compressed() {
    std::destroy_at(&compression);
    std::construct_at(&compression, clock, cpu_clock, stats.compression, CompressionLimits{.bytes_max = 0});
  }
  // A table a(id), public, in database shop, once and then confirmed; nothing if loads are limited now.
  void load_catalog() {
    const auto database = catalogs.database("shop");
    const auto ticket = database->begin_load(clock.now());
    if (!ticket) return;
    if (database->snapshot().catalog != nullptr) return database->confirm(*ticket, clock.now());
    database->publish(
        *ticket,
        {query::TestCatalog(ticket->version).table({.oid = 20000, .name = "a"}).build(), "fingerprint"},
        clock.now());
  }
  std::uint64_t hits() const { return stats.lookups[static_cast<std::size_t>(Outcome::kHit)][0].get(); }

  static cache::CacheConfig cache_config() {
    cache::CacheConfig config;
    config.memory_bytes = 8 << 20;
    config.ttl_jitter = 0;
    config.shards = 1;
    return config;
  }

  base::ManualClock clock;
  io::Loop loop{clock};
  io::Resolver resolver;
  std::vector<char> read_buffer = std::vector<char>(64 * 1024);
  query::StatementTable statements{{}};
  ProxyStats stats;
  cache::Generations generations{10};
  cache::Cache cache{cache_config(), clock, generations};
  CatalogKeeper catalogs{generations, base::HashSecret{1, 2}, clock};
  guard::Gate gate{guard::GuardConfig{}, clock};
  CancelRegistry cancels;
  base::ManualClock cpu_clock;
  Compression compression{clock, cpu_clock, stats.compression, kCompressAll};
  Services services{loop,    clock,    resolver, read_buffer, statements,  stats,
                    cache,   catalogs, gate,     cancels,     compression, base::HashSecret{1, 2},
                    nullptr, nullptr,  1 << 20};
};

// Feeds both paths as a session does, and collects what leaves on the other sides.
class TestPaths final : public ChannelOwner {
 public:
  explicit TestPaths(TestWorker& worker)
      : client_(worker.loop, *this, worker.stats.session_bytes),
        upstream_(worker.loop, *this, worker.stats.session_bytes),
        client_end_(connect(client_)),
        upstream_end_(connect(upstream_)),
        query_(worker.services, client_, upstream_, Peer{.database = "shop"}, waiter_,
               [this] { resumed_ = true; }),
        reply_(worker.services, client_, query_) {}

  // As PostgreSQL reports at login: statements can be read, and so be cached.
  void report_readable_text() {
    query_.context().reported("client_encoding", "UTF8");
    query_.context().reported("server_encoding", "UTF8");
    query_.context().reported("standard_conforming_strings", "on");
  }

  const ReplyPath& reply_path() const { return reply_; }

  void from_client(std::string_view bytes) {
    client_in_ += bytes;
    take_client();
    settle();
  }
  void from_upstream(std::string_view bytes) {
    upstream_in_ += bytes;
    take_upstream();
    settle();
  }
  // Only what the query path does with whole messages that hit: their replies are thrown away.
  std::size_t answer_now(std::string_view bytes) {
    const std::size_t taken = query_.process(bytes);
    client_.out().clear();
    return taken;
  }
  bool has_fault() const { return query_.fault() || reply_.fault(); }
  std::string fault() const {
    const auto& complaint = query_.fault() ? query_.fault() : reply_.fault();
    return complaint ? complaint->message : "no fault";
  }
  // Bytes of the client's that nobody has taken yet.
  std::size_t client_bytes_waiting() const { return client_in_.size(); }
  std::size_t upstream_bytes_waiting() const { return upstream_in_.size(); }
  QueryPath& query() { return query_; }

  // All that was sent so far.
  std::string to_client, to_upstream;

  void on_channel(Channel&, std::uint32_t) override {}

 private:
  struct Waiter final : cache::Waiter {
    void wake() noexcept override { woken = true; }
    bool woken = false;
  };

  static io::Fd connect(Channel& channel) {
    std::array<int, 2> ends{};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    CHECK(channel.open(io::Stream(io::Fd(ends[0]))).has_value());
    return io::Fd(ends[1]);
  }
  static void drain(Channel& channel, const io::Fd& end, std::string& into) {
    std::array<char, 65536> buffer;
    do {
      channel.flush();
      ssize_t n;
      while ((n = ::read(end.get(), buffer.data(), buffer.size())) > 0)
        into.append(buffer.data(), static_cast<std::size_t>(n));
    } while (channel.has_unsent());
  }

  void take_client() {
    if (has_fault() || query_.terminated()) return client_in_.clear();
    client_in_.erase(0, query_.process(client_in_));
  }
  void take_upstream() {
    if (has_fault()) return upstream_in_.clear();
    upstream_in_.erase(0, reply_.process(upstream_in_));
    if (!has_fault()) query_.upstream_settled();
  }
  void settle() {
    if (std::exchange(waiter_->woken, false)) query_.woken();
    for (;;) {
      // What congestion has stopped goes on once it is over.
      const bool stopped = client_.congested() || upstream_.congested();
      drain(client_, client_end_, to_client);
      drain(upstream_, upstream_end_, to_upstream);
      if (!resumed_ && !stopped) break;
      resumed_ = false;
      take_client();
      take_upstream();
    }
    client_.settle();
    upstream_.settle();
  }

  Channel client_, upstream_;
  io::Fd client_end_, upstream_end_;
  bool resumed_ = false;
  std::shared_ptr<Waiter> waiter_ = std::make_shared<Waiter>();
  QueryPath query_;
  ReplyPath reply_;
  std::string client_in_, upstream_in_;
};

}  // namespace pgweir::proxy
