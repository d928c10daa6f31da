// A connection of libpq's, and statements whose values can be sent in any of the protocol's ways.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::freshness {

// {name} in the text stands for a value: a literal in a simple query, else a parameter.
struct Statement {
  std::string text;
  std::vector<std::pair<std::string, std::int64_t>> values;
  std::string copy_data;  // for COPY FROM STDIN, with {name} too

  std::string with_literals() const;
};

enum class Protocol : std::uint8_t { kSimple, kParameters, kPrepared, kBinary };
std::string_view name(Protocol protocol);

using Row = std::vector<std::optional<std::string>>;

struct Reply {
  enum class Status : std::uint8_t {
    kDone,
    kRefused,  // an error, and the session lives
    kLost,     // the session is gone, and it is not known what became of the statement
  };
  Status status = Status::kDone;
  std::string code;  // SQLSTATE
  std::string message;
  std::string tag;        // of the last statement
  std::vector<Row> rows;  // of the last result that has any; binary integers are made text

  bool done() const { return status == Status::kDone; }
  bool lost() const { return status == Status::kLost; }
};

std::string show(const std::vector<Row>& rows);

// One thread at a time.
class Connection {
 public:
  // Not open if it could not be made.
  explicit Connection(const std::string& options);

  bool is_open() const { return connection_ && PQstatus(connection_.get()) == CONNECTION_OK; }
  // Outside of a transaction, and not amid a statement.
  bool is_idle() const { return is_open() && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE; }
  int backend() const { return backend_; }
  // Can be used by other threads, and outlives the connection.
  std::shared_ptr<PGcancel> cancel_handle() const { return cancel_; }

  Reply run(const Statement& statement, Protocol protocol);
  Reply run(const std::string& text) { return run({text, {}, {}}, Protocol::kSimple); }
  // All at once, in libpq's pipeline mode, with one Sync behind each statement or one behind them all. As
  // many replies; what an error made PostgreSQL skip is refused with no code.
  std::vector<Reply> pipeline(std::span<const Statement> statements, bool sync_each);

  // Sends and does not wait for the reply: the connection is cut, or closed as a client closes it.
  void run_and_vanish(const std::string& text, bool politely);
  void close() { connection_.reset(); }

 private:
  struct Parameters {
    std::string text;
    std::vector<std::string> values;
    std::vector<const char*> pointers;
  };
  static Parameters with_parameters(const Statement& statement);

  bool send(const Statement& statement, Protocol protocol);
  bool send_prepared(const Parameters& parameters);
  void collect(Reply& reply, const std::string& copy_data);
  void take(PGresult* result, Reply& reply);
  void copy_in(const std::string& data);
  void drain_copy();
  Reply failed() const;

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::shared_ptr<PGcancel> cancel_;
  int backend_ = 0;
  std::map<std::string, std::string> prepared_;  // text -> name
};

}  // namespace pgweir::freshness
