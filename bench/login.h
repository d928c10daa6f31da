// Logging in, which libpq does (trust, password, md5, SCRAM-SHA-256); afterwards the socket is ours.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "bench/socket.h"

namespace pgweir::bench {

struct LoginConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5432;
  std::string user = "postgres";
  std::string password;
  std::string database = "postgres";
};

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using PgConnection = std::unique_ptr<PGconn, FinishConnection>;

// Blocks until the session is ready, without TLS.
base::Result<PgConnection> log_in(const LoginConfig& config);

// Prepares `sql` as kStatementName. Blocks.
base::Result<void> prepare(PGconn* connection, const std::string& sql);

// Runs `sql` as a simple query and throws its rows away. Blocks.
base::Result<void> execute(PGconn* connection, const std::string& sql);

// Stores the values of keys 1..keys on a Redis server. Blocks.
base::Result<void> fill_redis(int fd, std::size_t keys, std::size_t value_bytes);

}  // namespace pgweir::bench
