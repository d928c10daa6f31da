#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>

#include "admin/console.h"
#include "admin/server.h"
#include "app/commands.h"
#include "app/current_config.h"
#include "app/serve_disk.h"
#include "app/serve_metrics.h"
#include "app/serve_warm.h"
#include "base/log.h"
#include "cache/memory_share.h"
#include "config/config.h"
#include "config/settings.h"
#include "config/upstream_url.h"

namespace pgweir::app {
namespace {

struct ServeOptions {
  std::string config_file;
  std::string log_level = "info";
  std::vector<config::Override> overrides;
};

base::Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) {
    // An empty file reads nothing and is a valid configuration.
    if (in.is_open() && in.eof()) return std::string();
    return base::fail(base::ErrorCode::kInvalid, path + ": cannot be read: " + std::strerror(errno));
  }
  return text.str();
}

std::optional<config::Config> load_config(const ServeOptions& options) {
  std::string text;
  if (!options.config_file.empty()) {
    auto read = read_file(options.config_file);
    if (!read) {
      spdlog::error("{}", read.error().message);
      return std::nullopt;
    }
    text = std::move(*read);
  }
  auto config = config::load(text, options.config_file.empty() ? "command line" : options.config_file,
                             options.overrides);
  if (config) return std::move(*config);
  for (const config::Finding& finding : config.error()) spdlog::error("{}", finding.to_string());
  return std::nullopt;
}

// Each session needs two file handles; the soft limit is often only 1,024.
void raise_file_limit(unsigned sessions_max) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = 2 * rlim_t{sessions_max} + 64;
  if (limit.rlim_cur < wanted)
    spdlog::warn("the limit of open files ({}) is below what server.sessions_max = {} may need ({})",
                 limit.rlim_cur, sessions_max, wanted);
}

sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// What holds after a reload: the rest of `next` has to wait for a restart.
config::Config with_live_part(config::Config current, const config::Config& next) {
  current.upstream = next.upstream;
  current.guard = next.guard;
  current.cache.ttl = next.cache.ttl;
  current.cache.memory_bytes = next.cache.memory_bytes;
  current.rules = next.rules;
  proxy::ServerConfig server = next.server;
  server.listen = current.server.listen;
  server.unix_socket_dir = current.server.unix_socket_dir;
  server.workers = current.server.workers;
  server.state_dir = current.server.state_dir;
  current.server = std::move(server);
  return current;
}

// The names of the settings in which two configurations differ, with commas.
std::string differing_settings(const config::Config& a, const config::Config& b) {
  std::string names;
  for (const config::Setting& setting : config::settings()) {
    if (config::show_setting(a, setting) == config::show_setting(b, setting)) continue;
    if (!names.empty()) names += ", ";
    names += setting.name;
  }
  return names;
}

// Null if there are none.
base::Result<std::shared_ptr<const query::Rules>> make_rules(const config::Config& config) {
  if (config.rules.empty()) return nullptr;
  return query::Rules::make(config.rules);
}

proxy::ServerSettings server_settings(const config::Config& config,
                                      std::shared_ptr<const query::Rules> rules) {
  return {config.server, config.upstream, config.guard, config.cache.ttl, std::move(rules)};
}

base::Result<void> reload(const config::Config& next, proxy::Server& server) {
  auto rules = make_rules(next);
  if (!rules) return std::unexpected(rules.error());
  return server.reload(server_settings(next, std::move(*rules)));
}

// A bad file changes nothing; what cannot change while pgweir runs is said.
void reload(const ServeOptions& options, CurrentConfig& current, proxy::Server& server,
            cache::MemoryShare& memory, ServeDisk& disk, const base::Clock& clock) {
  // systemd wants the time of CLOCK_MONOTONIC along with it.
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(clock.now() / base::kMicrosecond)).c_str());
  if (auto next = load_config(options); !next) {
    spdlog::error("configuration not reloaded: nothing has changed");
  } else if (auto done = reload(*next, server); !done) {
    spdlog::error("configuration not reloaded, nothing has changed: {}", done.error().message);
  } else {
    current.set(with_live_part(*current.get(), *next));
    disk.reloaded(*current.get());
    memory.set_limit(next->cache.memory_bytes);
    raise_file_limit(next->server.sessions_max);
    if (const std::string waiting = differing_settings(*current.get(), *next); !waiting.empty())
      spdlog::warn("{}: as before, until a restart", waiting);
    spdlog::info("configuration reloaded; sessions that begin from now on follow it");
  }
  sd_notify(0, "READY=1");
}

// Sessions end between transactions; a second signal, or the timeout, ends them at once.
void shut_down(proxy::Server& server, cache::Cache& cache, ServeDisk& disk, ServeWarm& warm,
               const sigset_t& signals, base::Nanos drain_timeout, const base::Clock& clock) {
  sd_notify(0, "STOPPING=1");
  spdlog::info("shutting down: {} sessions end between transactions", server.sessions());
  warm.stop();
  server.drain();
  const base::Nanos deadline = clock.now() + drain_timeout;
  const timespec tick{0, 20'000'000};
  while (server.sessions() != 0 && clock.now() < deadline)
    if (const int signal = sigtimedwait(&signals, nullptr, &tick); signal == SIGTERM || signal == SIGINT)
      break;
  if (const unsigned left = server.sessions(); left != 0) {
    spdlog::warn("{} sessions are cut off", left);
    server.cut();
    const base::Nanos cut_deadline = clock.now() + base::kSecond;
    while (server.sessions() != 0 && clock.now() < cut_deadline) sigtimedwait(&signals, nullptr, &tick);
  }
  disk.save_memory(cache);
  if (disk.tier() != nullptr) disk.tier()->stop();  // it wakes sessions on the workers' loops
  server.stop();
  warm.save();
  spdlog::info("stopped");
}

