// What the proxy can be told. Read by config/, validated there, immutable here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace pgweir::proxy {

enum class TlsMode : std::uint8_t {
  kDisable,
  kAllow,
  kPrefer,
  kRequire,
  kVerifyCa,
  kVerifyFull
};  // libpq's sslmode

// Where PostgreSQL is. Several addresses are tried in order when a session connects.
struct UpstreamConfig {
  struct Address {
    std::string host = "127.0.0.1";  // name, IP address, or a directory (Unix socket) if it begins with '/'
    std::uint16_t port = 5432;
  };
  std::vector<Address> addresses{Address{}};
  TlsMode tls_mode = TlsMode::kPrefer;
  std::string tls_root_cert;  // file; empty: the system's certificates
  std::string tls_cert;       // file; pgweir's own client certificate, with tls_key
  std::string tls_key;
  base::Nanos connect_timeout = 5 * base::kSecond;
  // To PostgreSQL, pgweir's own included; 0: as many as PostgreSQL lets in.
  unsigned max_connections = 0;
  // Clients that are not local may use logins for which PostgreSQL asks pgweir for no password.
  bool allow_passwordless_remote = false;
};

// How clients reach pgweir.
struct ServerConfig {
  std::string listen = "127.0.0.1:6432";  // host:port, several separated by commas
  std::string unix_socket_dir;            // empty: none; the socket is .s.PGSQL.<port> in it
  unsigned workers = 0;                   // 0: one per core
  unsigned sessions_max = 5000;           // more get SQLSTATE 53300
  std::string tls_cert;                   // file; with tls_key: TLS is offered to clients
  std::string tls_key;
  base::Nanos startup_timeout = 30 * base::kSecond;  // from accept to the end of authentication
  base::Nanos drain_timeout = 30 * base::kSecond;    // after SIGTERM, before sessions are cut
  std::uint64_t message_bytes_max = 1ULL << 30;      // a longer message ends the session (PostgreSQL: 1 GiB)
  double compression_cpu = 0;  // share of a worker's time for compressing what is kept; 0: nothing is
  std::string state_dir;       // holds the hash secret; empty: a new secret at each start
};

}  // namespace pgweir::proxy
