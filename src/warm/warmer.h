// Asks the recorded statements again, those that save the most first, one at a time; after a start by itself,
// and when it is told to.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "warm/recorder.h"
#include "warm/replay.h"

namespace pgweir::warm {

// What pgweir says of a database and of statements, before one is sent. On the warmer's thread.
class Judge {
 public:
  virtual ~Judge() = default;
  // Whether PostgreSQL answers.
  virtual bool upstream_answers() = 0;
  // Whether replies of that database can be kept now.
  virtual bool is_ready(const std::string& database) = 0;
  // Whether the statement's reply would be kept, in a session with these settings: else it must not be sent.
  enum class Kept : std::uint8_t { kNow, kLater, kNever };
  virtual Kept is_kept(const std::string& database, const query::SessionSettings& settings,
                       const Statement& statement) = 0;
};

enum class State : std::uint8_t {
  kPending,  // the first one has not begun
  kWaiting,  // for PostgreSQL
  kRunning,
  kDone,
  kFailed,   // nothing could be asked
  kStopped,  // pgweir shuts down
};
std::string_view name(State state);

// Of the present warm-up, or the last one.
struct Progress {
  State state = State::kPending;
  std::uint64_t statements = 0;  // there are to ask
  std::array<std::uint64_t, kOutcomes> outcomes{};
  double seconds = 0;  // since it began, or that it took
  std::string why{};   // it has failed, for people

  std::uint64_t done() const;
  bool is_over() const {
    return state == State::kDone || state == State::kFailed || state == State::kStopped;
  }
};

struct WarmerConfig {
  std::string user;
  sync::Connection::Parameters login;  // of pgweir's own listener, but the database
};

class Warmer {
 public:
  Warmer(WarmerConfig config, Recorder& recorder, Judge& judge, const base::Clock& clock);
  ~Warmer();  // stops

  // Begins a warm-up on a thread of its own, which also keeps the recorder's file up to date. Once.
  void start();
  // Any thread: one more warm-up; false: the last one is not over.
  bool begin();
  // Ends the thread, amid a statement too, which is cancelled.
  void stop();

  // Any thread.
  Progress progress() const;
  // Whether the one after the start is over.
  bool has_ended_once() const { return has_ended_once_.load(std::memory_order_acquire); }

 private:
  void run();
  void warm_up();
  bool wait_for_upstream();
  // How the statements of one kind of session fare; false: told to stop.
  bool warm_up(const SessionState& session, std::span<const Statement* const> statements);
  base::Result<query::SessionSettings> log_in(Replay& replay, const SessionState& session);
  bool ask(Replay& replay, const SessionState& session, const query::SessionSettings& settings,
           std::span<const Statement* const>& left);
  // False: it must not be sent, or told to stop.
  bool wait_until_kept(const SessionState& session, const query::SessionSettings& settings,
                       const Statement& statement, base::Nanos deadline);
  void count(Outcome outcome, std::size_t n = 1);
  void save();
  // False: told to stop.
  bool pause(base::Nanos duration);
  bool is_stopping() const;
  void end(State state);

  const WarmerConfig config_;
  Recorder& recorder_;
  Judge& judge_;
  const base::Clock& clock_;
  sync::Wakeup stop_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;  // guarded by mutex_
  bool is_wanted_ = true;     // guarded by mutex_; a warm-up
  Progress progress_;         // guarded by mutex_
  base::Nanos began_at_ = 0;  // guarded by mutex_
  std::atomic<bool> has_ended_once_{false};
  std::thread thread_;
};

}  // namespace pgweir::warm
