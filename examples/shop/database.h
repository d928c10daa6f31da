// One connection to PostgreSQL.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "failure.h"

namespace shop {

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Rows = std::unique_ptr<PGresult, ResultDeleter>;

// A connection with the service's statements prepared on it. It connects when first used, and again
// after it was lost. One thread at a time.
class Database {
 public:
  // url: anything libpq takes, e.g. "postgres://shop:secret@127.0.0.1:5432/shop".
  explicit Database(std::string url) : url_(std::move(url)) {}

  // Connects now, so that a wrong URL shows at start. 503 with libpq's reason.
  Result<void> connect();
  // Connects and prepares if that is not done yet; read() and write() do it as well.
  Result<void> make_ready();

  // Runs a statement of statements.h by its name; parameters in text form. A read whose connection
  // turns out to be dead is sent once more on a new one; a write is not, since it may have happened.
  Result<Rows> read(const char* statement, std::span<const std::string> parameters);
  Result<Rows> write(const char* statement, std::span<const std::string> parameters);

  // Runs SQL text without parameters: BEGIN, DDL and the like.
  Result<Rows> run_sql(const std::string& sql);

  // The connection for COPY; null before connect().
  PGconn* raw() { return connection_.get(); }

 private:
  struct Closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  Result<Rows> checked(PGresult* result);
  Result<void> prepare_statements();
  bool alive() const { return connection_ && PQstatus(connection_.get()) == CONNECTION_OK; }
  std::string last_error() const;

  const std::string url_;
  std::unique_ptr<PGconn, Closer> connection_;
  bool prepared_ = false;
};

// A transaction that rolls back unless committed. It borrows the database.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace shop
