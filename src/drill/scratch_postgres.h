// A private PostgreSQL: own directory, own port, 127.0.0.1 only, gone when we are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "drill/child_process.h"

namespace pgweir::drill {

struct ScratchPostgresOptions {
  std::string dir;            // made if missing; keeps the data from one run to the next
  std::uint16_t port = 0;     // on 127.0.0.1
  std::string bin_dir;        // of initdb and postgres; empty: the newest under /usr/lib/postgresql
  std::string role = "shop";  // an ordinary login role, made with the cluster
  std::string password = "shop";
  std::string database = "shop";      // owned by role
  std::vector<std::string> settings;  // "name=value", on top of our own
};

// A running cluster with SCRAM for every login and wal_level = logical. The directory is locked against
// a second run for as long as any process of the cluster lives. Started by root, it runs as the system
// user "postgres", since PostgreSQL refuses root. Start it on a thread that outlives it.
class ScratchPostgres {
 public:
  // Makes the cluster if the directory has none (or one of another major version), and returns once it
  // accepts connections. kClosed as soon as cancel_fd is readable (-1 for none); kInvalid where the user
  // can help it, and the message says how; kInternal otherwise.
  static base::Result<ScratchPostgres> start(const ScratchPostgresOptions& options, int cancel_fd);

  // Fast shutdown; also done on destruction.
  void stop();
  bool running() { return server_.running(); }

  // Of the ordinary role, for libpq.
  std::string url() const;
  const std::string& log_path() const { return log_path_; }

  // A line that says what is in the database, kept beside it; empty if none was set since the cluster
  // was made.
  std::string stamp() const;
  base::Result<void> set_stamp(const std::string& text);

 private:
  ScratchPostgres(const ScratchPostgresOptions& options, ChildProcess server, std::string log_path)
      : options_(options), server_(std::move(server)), log_path_(std::move(log_path)) {}

  ScratchPostgresOptions options_;
  ChildProcess server_;
  std::string log_path_;
};

}  // namespace pgweir::drill
