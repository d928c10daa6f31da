#include "sync/follower.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "sync/stream_session.h"

namespace pgweir::sync {
namespace {

constexpr base::Nanos kQueryTimeout = 10 * base::kSecond;
// The slot's creation waits for every transaction that is open.
constexpr base::Nanos kSlotTimeout = 3600 * base::kSecond;

constexpr base::Nanos kCatalogWait = 60 * base::kSecond;
// Until then it may be PostgreSQL that starts, or the last process's stream that ends.
constexpr base::Nanos kUndecidedMax = 10 * base::kSecond;
constexpr base::Nanos kGoodbyeTimeout = base::kSecond;

// Runs as pgweir's own login whatever the role's or database's settings are. The beat must not wait for
// a standby: it is to tell that others do.
constexpr const char* kSettings =
    "SET search_path = ''; SET synchronous_commit = local; SET statement_timeout = '10s'; SET lock_timeout = "
    "'1s'; "
    "SET client_encoding = 'UTF8'; SET DateStyle = ISO; SET default_transaction_read_only = off; SET jit = "
    "off";

// Empty: everything is there. Else what is missing, for people.
constexpr const char* kMissing = R"(
SELECT CASE
  WHEN pg_catalog.pg_is_in_recovery() THEN 'the server is a standby'
  WHEN pg_catalog.current_setting('wal_level') <> 'logical' THEN 'wal_level is not logical: set it and restart PostgreSQL'
  WHEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_publication WHERE pubname IN ('pgweir_rows', 'pgweir_inserts')) < 2
    THEN 'the publications are missing: run pgweir setup'
  WHEN NOT EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtname LIKE 'pgweir%')
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtname LIKE 'pgweir%' AND evtenabled <> 'A')
    THEN 'the event triggers are missing or disabled: run pgweir setup'
  ELSE '' END)";

constexpr const char* kStart =
    "START_REPLICATION SLOT {} LOGICAL 0/0 (proto_version '1', publication_names "
    "'pgweir_rows,pgweir_inserts', "
    "messages 'true')";

Connection::Parameters parameters_for(const FollowerConfig& config, const std::string& database,
                                      bool replication) {
  Connection::Parameters parameters = config.login;
  parameters.emplace_back("dbname", database);
  parameters.emplace_back("application_name", "pgweir sync");
  parameters.emplace_back("keepalives_idle", "5");
  parameters.emplace_back("keepalives_interval", "2");
  parameters.emplace_back("keepalives_count", "3");
  if (replication) parameters.emplace_back("replication", "database");
  return parameters;
}

std::string slot_name(const base::Clock& clock) {
  return fmt::format("pgweir_{:x}_{:x}", static_cast<unsigned>(getpid()),
                     static_cast<std::uint64_t>(clock.wall()));
}

}  // namespace

Follower::Follower(FollowerConfig config, std::string database, DatabaseSlots slots, cache::KeptWords* words,
                   FollowerActions actions, const base::Clock& clock)
    : config_(std::move(config)),
      database_(std::move(database)),
      slots_(slots),
      actions_(std::move(actions)),
      clock_(clock),
      kept_(slots_, words, config_.permanent_slot),
      barriers_([this] { work_.wake(); }),
      thread_([this] { run(); }) {}

Follower::~Follower() {
  stopping_ = true;
  stop_.wake();
  begin_.wake();
  thread_.join();
}

void Follower::attend() {
  if (users_.fetch_add(1) == 0) begin_.wake();
}

void Follower::leave() {
  left_at_ = clock_.now();
  users_.fetch_sub(1);
}

void Follower::suspend(std::function<void()> closed) {
  {
    std::lock_guard lock(mutex_);
    ++suspensions_;
    if (connected_) {
      on_closed_.push_back(std::move(closed));
      stop_.wake();
      return;
    }
  }
  closed();
}

void Follower::resume() {
  std::lock_guard lock(mutex_);
  --suspensions_;
  begin_.wake();
}

void Follower::release_when_passed(cache::Hold hold) {
  // If the stream is lost between the question and the answer, whoever loses it takes the holds back.
  if (!is_following()) return hold.release();
  barriers_.add(std::move(hold));
}

bool Follower::wanted() const {
  std::lock_guard lock(mutex_);
  if (stopping_ || suspensions_ != 0) return false;
  return is_used() || clock_.now() - left_at_ < config_.idle_timeout;
}

void Follower::tell_closed() {
  std::unique_lock lock(mutex_);
  connected_ = false;
  const auto told = std::exchange(on_closed_, {});
  lock.unlock();
  for (const auto& closed : told) closed();
}

void Follower::wait_until_wanted() {
  for (;;) {
    begin_.drain();
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (suspensions_ == 0 && is_used()) {
        stop_.drain();
        connected_ = true;
        return;
      }
    }
    pollfd fd{begin_.descriptor(), POLLIN, 0};
    poll(&fd, 1, -1);
  }
}

void Follower::run() {
  base::Nanos retry = config_.retry_min, first_began = 0;
  std::string said;  // the same again would only fill the log
  for (;;) {
    wait_until_wanted();
    if (stopping_) break;
    const base::Nanos began = clock_.now();
    if (first_began == 0) first_began = began;
    const auto ended = follow_within_limit();
    const bool was_wanted = wanted();
    const bool unavailable = ended.error().code == base::ErrorCode::kInvalid;
    if (unavailable || clock_.now() - first_began >= kUndecidedMax) actions_.decided(false);
    if (was_wanted && said != ended.error().message)
      spdlog::warn(
          "database {}: promise: none, nothing is answered from the cache: its changes are not followed: {}",
          database_, ended.error().message);
    said = was_wanted ? ended.error().message : "";
    freshness_.set_state(unavailable ? StreamState::kUnavailable : StreamState::kLost, ended.error().message);
    barriers_.take();  // released, with a bump
    tell_closed();
    if (!was_wanted) continue;
    if (clock_.now() - began > config_.retry_max) retry = config_.retry_min;
    pause(retry);
    retry = std::min(2 * retry, config_.retry_max);
  }
  freshness_.set_state(StreamState::kLost, "stopped");
  barriers_.take();
}

