#include "sync/setup_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "sync/setup.h"
#include "sync/setup_sql.h"

namespace pgweir::sync {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::int64_t kVersionMin = 150000;
constexpr std::string_view kRunApply = "run pgweir setup --apply";

// One row, read by the names of its columns.
class Row {
 public:
  explicit Row(const PGresult* result) : result_(result) {}
  void read(const char* name, std::string& out) const { out = value(name); }
  void read(const char* name, bool& out) const { out = value(name) == "t"; }
  void read(const char* name, std::int64_t& out) const {
    const std::string_view text = value(name);
    std::from_chars(text.data(), text.data() + text.size(), out);
  }

 private:
  std::string_view value(const char* name) const {
    const int column = PQfnumber(result_, name);
    return column < 0 ? std::string_view() : std::string_view(PQgetvalue(result_, 0, column));
  }
  const PGresult* const result_;
};

SetupFacts facts_of(const Row& row) {
  SetupFacts facts;
  row.read("database", facts.database);
  row.read("role", facts.role);
  row.read("role_exists", facts.role_exists);
  row.read("role_logs_in", facts.role_logs_in);
  row.read("role_replicates", facts.role_replicates);
  row.read("role_connects", facts.role_connects);
  row.read("role_mends", facts.role_mends);
  row.read("version", facts.version);
  row.read("standby", facts.standby);
  row.read("wal_level", facts.wal_level);
  row.read("slots_max", facts.slots_max);
  row.read("slots_used", facts.slots_used);
  row.read("senders_max", facts.senders_max);
  row.read("senders_used", facts.senders_used);
  row.read("event_triggers", facts.event_triggers);
  row.read("schema_exists", facts.schema_exists);
  row.read("stamp", facts.stamp);
  row.read("triggers_missing", facts.triggers_missing);
  row.read("triggers_disabled", facts.triggers_disabled);
  row.read("publication_rows", facts.publication_rows);
  row.read("publication_inserts", facts.publication_inserts);
  row.read("tables_unlogged", facts.tables_unlogged);
  row.read("tables_in_rows", facts.tables_in_rows);
  row.read("tables_in_inserts", facts.tables_in_inserts);
  row.read("tables_by_key", facts.tables_by_key);
  row.read("without_identity_count", facts.without_identity_count);
  row.read("without_identity", facts.without_identity);
  row.read("misplaced_count", facts.misplaced_count);
  row.read("misplaced", facts.misplaced);
  row.read("refused_count", facts.refused_count);
  row.read("refused", facts.refused);
  return facts;
}

class Judge {
 public:
  explicit Judge(const SetupFacts& facts) : facts_(facts) {}

  SetupStatus judge() {
    judge_server();
    if (!facts_.standby) {
      judge_role();
      judge_objects();
      judge_tables();
    }
    const bool all = std::ranges::all_of(findings_, &Finding::advice);
    const Promise promise = facts_.standby ? Promise::kTtlOnly
                            : all          ? Promise::kFull
                                           : Promise::kFencesAndTtl;
    std::ranges::stable_sort(findings_, {}, &Finding::advice);
    return {facts_, promise, std::move(findings_)};
  }

 private:
  void miss(std::string code, std::string what, std::string fix) {
    findings_.push_back({std::move(code), false, std::move(what), std::move(fix)});
  }
  void advise(std::string code, std::string what, std::string fix) {
    findings_.push_back({std::move(code), true, std::move(what), std::move(fix)});
  }

  void judge_server() {
    if (facts_.standby)
      miss("standby", "this server is a standby: it has no change stream, and writes do not pass here",
           "let pgweir stand before the primary; before a standby only rules that accept a ttl cache");
    if (facts_.version < kVersionMin)
      miss("server_version", "PostgreSQL is older than 15", "upgrade to PostgreSQL 15 or newer");
    if (facts_.wal_level != "logical")
      miss("wal_level", fmt::format("wal_level is {}: there is no change stream", facts_.wal_level),
           "ALTER SYSTEM SET wal_level = 'logical'; then restart PostgreSQL");
    judge_limit("max_replication_slots", facts_.slots_used, facts_.slots_max);
    judge_limit("max_wal_senders", facts_.senders_used, facts_.senders_max);
  }

  // The stream of each database in use takes one of each.
  void judge_limit(std::string_view setting, std::int64_t used, std::int64_t most) {
    if (used < most) return;
    miss(std::string(setting), fmt::format("{} of {} of {} are taken", used, most, setting),
         fmt::format("ALTER SYSTEM SET {} = {}; then restart PostgreSQL", setting, most + 10));
  }

  void judge_role() {
    const std::string fix = fmt::format("run pgweir setup --apply --role {}", facts_.role);
    if (!facts_.role_exists)
      return miss("role_missing", fmt::format("there is no role {}", facts_.role), fix);
    if (!facts_.role_logs_in) miss("role_login", fmt::format("role {} may not log in", facts_.role), fix);
    if (!facts_.role_replicates)
      miss("role_replication", fmt::format("role {} lacks the attribute REPLICATION", facts_.role), fix);
    if (!facts_.role_connects)
      miss("role_connect", fmt::format("role {} may not connect to {}", facts_.role, facts_.database), fix);
    if (facts_.schema_exists && !facts_.role_mends)
      miss("role_mend",
           fmt::format("role {} may not call pgweir.mend(), which publishes tables", facts_.role), fix);
  }

