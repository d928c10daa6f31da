#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "config/address.h"
#include "config/machine_memory.h"
#include "config/nearest.h"
#include "config/quoted.h"
#include "config/units.h"
#include "config/upstream_url.h"

namespace pgweir::config {
namespace {

using base::kSecond;
using cache::CacheConfig;
using cache::DiskConfig;
using guard::GuardConfig;
using proxy::ServerConfig;
using proxy::UpstreamConfig;
using sync::SyncConfig;
using warm::WarmConfig;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr base::Nanos kMinute = 60 * kSecond;
constexpr base::Nanos kHour = 60 * kMinute;
constexpr base::Nanos kDay = 24 * kHour;

template <auto Part, auto Member>
auto& at(Config& config) {
  return (config.*Part).*Member;
}

using Check = base::Result<void> (*)(std::string_view);

template <auto Part, auto Member, Check check>
base::Result<void> set_text(Config& config, std::string_view text) {
  if (auto checked = check(text); !checked) return checked;
  at<Part, Member>(config) = text;
  return {};
}

template <auto Part, auto Member>
std::string get_text(const Config& config) {
  return (config.*Part).*Member;
}

template <auto Part, auto Member, Check check>
constexpr TextField text() {
  return {set_text<Part, Member, check>, get_text<Part, Member>};
}

base::Result<void> check_path(std::string_view path) {
  if (path.find('\0') == std::string_view::npos) return {};
  return base::fail(base::ErrorCode::kInvalid, fmt::format("{} holds a zero byte", quoted(path)));
}

// sockaddr_un has 108 bytes, of which the socket's own name takes up to 20.
base::Result<void> check_socket_dir(std::string_view path) {
  constexpr std::size_t kBytesMax = 87;
  if (path.empty()) return {};
  if (path.front() != '/') {
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("{} is not an absolute path, such as \"/run/pgweir\"", quoted(path)));
  }
  if (path.size() > kBytesMax) {
    return base::fail(
        base::ErrorCode::kInvalid,
        fmt::format("{} is longer than {} bytes, the limit for sockets", quoted(path), kBytesMax));
  }
  return check_path(path);
}

base::Result<void> check_listen(std::string_view text) {
  if (auto addresses = parse_listen_addresses(text); !addresses) return std::unexpected(addresses.error());
  return {};
}

base::Result<void> check_admin_listen(std::string_view text) {
  if (text.empty()) return {};
  if (auto address = parse_listen_address(text); !address) return std::unexpected(address.error());
  return {};
}

base::Result<void> set_upstream_url(Config& config, std::string_view text) {
  return overlay_upstream(text, config.upstream);
}

std::string get_upstream_url(const Config& config) { return format_upstream(config.upstream); }

base::Result<void> set_tls_mode(Config& config, std::string_view text) {
  const auto mode = parse_tls_mode(text);
  if (!mode) {
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("{} is not one of disable, allow, prefer, require, verify-ca, verify-full",
                                  quoted(text)));
  }
  config.upstream.tls_mode = *mode;
  return {};
}

std::string get_tls_mode(const Config& config) {
  return std::string(format_tls_mode(config.upstream.tls_mode));
}

base::Result<void> set_policy(Config& config, std::string_view text) {
  const auto policy = cache::policy_of_name(text);
  if (!policy)
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("{} is not one of s3fifo, lru, cost", quoted(text)));
  config.cache.policy = *policy;
  return {};
}

std::string get_policy(const Config& config) { return std::string(cache::name(config.cache.policy)); }

base::Result<void> set_admission(Config& config, std::string_view text) {
  if (text != "second_sight" && text != "all")
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("{} is not one of second_sight, all", quoted(text)));
  config.cache.disk.admission =
      text == "all" ? cache::AdmissionKind::kAll : cache::AdmissionKind::kSecondSight;
  return {};
}

std::string get_admission(const Config& config) {
  return config.cache.disk.admission == cache::AdmissionKind::kAll ? "all" : "second_sight";
}

