// A client's session through pgweir, and the list of all of them, which tells the disturber whom it can
// disturb.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "connection.h"
#include "model.h"
#include "progress.h"
#include "read.h"

namespace pgweir::freshness {

// Any thread.
class Sessions {
 public:
  struct Member {
    int backend = 0;
    std::shared_ptr<PGcancel> cancel;
  };
  void put(int number, const Connection& connection);
  void remove(int number);
  std::optional<Member> choose(Random& random) const;

 private:
  mutable std::mutex mutex_;
  std::map<int, Member> members_;
};

// What the threads of a run share.
struct Run {
  std::string options;         // of libpq, to pgweir
  std::string direct_options;  // to PostgreSQL
  std::string admin;           // host:port of its metrics; empty: unknown
  std::uint64_t seed = 1;
  std::uint64_t reads_per_write = 1;
  Pace code;   // writes that run code
  Pace names;  // search paths and roles of a transaction
  Model& model;
  Progress& progress;
  Sessions& sessions;
};

// One thread at a time. Its number stands in all evidence.
class Session {
 public:
  Session(Run& run, int number, std::string options);
  ~Session() { drop(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int number() const { return number_; }
  // Connects if there is no connection, and ends a transaction that was left open. False: not now.
  bool open();
  Connection& connection() { return connection_; }
  void drop();
  Event event(const char* what, const char* how) const;

  // Sends one read and judges its reply.
  Reply read(Read& read, Protocol protocol, const char* way, Snapshot* snapshot = nullptr);
  // Judges a reply; `began` is when the read was sent.
  void judge(Read& read, const Reply& reply, Nanos began, std::string_view way, Snapshot* snapshot = nullptr);

 private:
  Run& run_;
  const int number_;
  const std::string options_;
  Connection connection_;
};

// Binary results are rarer: each is an entry of its own.
Protocol choose_protocol(Random& random);

// Errors that faults, locks and DDL bring and that are no fault of pgweir's.
bool is_expected(std::string_view code);

}  // namespace pgweir::freshness
