#include "proxy/server.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"
#include "proxy/stream_login.h"

namespace pgweir::proxy {
namespace {

constexpr base::Nanos kProbeInterval = base::kSecond;
constexpr base::Nanos kAcceptPause = 100 * base::kMillisecond;
constexpr int kAcceptsPerEvent = 64;

struct HostPort {
  std::string host;
  std::uint16_t port;
};

// "a:1,[::1]:2" as config/ has validated it.
std::vector<HostPort> split_listen(const std::string& text) {
  std::vector<HostPort> out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string item = text.substr(begin, end - begin);
    const std::size_t colon = item.rfind(':');
    if (colon != std::string::npos) {
      std::string host = item.substr(0, colon);
      if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
      out.push_back(
          {std::move(host), static_cast<std::uint16_t>(std::strtoul(item.c_str() + colon + 1, nullptr, 10))});
    }
    begin = end + 1;
  }
  return out;
}

}  // namespace

// A listening socket on the first worker's loop.
class Server::Listener final : public io::Handler {
 public:
  Listener(io::Loop& loop, io::Fd fd, std::string unix_path, std::function<void(io::Fd)> dispatch)
      : loop_(loop), fd_(std::move(fd)), unix_path_(std::move(unix_path)), dispatch_(std::move(dispatch)) {}
  ~Listener() override { remove_file(); }

  base::Result<void> open() { return loop_.add(fd_.get(), EPOLLIN, this); }
  // On the loop's thread.
  void close() {
    if (fd_) loop_.remove(fd_.get(), this);
    fd_.reset();
    remove_file();
  }

  void on_ready(std::uint32_t) override {
    for (int i = 0; i < kAcceptsPerEvent; ++i) {
      io::Fd client(accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (client) {
        dispatch_(std::move(client));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        return pause();
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return;
      }
    }
  }

 private:
  // Once: after close() the name may belong to another process that has started.
  void remove_file() {
    if (!unix_path_.empty()) unlink(std::exchange(unix_path_, {}).c_str());
  }
  // Out of file handles: the connection stays in the queue, and the loop must not spin on it.
  void pause() {
    spdlog::error("cannot accept a connection: {}; raise the limit of open files", std::strerror(errno));
    loop_.modify(fd_.get(), 0, this);
    loop_.after(kAcceptPause, [this] {
      if (fd_) loop_.modify(fd_.get(), EPOLLIN, this);
    });
  }

  io::Loop& loop_;
  io::Fd fd_;
  std::string unix_path_;
  const std::function<void(io::Fd)> dispatch_;
};

Server::Server(const ServerParts& parts, ServerSettings settings)
    : settings_(std::move(settings)),
      catalogs_(parts.cache.generations(), parts.secret, parts.clock,
                follower_config(parts.sync, settings_.upstream), parts.kept),
      gate_(settings_.guard, parts.clock),
      resolver_(std::make_unique<io::Resolver>()),
      shared_{parts.clock,  parts.cache, catalogs_,         gate_,        cancels_, *resolver_,
              parts.secret, sessions_,   upstream_reached_, parts.console} {
  shared_.recorder = parts.recorder;
  // A walsender and one for questions, for each database.
  if (!parts.sync.user.empty()) shared_.own_connections_max = 2 * parts.sync.databases_max;
}

Server::~Server() { stop(); }

base::Result<std::shared_ptr<const LiveSettings>> Server::make_live(const ServerSettings& settings) {
  auto live = std::make_shared<LiveSettings>();
  const ServerConfig& server = settings.server;
  live->server = server;
  live->guard = settings.guard;
  live->cache_ttl = settings.cache_ttl;
  live->rules = settings.rules;
  if (!server.tls_cert.empty()) {
    auto tls = io::TlsContext::server(server.tls_cert, server.tls_key);
    if (!tls) return std::unexpected(tls.error());
    live->client_tls = std::move(*tls);
  }
  auto target = UpstreamTarget::make(settings.upstream);
  if (!target) return std::unexpected(target.error());
  live->upstream = std::move(*target);
  return live;
}

base::Result<void> Server::start() {
  auto live = make_live(settings_);
  if (!live) return std::unexpected(live.error());
  const unsigned count = settings_.server.workers != 0 ? settings_.server.workers
                                                       : std::max(1U, std::thread::hardware_concurrency());
  // An eighth for all: they count in the memory of the cache, and only what is there can answer.
  constexpr std::uint64_t kFillsShare = 8;
  shared_.fill_bytes_max = std::max(shared_.cache.config().memory_bytes / kFillsShare / count,
                                    4 * shared_.cache.entry_bytes_max());
  for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>(shared_, *live));
  if (auto opened = open_listeners(settings_.server); !opened) {
    listeners_.clear();
    workers_.clear();
    return opened;
  }
  for (auto& worker : workers_) worker->start();
  started_ = true;
  workers_.front()->loop().post([this] { probe_upstream(); });
  return {};
}

