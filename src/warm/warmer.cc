#include "warm/warmer.h"

#include <fmt/format.h>

#include <chrono>
#include <numeric>
#include <utility>
#include <vector>

#include "base/log.h"

namespace pgweir::warm {
namespace {

constexpr base::Nanos kPoll = 100 * base::kMillisecond;
// For the catalog, for the change stream to have begun, for it to tell of tables.
constexpr base::Nanos kReadyWait = 60 * base::kSecond;
constexpr unsigned kConnects = 3;
constexpr unsigned kTries = 30;  // of a statement for which there is no room

}  // namespace

std::string_view name(State state) {
  constexpr std::array<std::string_view, 6> kNames = {"pending", "waiting", "running",
                                                      "done",    "failed",  "stopped"};
  return kNames[static_cast<std::size_t>(state)];
}

std::uint64_t Progress::done() const {
  return std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0});
}

Warmer::Warmer(WarmerConfig config, Recorder& recorder, Judge& judge, const base::Clock& clock)
    : config_(std::move(config)), recorder_(recorder), judge_(judge), clock_(clock) {}

Warmer::~Warmer() { stop(); }

void Warmer::start() {
  thread_ = std::thread([this] { run(); });
}

bool Warmer::begin() {
  const std::lock_guard lock(mutex_);
  if (is_stopping_ || is_wanted_ || !progress_.is_over()) return false;
  is_wanted_ = true;
  progress_ = {};
  changed_.notify_all();
  return true;
}

void Warmer::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  stop_.wake();
  if (thread_.joinable()) thread_.join();
}

Progress Warmer::progress() const {
  const std::lock_guard lock(mutex_);
  Progress progress = progress_;
  if (!progress.is_over() && began_at_ != 0)
    progress.seconds = static_cast<double>(clock_.now() - began_at_) / base::kSecond;
  return progress;
}

void Warmer::run() {
  for (;;) {
    bool wanted = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::seconds(1), [this] { return is_stopping_ || is_wanted_; });
      if (is_stopping_) return;
      wanted = std::exchange(is_wanted_, false);
    }
    if (wanted) warm_up();
    if (recorder_.is_save_due()) save();
  }
}

void Warmer::save() {
  if (auto saved = recorder_.save(); !saved)
    spdlog::error("warm-up: the list of statements is not kept: {}", saved.error().message);
}

void Warmer::warm_up() {
  const List list = recorder_.list();
  std::vector<std::vector<const Statement*>> of_session(list.sessions.size());
  for (const Statement& statement : list.statements) of_session[statement.session].push_back(&statement);
  {
    const std::lock_guard lock(mutex_);
    progress_ = {.state = State::kWaiting, .statements = list.statements.size()};
    began_at_ = clock_.now();
  }
  if (list.statements.empty()) return end(State::kDone);
  spdlog::info("warm-up: {} statements of role {}", list.statements.size(), config_.user);
  if (!wait_for_upstream()) return end(State::kStopped);
  {
    const std::lock_guard lock(mutex_);
    progress_.state = State::kRunning;
  }
  // Sessions come in the order of what saves the most in them.
  for (std::size_t i = 0; i < list.sessions.size(); ++i)
    if (!warm_up(list.sessions[i], of_session[i])) return end(State::kStopped);
  const Progress progress = this->progress();
  const auto sent = progress.done() - progress.outcomes[static_cast<std::size_t>(Outcome::kFailed)] -
                    progress.outcomes[static_cast<std::size_t>(Outcome::kUnlike)];
  end(sent == 0 && !progress.why.empty() ? State::kFailed : State::kDone);
}

bool Warmer::wait_for_upstream() {
  while (!judge_.upstream_answers())
    if (!pause(kPoll)) return false;
  return true;
}

