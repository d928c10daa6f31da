// A libpq connection that never blocks longer than asked: every wait also ends when told to stop.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

struct pg_conn;
struct pg_result;

namespace pgweir::sync {

// Wakes whoever waits in Connection or polls its descriptor. Any thread may call wake().
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  void wake() const;
  void drain() const;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

struct ResultDeleter {
  void operator()(pg_result* result) const;
};
using PgResult = std::unique_ptr<pg_result, ResultDeleter>;

// Text of one column of the first row; empty if there is none or it is null.
std::string_view value_of(const PgResult& result, int column);

// One thread's.
class Connection {
 public:
  // stop: waits end early, with kClosed, once it is woken. Must outlive the connection.
  Connection(const Wakeup& stop, const base::Clock& clock) : stop_(stop), clock_(clock) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Keyword and value, as libpq's PQconnectStartParams takes them.
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  base::Result<void> connect(const Parameters& parameters, base::Nanos timeout);
  // One statement, or several whose last result counts. kInvalid: PostgreSQL refused, with its message.
  // kUnavailable: the connection is lost, or the time is over.
  base::Result<PgResult> query(const std::string& sql, base::Nanos timeout);
  // Says goodbye and waits until the server has closed its end, and so let go of slot and database; not
  // longer than `timeout`.
  void close(base::Nanos timeout);

  pg_conn* raw() const { return connection_; }
  int socket() const;
  // libpq's last message, on one line.
  std::string error() const;

 private:
  // Until the socket is ready for `events` (poll(2)).
  base::Result<void> wait(short events, base::Nanos deadline) const;
  base::Result<void> flush(base::Nanos deadline) const;

  const Wakeup& stop_;
  const base::Clock& clock_;
  pg_conn* connection_ = nullptr;
};

}  // namespace pgweir::sync
