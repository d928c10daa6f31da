// Which promise of freshness holds for a database, with the settings, objects and privileges that there are,
// and what is missing for a better one. Used by `pgweir setup --status` and before a stream is opened.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgweir::sync {

enum class Promise {
  kFull,          // changes made anywhere are seen, within the bound on lag
  kFencesAndTtl,  // writes through this pgweir are seen at once, those made elsewhere by time only
  kTtlOnly,       // a standby: every change is seen by time only
};

// "full", "fences and TTL only", "TTL only".
std::string_view promise_name(Promise promise);

struct Finding {
  std::string code;  // stable: "wal_level"
  bool advice;       // true: the promise holds without the fix too
  std::string what;
  std::string fix;
};

// What the queries found; names as in setup_status.sql, which says what they are.
struct SetupFacts {
  std::string database, role;
  bool role_exists = false, role_logs_in = false, role_replicates = false, role_connects = false,
       role_mends = false;
  std::int64_t version = 0;
  bool standby = false;
  std::string wal_level;
  std::int64_t slots_max = 0, slots_used = 0, senders_max = 0, senders_used = 0;
  std::string event_triggers;
  bool schema_exists = false;
  std::string stamp, triggers_missing, triggers_disabled, publication_rows, publication_inserts;
  std::int64_t tables_unlogged = 0, tables_in_rows = 0, tables_in_inserts = 0, tables_by_key = 0;
  std::int64_t without_identity_count = 0, misplaced_count = 0, refused_count = 0;
  std::string without_identity, misplaced, refused;  // up to twenty names
};

struct SetupStatus {
  SetupFacts facts;
  Promise promise;
  std::vector<Finding> findings;  // those that are no advice first
};

// role: the one that follows the changes; empty: the one that is connected. Blocking; a transaction may be
// open. kUnavailable: the query failed.
base::Result<SetupFacts> read_setup_facts(PGconn* connection, std::string_view role);
SetupStatus judge_setup(const SetupFacts& facts);
base::Result<SetupStatus> read_setup_status(PGconn* connection, std::string_view role);

}  // namespace pgweir::sync