bool Warmer::warm_up(const SessionState& session, std::span<const Statement* const> left) {
  Outcome outcome = Outcome::kFailed;
  std::string why = "the connection is lost again and again";
  for (unsigned connects = 0; connects < kConnects && !left.empty(); ++connects) {
    if (connects != 0 && !pause(base::kSecond)) return false;
    Replay replay(stop_, clock_);
    const auto settings = log_in(replay, session);
    if (is_stopping()) return false;
    if (settings) {
      if (!ask(replay, session, *settings, left)) return false;
      continue;
    }
    why = settings.error().message;
    if (settings.error().code == base::ErrorCode::kInvalid) {
      outcome = Outcome::kUnlike;
      break;
    }
  }
  if (left.empty()) return true;
  spdlog::warn("warm-up: {} statements in database {} are left out: {}", left.size(), session.database, why);
  count(outcome, left.size());
  const std::lock_guard lock(mutex_);
  progress_.why = std::move(why);
  return true;
}

base::Result<query::SessionSettings> Warmer::log_in(Replay& replay, const SessionState& session) {
  sync::Connection::Parameters login = config_.login;
  login.emplace_back("dbname", session.database);
  if (auto connected = replay.connect(login); !connected) return std::unexpected(connected.error());
  const base::Nanos deadline = clock_.now() + kReadyWait;
  for (;;) {
    auto settings = replay.adopt(session, config_.user);
    if (!settings || judge_.is_ready(session.database)) return settings;
    if (clock_.now() >= deadline)
      return base::fail(base::ErrorCode::kUnavailable, "nothing of it can be kept now (see SHOW SYNC)");
    if (!pause(kPoll)) return base::fail(base::ErrorCode::kClosed, "told to stop");
  }
}

// Until all are asked, or the connection is lost; `left` are those after that. False: told to stop.
bool Warmer::ask(Replay& replay, const SessionState& session, const query::SessionSettings& settings,
                 std::span<const Statement* const>& left) {
  const base::Nanos deadline = clock_.now() + kReadyWait;
  while (!left.empty()) {
    if (is_stopping()) return false;
    const Statement& statement = *left.front();
    left = left.subspan(1);
    if (!wait_until_kept(session, settings, statement, deadline)) {
      count(Outcome::kUncacheable);
      continue;
    }
    auto outcome = replay.ask(statement);
    // Clients come first.
    for (unsigned tries = 1; !outcome && outcome.error().code == base::ErrorCode::kLimit && tries < kTries;
         ++tries) {
      if (!pause(base::kSecond)) return false;
      outcome = replay.ask(statement);
    }
    if (is_stopping()) return false;
    count(outcome ? *outcome : Outcome::kFailed);
    if (!outcome && outcome.error().code != base::ErrorCode::kLimit) return true;
  }
  return true;
}

bool Warmer::wait_until_kept(const SessionState& session, const query::SessionSettings& settings,
                             const Statement& statement, base::Nanos deadline) {
  for (;;) {
    const Judge::Kept kept = judge_.is_kept(session.database, settings, statement);
    if (kept == Judge::Kept::kNow) return true;
    if (kept == Judge::Kept::kNever || clock_.now() >= deadline || !pause(kPoll)) return false;
  }
}

void Warmer::count(Outcome outcome, std::size_t n) {
  const std::lock_guard lock(mutex_);
  progress_.outcomes[static_cast<std::size_t>(outcome)] += n;
}

bool Warmer::pause(base::Nanos duration) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::nanoseconds(duration), [this] { return is_stopping_; });
}

bool Warmer::is_stopping() const {
  const std::lock_guard lock(mutex_);
  return is_stopping_;
}

void Warmer::end(State state) {
  has_ended_once_.store(true, std::memory_order_release);
  std::string counts;
  {
    const std::lock_guard lock(mutex_);
    progress_.state = state;
    progress_.seconds = static_cast<double>(clock_.now() - began_at_) / base::kSecond;
    if (progress_.statements == 0) return;
    for (std::size_t i = 0; i < kOutcomes; ++i)
      if (progress_.outcomes[i] != 0)
        counts += fmt::format(", {} {}", progress_.outcomes[i], name(static_cast<Outcome>(i)));
  }
  spdlog::info("warm-up: {}{}", name(state), counts);
}

}  // namespace pgweir::warm