  void judge_objects() {
    const std::string apply(kRunApply);
    if (!facts_.schema_exists)
      return miss("not_set_up", fmt::format("database {} is not set up", facts_.database), apply);
    if (facts_.stamp != setup_stamp())
      miss("other_version", "schema pgweir was made by another version of pgweir", apply);
    if (!facts_.triggers_missing.empty())
      miss("event_trigger_missing", fmt::format("event triggers are missing: {}", facts_.triggers_missing),
           apply);
    if (!facts_.triggers_disabled.empty())
      miss("event_trigger_disabled",
           fmt::format("event triggers are not ENABLE ALWAYS: {}", facts_.triggers_disabled), apply);
    if (facts_.event_triggers != "on")
      miss("event_triggers_off", "the setting event_triggers is off: DDL is not noticed",
           "ALTER SYSTEM SET event_triggers = on; SELECT pg_reload_conf()");
    judge_publication("pgweir_rows", facts_.publication_rows);
    judge_publication("pgweir_inserts", facts_.publication_inserts);
  }

  void judge_publication(std::string_view name, std::string_view state) {
    if (state.empty())
      miss("publication_missing", fmt::format("there is no publication {}", name), std::string(kRunApply));
    if (state == "altered")
      miss("publication_altered", fmt::format("publication {} does not publish what it should", name),
           std::string(kRunApply));
    if (state == "all")
      miss("publication_all_tables",
           fmt::format("publication {} is FOR ALL TABLES: users' writes can fail", name),
           fmt::format("DROP PUBLICATION {}; then {}", name, kRunApply));
  }

  void judge_tables() {
    if (facts_.refused_count != 0)
      miss("table_refuses_writes",
           fmt::format(
               "{} tables are in pgweir_rows without a replica identity: UPDATE and DELETE on them fail: {}",
               facts_.refused_count, facts_.refused),
           "SELECT pgweir.mend()");
    if (facts_.schema_exists && facts_.misplaced_count != 0)
      advise("table_not_published",
             fmt::format("{} tables are not, or not rightly, published and so are not cached: {}",
                         facts_.misplaced_count, facts_.misplaced),
             "wait for pgweir serve to do it, or SELECT pgweir.mend()");
    if (facts_.without_identity_count != 0)
      advise(
          "no_replica_identity",
          fmt::format("{} tables have no replica identity that a constraint holds; their updates and deletes "
                      "are not in the change stream, and they are cached only where a rule accepts a ttl: {}",
                      facts_.without_identity_count, facts_.without_identity),
          "give each a primary key, or ALTER TABLE … REPLICA IDENTITY FULL: then each change is seen, row by "
          "row, and WAL for its updates and deletes grows by the old row");
    if (facts_.tables_by_key != 0)
      advise(
          "identity_by_key",
          fmt::format("{} tables are identified by their key: an update or delete of a row also invalidates "
                      "replies that are pinned by other columns",
                      facts_.tables_by_key),
          "where such replies matter, ALTER TABLE … REPLICA IDENTITY FULL spares those of other rows; WAL "
          "for "
          "its updates and deletes grows by the old row");
    if (facts_.tables_unlogged != 0)
      advise("unlogged",
             fmt::format("{} unlogged tables are not in the change stream", facts_.tables_unlogged),
             "they are cached only where a rule accepts a ttl");
  }

  const SetupFacts& facts_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view promise_name(Promise promise) {
  switch (promise) {
    case Promise::kFull:
      return "full";
    case Promise::kFencesAndTtl:
      return "fences and TTL only";
    case Promise::kTtlOnly:
      break;
  }
  return "TTL only";
}

Result<SetupFacts> read_setup_facts(PGconn* connection, std::string_view role) {
  const std::string sql =
      fill_in(fill_in(kSetupStatus, "tables", kSetupTables), "role", "$1::pg_catalog.name");
  const std::string name(role);
  const char* const values[] = {role.empty() ? nullptr : name.c_str()};
  const SqlResult result(PQexecParams(connection, sql.c_str(), 1, nullptr, values, nullptr, nullptr, 0));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1) {
    std::string message = PQerrorMessage(connection);
    while (message.ends_with('\n')) message.pop_back();
    return fail(ErrorCode::kUnavailable, std::move(message));
  }
  return facts_of(Row(result.get()));
}

SetupStatus judge_setup(const SetupFacts& facts) { return Judge(facts).judge(); }

Result<SetupStatus> read_setup_status(PGconn* connection, std::string_view role) {
  auto facts = read_setup_facts(connection, role);
  if (!facts) return std::unexpected(facts.error());
  return judge_setup(*facts);
}

}  // namespace pgweir::sync