base::Result<void> Server::open_listeners(const ServerConfig& config) {
  std::vector<HostPort> places = split_listen(config.listen);
  if (!config.unix_socket_dir.empty() && !places.empty())
    places.push_back({config.unix_socket_dir, places.front().port});
  for (const HostPort& place : places) {
    const auto addresses = io::resolve(place.host, place.port);
    if (!addresses) return std::unexpected(addresses.error());
    for (const io::SocketAddress& address : *addresses) {
      auto fd = io::listen_on(address);
      if (!fd) return std::unexpected(fd.error());
      const std::string bound = io::local_address(fd->get()).text();
      const std::string unix_path = address.storage.ss_family == AF_UNIX ? bound : "";
      listeners_.push_back(
          std::make_unique<Listener>(workers_.front()->loop(), std::move(*fd), unix_path,
                                     [this](io::Fd client) { dispatch(std::move(client)); }));
      if (auto opened = listeners_.back()->open(); !opened) return opened;
      listening_.push_back(bound);
    }
  }
  return {};
}

void Server::dispatch(io::Fd client) {
  const auto least = std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
    return a->connections() < b->connections();
  });
  (*least)->accept(std::move(client));
}

base::Result<void> Server::reload(const ServerSettings& settings) {
  auto live = make_live(settings);
  if (!live) return std::unexpected(live.error());
  gate_.configure(settings.guard);
  for (auto& worker : workers_) worker->set_live(*live);
  return {};
}

// Where nobody has connected yet readiness needs asking; where sessions are, they tell.
void Server::probe_upstream() {
  const auto& target = workers_.front()->live().upstream;
  if (draining() || (upstream_reached() && sessions() != 0 && target == probed_target_)) {
    probing_ = false;
    probe_.reset();
  } else if (!probing_ || target != probed_target_) {  // one that waits for an answer is left to its timeout
    probing_ = true;
    probed_target_ = target;
    const auto answered = [this](auto result) {
      probing_ = false;
      workers_.front()->upstream_answered(result.has_value(), result ? "" : result.error().message);
    };
    probe_ = std::make_unique<UpstreamConnector>(workers_.front()->loop(), *resolver_, target, answered);
    probe_->start();
  }
  workers_.front()->loop().after(kProbeInterval, [this] { probe_upstream(); });
}

void Server::drain() {
  draining_ = true;
  if (!started_) return;
  workers_.front()->loop().post([this] {
    for (auto& listener : listeners_) listener->close();
  });
  for (auto& worker : workers_) worker->drain();
}

void Server::cut() {
  for (auto& worker : workers_) worker->cut();
}

void Server::stop() {
  if (!started_) return;
  started_ = false;
  for (auto& worker : workers_) worker->stop();
  for (auto& worker : workers_) worker->join();
  probe_.reset();
  resolver_.reset();
  listeners_.clear();
  workers_.clear();
}

std::uint64_t Server::memory_bytes() const {
  std::uint64_t bytes = 0;
  for (const ProxyStats* stats : this->stats())
    bytes += stats->session_bytes.get() + stats->fill_bytes.get() + stats->statement_bytes.get() +
             stats->compression.memory_bytes.get();
  return bytes;
}

std::vector<const ProxyStats*> Server::stats() const {
  std::vector<const ProxyStats*> out;
  out.reserve(workers_.size());
  for (const auto& worker : workers_) out.push_back(&worker->stats());
  return out;
}

}  // namespace pgweir::proxy
