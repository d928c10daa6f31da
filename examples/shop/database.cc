#include "database.h"

#include <array>
#include <string_view>

#include "statements.h"

namespace shop {

namespace {

constexpr std::size_t kParametersMax = 8;

// libpq ends its messages with a newline and may put details on further lines.
std::string first_line(std::string_view message) {
  const std::size_t end = message.find('\n');
  return std::string(message.substr(0, end));
}

int status_of(const char* sqlstate) {
  const std::string_view code = sqlstate ? sqlstate : "08006";
  if (code == "23503" || code == "23514") return 409;  // a foreign key or check refused the row
  if (code.starts_with("08") || code.starts_with("53") || code.starts_with("57")) return 503;
  if (code == "40001" || code == "40P01") return 503;  // serialization failure, deadlock
  return 500;
}

}  // namespace

Result<void> Database::connect() {
  connection_.reset(PQconnectdb(url_.c_str()));
  if (!alive()) return fail(503, "cannot connect to the database: " + last_error());
  prepared_ = false;
  return {};
}

Result<void> Database::make_ready() {
  if (!alive()) {
    if (auto connected = connect(); !connected) return connected;
  }
  return prepared_ ? Result<void>() : prepare_statements();
}

Result<void> Database::prepare_statements() {
  for (const Statement& statement : kStatements) {
    const auto prepared = checked(PQprepare(connection_.get(), statement.name, statement.sql, 0, nullptr));
    if (!prepared) {
      return fail(prepared.error().status,
                  std::string("preparing ") + statement.name + ": " + prepared.error().message);
    }
  }
  prepared_ = true;
  return {};
}

Result<Rows> Database::read(const char* statement, std::span<const std::string> parameters) {
  auto rows = write(statement, parameters);
  if (!rows && !alive()) rows = write(statement, parameters);
  return rows;
}

Result<Rows> Database::write(const char* statement, std::span<const std::string> parameters) {
  if (parameters.size() > kParametersMax) return fail(500, "too many parameters");
  if (auto ready = make_ready(); !ready) return std::unexpected(ready.error());
  std::array<const char*, kParametersMax> values{};
  for (std::size_t i = 0; i < parameters.size(); ++i) values[i] = parameters[i].c_str();
  return checked(PQexecPrepared(connection_.get(), statement, static_cast<int>(parameters.size()),
                                values.data(), nullptr, nullptr, 0));
}

Result<Rows> Database::run_sql(const std::string& sql) {
  if (!alive()) {
    if (auto connected = connect(); !connected) return std::unexpected(connected.error());
  }
  return checked(PQexec(connection_.get(), sql.c_str()));
}

Result<Rows> Database::checked(PGresult* result) {
  Rows rows(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_IN) return rows;
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return fail(status_of(sqlstate), message ? message : last_error());
}

std::string Database::last_error() const { return first_line(PQerrorMessage(connection_.get())); }

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.run_sql("BEGIN"); !begun) return std::unexpected(begun.error());
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_) (void)database_->run_sql("ROLLBACK");
}

Result<void> Transaction::commit() {
  auto committed = std::exchange(database_, nullptr)->run_sql("COMMIT");
  if (!committed) return std::unexpected(committed.error());
  return {};
}

}  // namespace shop
