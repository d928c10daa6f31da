#include "app/serve_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "config/settings.h"
#include "config/upstream_url.h"
#include "io/socket.h"

namespace pgweir::app {
namespace {

// At the end, for what is in memory.
constexpr base::Nanos kSaveTime = 10 * base::kSecond;

// Of all that says what is kept, and for how long: under another configuration nothing of it is looked at.
base::Hash128 meaning_of(const config::Config& config, const base::HashSecret& secret) {
  base::SipHash128 hash(secret);
  hash.update_field(PGWEIR_VERSION);
  hash.update_field(config::format_upstream(config.upstream));
  hash.update_field(config.sync.user);
  hash.update_u64(static_cast<std::uint64_t>(config.cache.ttl));
  hash.update_u64(config.rules.size());
  for (const query::RuleConfig& rule : config.rules) {
    const auto name = [](const query::Name& one) { return fmt::format("{}\n{}", one.schema, one.name); };
    const auto time = [](const std::optional<base::Nanos>& one) { return one ? *one : base::Nanos{-1}; };
    hash.update_field(fmt::format(
        "{} {} {} {} {} {} {}", rule.fingerprint.has_value(), rule.fingerprint.value_or(0), time(rule.ttl),
        time(rule.stale_while_revalidate), time(rule.stale_if_error), rule.bypass, rule.accept_ttl));
    hash.update_field(rule.relation ? name(*rule.relation) : "");
    hash.update_field(rule.regex);
    hash.update_u64(rule.trust.size());
    for (const query::TrustedFunction& trusted : rule.trust) {
      hash.update_field(name(trusted.name));
      hash.update_field(trusted.arguments ? "(" + *trusted.arguments : "");
    }
  }
  return hash.finish();
}

std::unique_ptr<cache::KeptGenerations> open_kept(const config::Config& config,
                                                  const base::HashSecret& secret, const base::Clock& clock) {
  if (config.cache.disk.path.empty() || config.server.state_dir.empty()) return nullptr;
  auto kept = cache::KeptGenerations::open(
      {.path = fmt::format("/dev/shm/pgweir.{}.{:016x}", geteuid(), base::hash128(secret, "generations").lo),
       .saved = config.server.state_dir + "/generations",
       .slots_log2 = config.cache.generation_slots_log2,
       .meaning = meaning_of(config, secret)},
      clock);
  if (kept) return std::move(*kept);
  spdlog::warn("what is on disk will be of no use after a restart: {}", kept.error().message);
  return nullptr;
}

}  // namespace

base::Result<base::HashSecret> load_secret(const std::string& state_dir) {
  if (state_dir.empty()) return base::random_secret();
  const auto failed = [](const std::string& path) {
    return base::fail(base::ErrorCode::kInvalid, "state directory: " + path + ": " + std::strerror(errno));
  };
  if (mkdir(state_dir.c_str(), 0700) != 0 && errno != EEXIST) return failed(state_dir);
  const std::string path = state_dir + "/hash-secret";
  base::HashSecret secret;
  if (io::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)); fd) {
    if (read(fd.get(), &secret, sizeof secret) == sizeof secret) return secret;
    return base::fail(base::ErrorCode::kInvalid,
                      path + ": is not 16 bytes long; delete it to have a new one made");
  }
  if (errno != ENOENT) return failed(path);
  secret = base::random_secret();
  io::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd || write(fd.get(), &secret, sizeof secret) != sizeof secret) return failed(path);
  return secret;
}

// Keys mean nothing under another secret, or with another database behind them.
ServeDisk::ServeDisk(const config::Config& config, const base::HashSecret& secret, const base::Clock& clock)
    : secret_(secret), kept_(open_kept(config, secret, clock)) {
  if (!kept_) own_ = std::make_unique<cache::Generations>(config.cache.generation_slots_log2);
  const cache::DiskConfig& wanted = config.cache.disk;
  if (wanted.path.empty()) return;
  const base::Hash128 identity =
      base::hash128(secret, "store on disk\n" + config::format_upstream(config.upstream));
  device_ = std::make_unique<io::FileDevice>(
      io::FileDeviceConfig{.path = wanted.path, .size_bytes = wanted.size_bytes, .direct = wanted.direct});
  cache::DiskTierConfig tier = cache::tier_config(wanted, config.cache.memory_bytes, identity);
  tier.store.kept = kept_.get();
  tier_ = std::make_unique<cache::DiskTier>(tier, *device_, clock, generations());
}

cache::CacheConfig ServeDisk::memory_config(cache::CacheConfig config) const {
  if (tier_ != nullptr) config.memory_bytes -= tier_->memory_bytes_max();
  return config;
}

void ServeDisk::reloaded(const config::Config& config) {
  if (kept_) kept_->set_meaning(meaning_of(config, secret_));
}

void ServeDisk::save_memory(cache::Cache& cache) {
  if (!kept_ || !tier_) return;
  const cache::SaveReport report = cache.save(kSaveTime);
  spdlog::info("cache.disk: {} entries of memory are saved, {} are not", report.entries, report.left);
}

void ServeDisk::save_generations() {
  if (!kept_) return;
  if (auto saved = kept_->save(); !saved)
    spdlog::warn("what is on disk will be of no use once the machine is restarted: {}",
                 saved.error().message);
}

}  // namespace pgweir::app