// Until a signal ends it.
int run(const ServeOptions& options, const config::Config& config, const base::HashSecret& secret,
        std::shared_ptr<const query::Rules> rules, const sigset_t& signals, ServeDisk& disk,
        const base::Clock& clock) {
  cache::Cache cache(disk.memory_config(config.cache), clock, disk.generations());
  if (disk.tier() != nullptr) {
    cache.use_disk(*disk.tier());
    disk.tier()->start();
  }
  admin::Console console(PGWEIR_VERSION);
  ServeWarm warm(config, secret, clock);
  proxy::Server server({clock, cache, secret, config.sync, disk.kept(), &console, warm.recorder()},
                       server_settings(config, std::move(rules)));
  CurrentConfig current(config);
  console.set_databases([&] { return databases_in_use(server.catalogs(), clock); });
  console.set_switch([&](bool off) {
    cache.switch_off(off);
    spdlog::warn("the cache is switched {}", off ? "off: everything goes to PostgreSQL" : "on");
  });
  console.set_guard([&] { return guard_now(server, *current.get()); });
  console.set_warm([&] { return warm.begin(); }, [&] { return warm.status(); });
  if (auto started = server.start(); !started) {
    spdlog::error("{}", started.error().message);
    return 1;
  }
  const Running running{current, server, cache, warm, clock, clock.now()};
  admin::AdminServer admin;
  admin::add_status_routes(admin, {.metrics_text = [&] { return metrics_text(running); },
                                   .status_json = [&] { return status_json(running); },
                                   .not_ready_reason = [&] { return not_ready_reason(running); }});
  if (!config.admin.listen.empty()) {
    const auto port = admin.start(config.admin.listen);
    if (!port) {
      spdlog::error("admin: {}", port.error().message);
      return 1;
    }
    const std::string& listen = config.admin.listen;
    spdlog::info("dashboard at http://{}:{}/", listen.substr(0, listen.rfind(':')), *port);
  }
  for (const std::string& address : server.listening()) spdlog::info("listening on {}", address);
  spdlog::info("upstream is {}", config::format_upstream(config.upstream));
  sd_notify(0, "READY=1");
  warm.start(server, current);

  cache::MemoryShare memory(cache, config.cache.memory_bytes);
  constexpr timespec kTick{0, 100'000'000};
  for (int signal = 0; signal != SIGTERM && signal != SIGINT;) {
    signal = sigtimedwait(&signals, nullptr, &kTick);
    if (signal == SIGHUP) reload(options, current, server, memory, disk, clock);
    server.tick();
    warm.tick();
    memory.others_take(server.memory_bytes() + warm.memory_bytes());
  }
  shut_down(server, cache, disk, warm, signals, current.get()->server.drain_timeout, clock);
  admin.stop();
  return 0;
}

int serve(const ServeOptions& options) {
  base::start_log(options.log_level);
  const sigset_t signals = block_signals();
  auto config = load_config(options);
  if (!config) return 2;
  const auto secret = load_secret(config->server.state_dir);
  if (!secret) {
    spdlog::error("{}", secret.error().message);
    return 2;
  }
  auto rules = make_rules(*config);
  if (!rules) {
    spdlog::error("{}", rules.error().message);
    return 2;
  }
  raise_file_limit(config->server.sessions_max);
  const base::SystemClock clock;
  ServeDisk disk(*config, *secret, clock);
  const int status = run(options, *config, *secret, std::move(*rules), signals, disk, clock);
  disk.save_generations();
  return status;
}

}  // namespace

void add_serve(CLI::App& cli, int& exit_code) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = cli.add_subcommand("serve", "stand between applications and PostgreSQL");
  command->add_option("--config", options->config_file, "TOML file; flags win over it")->type_name("FILE");
  const auto setting = [&](const char* flag, const char* name, const char* meaning, const char* type) {
    command
        ->add_option_function<std::string>(
            flag,
            [options, flag, name](const std::string& value) {
              options->overrides.push_back({flag, name, value});
            },
            meaning)
        ->type_name(type);
  };
  setting("--upstream", "upstream.url", "where PostgreSQL is: postgres://host:port[,host:port...]", "URL");
  setting("--listen", "server.listen", "for clients (default 127.0.0.1:6432)", "HOST:PORT[,...]");
  setting("--unix-socket-dir", "server.unix_socket_dir", "also listen on a Unix socket in this directory",
          "DIR");
  setting("--admin", "admin.listen", "for the dashboard and /metrics (default 127.0.0.1:6433)", "HOST:PORT");
  setting("--state", "server.state_dir", "keeps the secret behind cache keys from one start to the next",
          "DIR");
  setting("--workers", "server.workers", "event loops, each on a thread (default: one per core)", "N");
  setting("--sync-user", "sync.user", "login that follows what others change (see pgweir setup)", "NAME");
  command->add_option("--log-level", options->log_level, "what to log")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  command->footer(
      "Signals: SIGTERM ends sessions between transactions and stops; SIGHUP reads the file again.\n"
      "Examples:\n"
      "  pgweir serve --upstream postgres://127.0.0.1:5432\n"
      "  pgweir serve --upstream 'postgres://db1:5432,db2:5432?sslmode=verify-full' --listen 0.0.0.0:6432\n"
      "  pgweir serve --config /etc/pgweir.toml --state /var/lib/pgweir");
  command->callback([options, &exit_code] { exit_code = serve(*options); });
}

}  // namespace pgweir::app
