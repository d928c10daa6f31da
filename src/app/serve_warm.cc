#include "app/serve_warm.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "query/scan.h"
#include "query/statement_table.h"

namespace pgweir::app {
namespace {

// Whatever holds up the warm-up, clients are let in then.
constexpr base::Nanos kReadyWaitMax = 600 * base::kSecond;

// Of the list of statements in memory, and which part of all memory it may be.
constexpr std::uint64_t kListBytesMax = std::uint64_t{8} << 20, kListShare = 32;

// Where pgweir itself listens, as libpq has it. The Unix socket counts as local wherever else it listens.
sync::Connection::Parameters own_address(const std::vector<std::string>& listening) {
  for (const std::string& address : listening) {
    constexpr std::string_view kSocket = "/.s.PGSQL.";
    const std::size_t name = address.rfind(kSocket);
    if (!address.starts_with('/') || name == std::string::npos) continue;
    return {{"host", address.substr(0, std::max<std::size_t>(name, 1))},
            {"port", address.substr(name + kSocket.size())}};
  }
  if (listening.empty()) return {};
  const std::string& address = listening.front();
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  return {{"host", host}, {"port", address.substr(colon + 1)}};
}

// As Context::text_is_readable has it.
bool text_is_readable(const query::SessionSettings& settings, std::string_view sql) {
  if (settings.readable_text) return true;
  return settings.digest.find("standard_conforming_strings=") == std::string::npos &&
         std::ranges::all_of(sql, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

// Judges by what the sessions judge by.
class ServeWarm::Asker final : public warm::Judge {
 public:
  Asker(const proxy::Server& server, const CurrentConfig& config, const base::HashSecret& secret,
        const base::Clock& clock)
      : server_(server), config_(config), secret_(secret), clock_(clock) {}

  bool upstream_answers() override { return server_.upstream_reached(); }

  bool is_ready(const std::string& database) override {
    const auto known = find(database);
    return known != nullptr && known->snapshot().catalog != nullptr && known->is_told(clock_.now());
  }

  Kept is_kept(const std::string& database, const query::SessionSettings& settings,
               const warm::Statement& statement) override {
    const auto known = find(database);
    const auto catalog = known != nullptr ? known->snapshot().catalog : nullptr;
    if (catalog == nullptr || !settings.temporary_names.empty()) return Kept::kNever;
    if (!text_is_readable(settings, statement.sql)) return Kept::kNever;
    const query::Scan scan = query::scan(statement.sql, secret_);
    if (!scan.valid) return Kept::kNever;
    follow_rules();
    const query::Verdict& verdict =
        table_.verdict(statement.sql, scan, *catalog, query::SearchPath(settings.search_path));
    if (!verdict.cacheable()) return Kept::kNever;
    if (!known->stream_obstacle(verdict, clock_.now())) return Kept::kNow;
    // Of some tables the change stream never tells.
    return verdict.unfollowed != 0 ? Kept::kNever : Kept::kLater;
  }

 private:
  std::shared_ptr<proxy::DatabaseCatalog> find(const std::string& name) const {
    for (auto& database : server_.catalogs().databases())
      if (database->name() == name) return database;
    return nullptr;
  }

  void follow_rules() {
    const auto now = config_.get();
    if (now == ruled_by_) return;
    ruled_by_ = now;
    auto rules = query::Rules::make(now->rules);
    table_.set_rules(rules && !now->rules.empty() ? std::move(*rules) : nullptr);
  }

  const proxy::Server& server_;
  const CurrentConfig& config_;
  const base::HashSecret secret_;
  const base::Clock& clock_;
  query::StatementTable table_{{.entries_max = 256, .bytes_max = 1 << 20}};
  std::shared_ptr<const config::Config> ruled_by_;
};

ServeWarm::ServeWarm(const config::Config& config, const base::HashSecret& secret, const base::Clock& clock)
    : config_(config.warm), secret_(secret), clock_(clock), began_at_(clock.now()) {
  if (config_.user.empty()) return;
  recorder_ = std::make_unique<warm::Recorder>(
      warm::RecorderConfig{.user = config_.user,
                           .path = config.server.state_dir + "/warm-list",
                           .bytes_max = std::min(kListBytesMax, config.cache.memory_bytes / kListShare),
                           .records = config_.record,
                           .secret = base::HashSecret(secret)},
      clock);
  const auto loaded = recorder_->load();
  if (loaded) return;
  if (loaded.error().code == base::ErrorCode::kInvalid) {
    spdlog::warn("warm-up: {}: there is nothing to warm up with", loaded.error().message);
  } else {
    spdlog::error("warm-up: {}; until the next start there is no warm-up, and nothing is recorded",
                  loaded.error().message);
  }
}

ServeWarm::~ServeWarm() = default;

void ServeWarm::start(const proxy::Server& server, const CurrentConfig& config) {
  if (!recorder_) return;
  warm::WarmerConfig warmer{.user = config_.user, .login = own_address(server.listening())};
  warmer.login.emplace_back("user", config_.user);
  if (!config_.passfile.empty()) warmer.login.emplace_back("passfile", config_.passfile);
  judge_ = std::make_unique<Asker>(server, config, secret_, clock_);
  warmer_ = std::make_unique<warm::Warmer>(std::move(warmer), *recorder_, *judge_, clock_);
  warmer_->start();
  shown_ = warmer_.get();
}

void ServeWarm::tick() {
  if (recorder_) recorder_->collect();
}

void ServeWarm::stop() {
  if (warmer_) warmer_->stop();
}

void ServeWarm::save() {
  if (!recorder_) return;
  recorder_->collect();
  if (auto saved = recorder_->save(); !saved)
    spdlog::error("warm-up: the list of statements is not kept: {}", saved.error().message);
}

bool ServeWarm::begin() const {
  warm::Warmer* const warmer = shown_;
  return warmer != nullptr && warmer->begin();
}

std::optional<admin::Status::Warm> ServeWarm::status() const {
  const warm::Warmer* const warmer = shown_;
  if (warmer == nullptr) return std::nullopt;
  const warm::Progress progress = warmer->progress();
  admin::Status::Warm shown{.state = std::string(warm::name(progress.state)),
                            .is_over = progress.is_over(),
                            .statements = progress.statements,
                            .done = progress.done(),
                            .outcomes = {},
                            .seconds = progress.seconds,
                            .why = progress.why,
                            .recorded = recorder_->statements()};
  for (std::size_t i = 0; i < warm::kOutcomes; ++i)
    shown.outcomes.emplace_back(warm::name(static_cast<warm::Outcome>(i)), progress.outcomes[i]);
  return shown;
}

std::optional<std::string> ServeWarm::not_ready_reason() const {
  if (!config_.ready_when_warm || clock_.now() - began_at_ >= kReadyWaitMax) return std::nullopt;
  const warm::Warmer* const warmer = shown_;
  if (warmer == nullptr) return "warming up: not begun";
  if (warmer->has_ended_once()) return std::nullopt;
  const warm::Progress progress = warmer->progress();
  return fmt::format("warming up: {} of {} statements", progress.done(), progress.statements);
}

void ServeWarm::write_metrics(observe::PrometheusWriter& out) const {
  const auto warm = status();
  if (!warm) return;
  out.gauge("pgweir_warm_recorded_statements", "Statements kept to warm up with.", warm->recorded);
  out.gauge("pgweir_warm_running", "1 until the present warm-up is over.", warm->is_over ? 0 : 1);
  out.gauge("pgweir_warm_seconds", "How long the present or last warm-up has taken.", warm->seconds);
  out.gauge("pgweir_warm_planned_statements", "Statements of the present or last warm-up.", warm->statements);
  out.family("pgweir_warm_statements", "Of those, how many have fared how.", observe::MetricType::kGauge);
  for (const auto& [outcome, n] : warm->outcomes) out.sample({{"outcome", outcome}}, n);
}

}  // namespace pgweir::app
