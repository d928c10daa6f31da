// Hits of one worker, sampled by the database time that they save: a statement comes up as often as it saves
// a certain time. The more is saved in all, the longer that time is, so that a busy worker gives some hundred
// samples a second and a quiet one each hit.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "query/session_settings.h"
#include "warm/statement.h"

namespace pgweir::warm {

// A hit. Views are read during the call only.
struct Seen {
  const base::Hash128& key;      // of the reply
  const base::Hash128& context;  // tells sessions apart: database, role, settings
  double saved_ns;               // as told to saves()
  std::string_view database;
  const query::SessionSettings& settings;
  std::string_view sql;
  const std::vector<wire::Oid>* types = nullptr;  // null: a simple query, without the two below
  std::string_view bound = {};                    // what stands behind the names in Bind
  bool describes = false;
};

// saves(), pass() and add() on the worker's thread, take() on another one.
class Samples {
 public:
  struct Batch {
    std::vector<SessionState> sessions;
    std::vector<Statement> statements;  // their `session` is an index of `sessions`
  };

  // user: whose statements count.
  explicit Samples(std::string user) : user_(std::move(user)) {}

  // A hit has saved so much of the database's time. True: it is one to add() or to pass().
  bool saves(double nanoseconds) {
    left_ns_ -= nanoseconds;
    return left_ns_ <= 0;
  }
  void add(const Seen& seen);
  void pass();

  // What has come up since the last time. Meant to be called some ten times a second.
  Batch take();

  static constexpr std::size_t kSamplesMax = 64;                  // between two calls of take()
  static constexpr std::size_t kBytesMax = std::size_t{1} << 18;  // likewise

 private:
  static constexpr std::size_t kTriesMax = 1024;
  static constexpr double kIntervalMin = 1'000;  // nanoseconds; below it each hit comes up

  void begin_next();

  const std::string user_;
  double left_ns_ = 0;  // to be saved until the next one comes up
  double mean_ns_ = 0;  // of which that was drawn
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
  std::atomic<double> interval_ns_{0};
  std::mutex mutex_;
  Batch batch_;                          // guarded by mutex_
  std::vector<base::Hash128> contexts_;  // guarded by mutex_; of batch_.sessions
  std::size_t bytes_ = 0;                // guarded by mutex_; of the batch
  std::size_t tries_ = 0;                // guarded by mutex_
};

}  // namespace pgweir::warm
