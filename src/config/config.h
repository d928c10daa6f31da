// The configuration: TOML text and command-line flags, checked, as one struct. The parts live
// beside their owners; this folder collects them.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/config.h"
#include "guard/config.h"
#include "proxy/config.h"
#include "query/rules.h"
#include "sync/config.h"
#include "warm/config.h"

namespace pgweir::config {

// The HTTP side. It stands here because admin/ is above this folder.
struct AdminConfig {
  std::string listen = "127.0.0.1:6433";  // host:port; empty: no HTTP
};

// The defaults are valid.
struct Config {
  proxy::ServerConfig server;
  proxy::UpstreamConfig upstream;
  cache::CacheConfig cache;
  guard::GuardConfig guard;
  sync::SyncConfig sync;
  warm::WarmConfig warm;
  AdminConfig admin;
  std::vector<query::RuleConfig> rules;  // in their order
};

// Something wrong, and where.
struct Finding {
  std::string source;   // the file, or the flag
  unsigned line = 0;    // from 1; 0: the source has no lines
  unsigned column = 0;  // from 1
  std::string message;  // what is wrong and what is allowed

  // "pgweir.toml:3:7: error: …" or "--listen: error: …"
  std::string to_string() const;
};

// A setting given on the command line; wins over the file.
struct Override {
  std::string flag;   // "--listen", for findings
  std::string name;   // of a setting: "server.listen"
  std::string value;  // as in the file, strings without quotes
};

// All findings, not only the first (one only if the text is not TOML). Never throws; reads no file.
// filename is used in findings alone; text may be empty.
std::expected<Config, std::vector<Finding>> load(std::string_view text, std::string_view filename,
                                                 std::span<const Override> overrides = {});

}  // namespace pgweir::config
