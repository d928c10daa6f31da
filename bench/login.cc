#include "bench/login.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "bench/replies.h"
#include "bench/workload.h"

namespace pgweir::bench {
namespace {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, ClearResult>;

base::Result<void> check(PGconn* connection, const PgResult& result) {
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
  return base::fail(base::ErrorCode::kInvalid, PQerrorMessage(connection));
}

base::Result<void> send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return std::unexpected(system_error("send"));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

}  // namespace

base::Result<PgConnection> log_in(const LoginConfig& config) {
  const std::string port = std::to_string(config.port);
  const std::array<const char*, 9> names{
      "host", "port", "user", "password", "dbname", "sslmode", "gssencmode", "connect_timeout", nullptr};
  const std::array<const char*, 9> values{config.host.c_str(),
                                          port.c_str(),
                                          config.user.c_str(),
                                          config.password.c_str(),
                                          config.database.c_str(),
                                          "disable",
                                          "disable",
                                          "30",
                                          nullptr};
  PgConnection connection(PQconnectdbParams(names.data(), values.data(), 0));
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return base::fail(base::ErrorCode::kUnavailable, PQerrorMessage(connection.get()));
  }
  return connection;
}

base::Result<void> prepare(PGconn* connection, const std::string& sql) {
  return check(connection, PgResult(PQprepare(connection, kStatementName, sql.c_str(), 0, nullptr)));
}

base::Result<void> execute(PGconn* connection, const std::string& sql) {
  return check(connection, PgResult(PQexec(connection, sql.c_str())));
}

base::Result<void> fill_redis(int fd, std::size_t keys, std::size_t value_bytes) {
  RedisScanner scanner(Expectation{});
  std::array<char, 4096> received{};
  for (std::size_t key = 1; key <= keys; ++key) {
    if (auto sent = send_all(fd, redis_set(key, value_bytes)); !sent) return sent;
    for (std::size_t done = 0; done == 0;) {
      const ssize_t got = ::recv(fd, received.data(), received.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::unexpected(system_error("recv"));
      if (got == 0) return base::fail(base::ErrorCode::kClosed, "the server closed the connection");
      auto completed = scanner.scan({received.data(), static_cast<std::size_t>(got)});
      if (!completed) return std::unexpected(completed.error());
      done = *completed;
    }
  }
  return {};
}

}  // namespace pgweir::bench
