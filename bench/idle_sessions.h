// How much memory of a server an idle session takes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/login.h"

namespace pgweir::bench {

struct IdleConfig {
  std::size_t sessions = 5000;
  std::string sql;  // each session runs this once before it idles; empty: it only logs in
  std::vector<pid_t> server_pids;
  unsigned settle_ms = 500;  // between the last byte and the reading of the memory
};

struct IdleReport {
  std::size_t sessions = 0;
  std::uint64_t rss_before_bytes = 0;  // one session has come and gone by then
  std::uint64_t rss_login_bytes = 0;   // all are logged in
  std::uint64_t rss_query_bytes = 0;   // all have run their statement; as rss_login_bytes if there is none
};

// Opens all sessions, one after another, and closes them at the end.
base::Result<IdleReport> measure_idle_sessions(const LoginConfig& login, const IdleConfig& config);

}  // namespace pgweir::bench