base::Result<void> Follower::follow_within_limit() {
  if (config_.limit == nullptr) return follow();
  if (!config_.limit->enter())
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("{} databases are followed already, as sync.databases_max allows",
                                  config_.limit->databases_max()));
  auto ended = follow();
  config_.limit->leave();
  return ended;
}

base::Result<void> Follower::follow() {
  Connection sql(stop_, clock_), stream(stop_, clock_);
  base::Result<void> ended;
  if (const auto claim = prepare(sql, stream); claim) {
    ended = begin(sql, stream, *claim);
  } else {
    ended = std::unexpected(claim.error());
  }
  // Without freshness from here on, before the slot goes.
  freshness_.set_state(StreamState::kLost, ended.error().message);
  stream.close(kGoodbyeTimeout);
  sql.close(kGoodbyeTimeout);
  return ended;
}

base::Result<void> Follower::begin(Connection& sql, Connection& stream, const KeptSlot::Claim& claim) {
  holds_log_ = !claim.name.empty();
  if (claim.goes_on)
    if (const auto there = wait_for_catalog(); !there) return there;
  std::string slot = claim.name;
  if (slot.empty()) {
    slot = slot_name(clock_);
    const std::string create =
        fmt::format("CREATE_REPLICATION_SLOT {} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT", slot);
    if (const auto made = stream.query(create, kSlotTimeout); !made) return std::unexpected(made.error());
  }
  if (const auto started = stream.query(fmt::format(fmt::runtime(kStart), slot), kQueryTimeout); !started) {
    if (started.error().code == base::ErrorCode::kInvalid) kept_.forget();
    return std::unexpected(started.error());
  }
  freshness_.set_slot(claim.said, claim.goes_on);
  return pump(sql, stream, claim.goes_on);
}

// Rows that have changed have names by the catalog. Until somebody has read it nobody is answered anyway.
base::Result<void> Follower::wait_for_catalog() {
  const base::Nanos deadline = clock_.now() + kCatalogWait;
  while (actions_.catalog() == nullptr && clock_.now() < deadline) {
    pollfd fds[] = {{stop_.descriptor(), POLLIN, 0}, {work_.descriptor(), POLLIN, 0}};
    poll(fds, std::size(fds), static_cast<int>(base::kSecond / base::kMillisecond));
    if (fds[0].revents != 0) return base::fail(base::ErrorCode::kClosed, "told to stop");
    work_.drain();
  }
  return {};
}

base::Result<void> Follower::pump(Connection& sql, Connection& stream, bool goes_on) {
  // Whatever changed while nobody followed is in doubt, unless it comes now. Who asks PostgreSQL from here on
  // sees it.
  actions_.started();
  if (!goes_on) slots_.generations().bump(slots_.stream());
  actions_.decided(goes_on);
  actions_.definitions_changed();
  actions_.settings_changed();
  freshness_.set_state(StreamState::kFollowing, "");
  const std::string slot = freshness_.report().slot;
  spdlog::info("database {}: promise: full, since its changes are followed{}{}", database_,
               slot.empty() ? "" : " ", slot);
  StreamSession session(config_, actions_, slots_, sql, stream, barriers_, freshness_, kept_, goes_on,
                        clock_);
  auto ended = session.run(stop_, work_, [this] { return wanted(); });
  // What ends it may be in it, and would come again.
  if (goes_on && !session.has_beaten() && ended.error().code != base::ErrorCode::kClosed) kept_.forget();
  lose(ended.error().message);  // before the session lets go of what nobody can see yet
  return ended;
}

void Follower::lose(const std::string& why) {
  freshness_.set_state(StreamState::kLost, why);
  // What a fence waits for may have been DDL.
  actions_.definitions_changed();
}

base::Result<KeptSlot::Claim> Follower::prepare(Connection& sql, Connection& stream) {
  if (const auto connected = sql.connect(parameters_for(config_, database_, false), config_.connect_timeout);
      !connected) {
    if (users_ == 0) holds_log_ = false;  // there may be no such database any more
    return std::unexpected(connected.error());
  }
  if (const auto set = sql.query(kSettings, kQueryTimeout); !set) return std::unexpected(set.error());
  const auto missing = sql.query(kMissing, kQueryTimeout);
  if (!missing) return std::unexpected(missing.error());
  if (const std::string_view what = value_of(*missing, 0); !what.empty()) {
    kept_.forget();
    kept_.drop(sql);
    holds_log_ = false;
    return base::fail(base::ErrorCode::kInvalid, std::string(what));
  }
  kept_.drop_unwanted(sql);
  if (const auto connected =
          stream.connect(parameters_for(config_, database_, true), config_.connect_timeout);
      !connected)
    return std::unexpected(connected.error());
  return kept_.claim(sql, stream);
}

void Follower::pause(base::Nanos time) const {
  pollfd fd{stop_.descriptor(), POLLIN, 0};
  poll(&fd, 1, static_cast<int>(time / base::kMillisecond));
}

}  // namespace pgweir::sync