base::Result<void> set_disk_path(Config& config, std::string_view text) {
  if (auto checked = check_path(text); !checked) return checked;
  config.cache.disk.path = text;
  return {};
}

std::string get_disk_path(const Config& config) { return config.cache.disk.path; }

base::Result<void> set_ready_when(Config& config, std::string_view text) {
  if (text != "upstream" && text != "warm")
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("{} is not one of upstream, warm", quoted(text)));
  config.warm.ready_when_warm = text == "warm";
  return {};
}

std::string get_ready_when(const Config& config) { return config.warm.ready_when_warm ? "warm" : "upstream"; }

template <auto kMember>
auto& at_disk(Config& config) {
  return config.cache.disk.*kMember;
}

constexpr auto kServer = &Config::server;
constexpr auto kUpstream = &Config::upstream;
constexpr auto kCache = &Config::cache;
constexpr auto kGuard = &Config::guard;
constexpr auto kSync = &Config::sync;
constexpr auto kWarm = &Config::warm;
constexpr auto kAdmin = &Config::admin;

// clang-format off
constexpr Setting kSettings[] = {
    {"server.listen", text<kServer, &ServerConfig::listen, check_listen>(),
     "Where clients connect: host:port, several separated by commas."},
    {"server.unix_socket_dir", text<kServer, &ServerConfig::unix_socket_dir, check_socket_dir>(),
     "Directory of the Unix socket .s.PGSQL.<port>; empty: none."},
    {"server.workers", CountField{at<kServer, &ServerConfig::workers>, 0, 256},
     "Event loops, one thread each; 0: one per core."},
    {"server.sessions_max", CountField{at<kServer, &ServerConfig::sessions_max>, 1, 100'000},
     "Client sessions; more are refused with SQLSTATE 53300."},
    {"server.tls_cert", text<kServer, &ServerConfig::tls_cert, check_path>(),
     "Certificate file (PEM) that offers TLS to clients, with server.tls_key; empty: no TLS."},
    {"server.tls_key", text<kServer, &ServerConfig::tls_key, check_path>(),
     "Private key file (PEM) of server.tls_cert."},
    {"server.startup_timeout", DurationField{at<kServer, &ServerConfig::startup_timeout>, kSecond, 10 * kMinute},
     "From accepting a client to the end of its authentication."},
    {"server.drain_timeout", DurationField{at<kServer, &ServerConfig::drain_timeout>, 0, kHour},
     "After SIGTERM, how long sessions may finish before they are cut."},
    {"server.message_bytes_max", BytesField{at<kServer, &ServerConfig::message_bytes_max>, 64 * kKiB, kGiB},
     "A longer protocol message ends the session; PostgreSQL's own limit is 1GiB."},
    {"server.state_dir", text<kServer, &ServerConfig::state_dir, check_path>(),
     "Directory of the hash secret and of what else outlives pgweir; empty: a new secret at each start."},
    {"server.ready_when", TextField{set_ready_when, get_ready_when},
     "When /readyz says yes: upstream: once PostgreSQL answers; warm: once the warm-up has ended, too."},

    {"upstream.url", TextField{set_upstream_url, get_upstream_url},
     "Where PostgreSQL is: postgres://host:port[,host:port]; the settings below win over the URL's own."},
    {"upstream.tls_mode", TextField{set_tls_mode, get_tls_mode},
     "libpq's sslmode: disable, allow, prefer, require, verify-ca, verify-full."},
    {"upstream.tls_root_cert", text<kUpstream, &UpstreamConfig::tls_root_cert, check_path>(),
     "File of the certificates that are trusted; empty: the system's."},
    {"upstream.tls_cert", text<kUpstream, &UpstreamConfig::tls_cert, check_path>(),
     "Client certificate file for PostgreSQL, with upstream.tls_key."},
    {"upstream.tls_key", text<kUpstream, &UpstreamConfig::tls_key, check_path>(),
     "Private key file of upstream.tls_cert."},
    {"upstream.connect_timeout", DurationField{at<kUpstream, &UpstreamConfig::connect_timeout>, 100 * base::kMillisecond, 10 * kMinute},
     "For one address, until it accepts; then the next is tried."},
    {"upstream.max_connections", CountField{at<kUpstream, &UpstreamConfig::max_connections>, 0, 100'000},
     "Connections to PostgreSQL, pgweir's own included; more clients are refused with SQLSTATE 53300. 0: as many as PostgreSQL lets in."},
    {"upstream.allow_passwordless_remote", FlagField{at<kUpstream, &UpstreamConfig::allow_passwordless_remote>},
     "Lets clients that are not local use logins for which PostgreSQL asks pgweir for no password."},

    {"cache.memory", BytesField{at<kCache, &CacheConfig::memory_bytes>, kMiB, 1024 * kGiB, true},
     "Memory for entries and all that belongs to them; such as \"25%\": of the machine's or the cgroup's."},
    {"cache.policy", TextField{set_policy, get_policy},
     "What leaves when room is needed: s3fifo: what is asked for least; cost: what saves the least database time for its bytes; lru: what was asked for longest ago."},
    {"cache.ttl", DurationField{at<kCache, &CacheConfig::ttl>, base::kMillisecond, 30 * kDay},
     "How long an entry may answer; writes through pgweir end it earlier."},
    {"cache.ttl_jitter", ShareField{at<kCache, &CacheConfig::ttl_jitter>, 0, 1},
     "Share of the ttl by which entries end earlier, each by another part of it, so that they do not end together."},
    {"cache.early_refresh", ShareField{at<kCache, &CacheConfig::early_refresh>, 0, 100},
     "How soon before its ttl ends an entry may be asked anew, in units of what its fill costs; 0: not before."},
    {"cache.entry_bytes_max", BytesField{at<kCache, &CacheConfig::entry_bytes_max>, kKiB, kGiB},
     "Larger replies are passed on and not kept."},
    {"cache.compression_cpu", ShareField{at<kServer, &ServerConfig::compression_cpu>, 0, 1},
     "Share of each worker's time that may go into compressing replies (zstd) before they are kept; 0: none is."},
    {"cache.fill_wait", DurationField{at<kCache, &CacheConfig::fill_wait>, 0, kMinute},
     "How long a session waits for another one's fill of the same key before it asks PostgreSQL itself."},
    {"cache.fill_waiters_max", CountField{at<kCache, &CacheConfig::fill_waiters_max>, 0, 100'000},
     "Sessions waiting for one fill; more ask PostgreSQL themselves."},
    {"cache.uncacheable_ttl", DurationField{at<kCache, &CacheConfig::uncacheable_ttl>, 0, kHour},
     "How long a key whose reply could not be kept is remembered, so that nobody waits for it."},
    {"cache.generation_slots_log2", CountField{at<kCache, &CacheConfig::generation_slots_log2>, 10, 26},
     "2^n counters of 8 bytes that invalidate entries; too few cost misses."},
    {"cache.shards", CountField{at<kCache, &CacheConfig::shards>, 0, 1024},
     "Parts of the cache with a lock each; rounded up to a power of two. 0: as many as are good for so much memory."},

    {"cache.disk.path", TextField{set_disk_path, get_disk_path},
     "File for what makes room in memory and is worth reading again; empty: none."},
    {"cache.disk.size_bytes", BytesField{at_disk<&DiskConfig::size_bytes>, 64 * kMiB, 4096 * kGiB},
     "Its size, taken at once where the file system can."},
    {"cache.disk.write_bytes_per_second", BytesField{at_disk<&DiskConfig::write_bytes_per_second>, 64 * kKiB, 1024 * kGiB},
     "Never more is written to it in any second."},
    {"cache.disk.write_bytes_per_day", BytesField{at_disk<&DiskConfig::write_bytes_per_day>, 64 * kMiB, 1024 * 1024 * kGiB},
     "Never more is written to it in any 24 hours, restarts included."},
    {"cache.disk.admission", TextField{set_admission, get_admission},
     "What is written: second_sight: what makes room for the second time; all: whatever makes room."},
    {"cache.disk.direct", FlagField{at_disk<&DiskConfig::direct>},
     "Reads and writes go past the system's page cache."},

    {"guard.limit", CountField{at<kGuard, &GuardConfig::limit>, 0, 10'000},
     "Statements outside transactions that PostgreSQL has at once; 0: as many as do not slow one another down, from guard.limit_min to guard.limit_max."},
    {"guard.limit_min", CountField{at<kGuard, &GuardConfig::limit_min>, 1, 1'000},
     "At least so many, however slow they are."},
    {"guard.limit_max", CountField{at<kGuard, &GuardConfig::limit_max>, 1, 10'000},
     "Never more than so many."},
    {"guard.queue_max", CountField{at<kGuard, &GuardConfig::queue_max>, 0, 100'000},
     "Statements that wait for their turn; more get an old reply if a rule allows one, else SQLSTATE 53300."},
    {"guard.queue_wait", DurationField{at<kGuard, &GuardConfig::queue_wait>, base::kMillisecond, kHour},
     "How long a statement waits for its turn; then the same."},

    {"sync.user", text<kSync, &SyncConfig::user, check_path>(),
     "pgweir's own login, with REPLICATION, to follow what others change; empty: only cache.ttl bounds that."},
    {"sync.passfile", text<kSync, &SyncConfig::passfile, check_path>(),
     "File with the password of sync.user, as libpq's; empty: libpq's default."},
    {"sync.max_lag", DurationField{at<kSync, &SyncConfig::max_lag>, 100 * base::kMillisecond, 5 * kMinute},
     "Past this lag behind PostgreSQL's changes nothing is answered from the cache."},
    {"sync.permanent_slot", FlagField{at<kSync, &SyncConfig::permanent_slot>},
     "A restart goes on with what is on disk: PostgreSQL keeps the changes meanwhile, in WAL."},
    {"sync.databases_max", CountField{at<kSync, &SyncConfig::databases_max>, 1, 1024},
     "Databases followed at once; each takes a walsender and a replication slot, and of any more nothing is cached."},

    {"warm.user", text<kWarm, &WarmConfig::user, check_path>(),
     "Login under which statements are asked again after a start, to fill the cache for that role; empty: none are."},
    {"warm.passfile", text<kWarm, &WarmConfig::passfile, check_path>(),
     "File with the password of warm.user, as libpq's; empty: libpq's default."},
    {"warm.record", FlagField{at<kWarm, &WarmConfig::record>},
     "Keeps the statements of warm.user that hits save the most by, texts and values, in server.state_dir."},

    {"admin.listen", text<kAdmin, &AdminConfig::listen, check_admin_listen>(),
     "Where HTTP answers (status page, /metrics, /healthz, /readyz): host:port; empty: nowhere."},
};
// clang-format on

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

base::Result<void> out_of_range(const Setting& setting, std::string_view value) {
  return base::fail(base::ErrorCode::kInvalid,
                    fmt::format("{} is out of range; allowed is {}", value, describe_allowed(setting)));
}

template <class Value, class Range>
base::Result<void> set_in_range(Config& config, const Setting& setting, const Range& field,
                                const base::Result<Value>& value, std::string_view text) {
  if (!value) {
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("{}; allowed is {}", value.error().message, describe_allowed(setting)));
  }
  // Written so that it refuses NaN.
  if (!(*value >= field.min && *value <= field.max)) return out_of_range(setting, quoted(text));
  field.at(config) = *value;
  return {};
}

template <class Number>
base::Result<Number> parse_number(std::string_view text, std::string_view kind) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && parsed == end) return number;
  return base::fail(base::ErrorCode::kInvalid, fmt::format("{} is not {}", quoted(text), kind));
}

// Whole mebibytes, so that it is shown as such.
base::Result<std::uint64_t> parse_memory_share(std::string_view text) {
  const auto percent = parse_number<std::uint64_t>(text.substr(0, text.size() - 1), "");
  if (!percent)
    return base::fail(base::ErrorCode::kInvalid, fmt::format("{} is not a whole number and %", quoted(text)));
  if (*percent < 1 || *percent > 90)
    return base::fail(base::ErrorCode::kInvalid, fmt::format("{} is out of range", quoted(text)));
  return machine_memory_bytes() / 100 * *percent / kMiB * kMiB;
}

std::string_view key_of(std::string_view name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view name) {
  const auto* found = std::ranges::find(kSettings, name, &Setting::name);
  return found == std::end(kSettings) ? nullptr : found;
}

std::string_view nearest_setting(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 64;
  if (name.size() > kNameBytesMax) return {};
  std::string_view nearest;
  std::size_t nearest_distance = std::max<std::size_t>(name.size() / 4, 1) + 1;
  for (const Setting& setting : kSettings) {
    // The right key in the wrong section, or in none, is nearer than any misspelling.
    const bool same_key = key_of(setting.name) == key_of(name);
    const std::size_t distance = same_key ? 0 : edit_distance(setting.name, name);
    if (distance < nearest_distance) {
      nearest_distance = distance;
      nearest = setting.name;
    }
  }
  return nearest;
}

base::Result<void> set_setting(Config& config, const Setting& setting, std::string_view text) {
  const auto set = std::visit(
      Overloaded{
          [&](const DurationField& field) {
            return set_in_range(config, setting, field, parse_duration(text), text);
          },
          [&](const BytesField& field) {
            const auto bytes =
                field.takes_share && text.ends_with('%') ? parse_memory_share(text) : parse_bytes(text);
            return set_in_range(config, setting, field, bytes, text);
          },
          [&](const CountField& field) {
            const auto number = parse_number<std::int64_t>(text, "a whole number");
            return set_in_range(config, setting, field, number, text);
          },
          [&](const ShareField& field) {
            return set_in_range(config, setting, field, parse_number<double>(text, "a number"), text);
          },
          [&](const FlagField& field) -> base::Result<void> {
            if (text != "true" && text != "false") return out_of_range(setting, quoted(text));
            field.at(config) = text == "true";
            return {};
          },
          [&](const TextField& field) { return field.set(config, text); },
      },
      setting.field);
  if (set) return {};
  return base::fail(set.error().code, fmt::format("{}: {}", setting.name, set.error().message));
}

std::string show_setting(const Config& config, const Setting& setting) {
  Config copy = config;  // the table's accessors serve writing too
  return std::visit(Overloaded{
                        [&](const DurationField& field) { return format_duration(field.at(copy)); },
                        [&](const BytesField& field) { return format_bytes(field.at(copy)); },
                        [&](const CountField& field) { return fmt::format("{}", field.at(copy)); },
                        [&](const ShareField& field) { return fmt::format("{}", field.at(copy)); },
                        [&](const FlagField& field) { return fmt::format("{}", field.at(copy)); },
                        [&](const TextField& field) { return field.get(config); },
                    },
                    setting.field);
}

std::string describe_allowed(const Setting& setting) {
  return std::visit(
      Overloaded{
          [](const DurationField& field) {
            return fmt::format("a duration from {} to {}", format_duration(field.min),
                               format_duration(field.max));
          },
          [](const BytesField& field) {
            return fmt::format(
                "a size from {} to {}{}", format_bytes(field.min), format_bytes(field.max),
                field.takes_share ? ", or a share of the memory there is, from 1% to 90%" : "");
          },
          [](const CountField& field) {
            return fmt::format("a whole number from {} to {}", field.min, field.max);
          },
          [](const ShareField& field) { return fmt::format("a number from {} to {}", field.min, field.max); },
          [](const FlagField&) { return std::string("true or false"); },
          [](const TextField&) { return std::string("text"); },
      },
      setting.field);
}

}  // namespace pgweir::config
