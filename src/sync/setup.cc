#include "sync/setup.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/hash.h"
#include "sync/setup_sql.h"
#include "sync/setup_status.h"

namespace pgweir::sync {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

constexpr std::size_t kRoleBytesMax = 63;  // PostgreSQL would cut a longer name short
constexpr std::int64_t kVersionMin = 150000;
constexpr std::string_view kStampPrefix = "pgweir setup ";
// Of a call of pgweir.mend(), which does a hundred tables: enough for any database, and an end for certain.
constexpr int kMendCallsMax = 100'000;
constexpr std::string_view kSessionSettings =
    "SET standard_conforming_strings = on;\nSET client_min_messages = warning;\nSET lock_timeout = '10s';\n"
    "SET default_transaction_isolation = 'read committed';\n";

Result<void> check_role(std::string_view role) {
  if (role.size() > kRoleBytesMax)
    return fail(ErrorCode::kInvalid, fmt::format("the name of a role has at most {} bytes, this has {}",
                                                 kRoleBytesMax, role.size()));
  if (role.find('\0') != role.npos) return fail(ErrorCode::kInvalid, "the name of a role has no zero bytes");
  if (role.starts_with("pg_") || role == "public" || role == "none")
    return fail(ErrorCode::kInvalid, fmt::format("PostgreSQL reserves the name '{}'", role));
  return {};
}

std::string objects_sql() {
  return fill_in(kSetupObjects, "tables", kSetupTables) +
         fmt::format("\nCOMMENT ON SCHEMA pgweir IS {};\n", sql_constant(setup_stamp()));
}

std::string role_sql(std::string_view role) { return fill_in(kSetupRole, "role", sql_constant(role)); }
std::string undo_sql(std::string_view role) { return fill_in(kSetupUndo, "role", sql_constant(role)); }

constexpr std::string_view kSaySetup =
    "SELECT pg_catalog.pg_logical_emit_message(true, 'pgweir.ddl', 'SETUP');\n";

class Connection {
 public:
  explicit Connection(PGconn* connection) : connection_(connection) {
    PQsetNoticeReceiver(
        connection,
        [](void* warnings, const PGresult* notice) {
          if (const char* text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY))
            static_cast<std::vector<std::string>*>(warnings)->emplace_back(text);
        },
        &warnings_);
  }
  ~Connection() {
    PQsetNoticeReceiver(connection_, [](void*, const PGresult*) {}, nullptr);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The first value of the last statement's result; empty if it has none.
  Result<std::string> run(const std::string& sql) {
    const SqlResult result(PQexec(connection_, sql.c_str()));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK && PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0)
      return PQgetvalue(result.get(), 0, 0);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return std::string();
    const char* primary = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
    std::string message = primary ? primary : PQerrorMessage(connection_);
    if (const char* hint = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_HINT))
      message += fmt::format(" ({})", hint);
    while (message.ends_with('\n')) message.pop_back();
    return fail(ErrorCode::kUnavailable, std::move(message));
  }

  // Either all of it or nothing.
  Result<void> run_as_one(const std::string& sql) {
    if (auto begun = run("BEGIN"); !begun) return std::unexpected(begun.error());
    auto done = run(sql);
    auto ended = run(done ? "COMMIT" : "ROLLBACK");
    if (!done) return std::unexpected(done.error());
    if (!ended) return std::unexpected(ended.error());
    return {};
  }

  PGconn* get() const { return connection_; }
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

 private:
  PGconn* const connection_;
  std::vector<std::string> warnings_;
};

Result<void> check_ground(const SetupFacts& facts) {
  if (facts.standby)
    return fail(ErrorCode::kInvalid, "this is a standby, which cannot be changed: run it on the primary");
  if (facts.version < kVersionMin)
    return fail(ErrorCode::kInvalid, "PostgreSQL 15 or newer is needed for the change stream");
  if (facts.schema_exists && !facts.stamp.starts_with(kStampPrefix))
    return fail(ErrorCode::kInvalid, "there is a schema called pgweir that pgweir has not made: rename it");
  if (facts.publication_rows == "all" || facts.publication_inserts == "all")
    return fail(ErrorCode::kInvalid,
                "pgweir_rows or pgweir_inserts is FOR ALL TABLES, which would break users' writes: drop it");
  return {};
}

bool objects_are_right(const SetupFacts& facts) {
  return facts.stamp == setup_stamp() && facts.triggers_missing.empty() && facts.triggers_disabled.empty() &&
         !facts.publication_rows.empty() && !facts.publication_inserts.empty();
}

bool role_is_right(const SetupFacts& facts) {
  return facts.role_exists && facts.role_logs_in && facts.role_replicates && facts.role_connects &&
         facts.role_mends;
}

// Calls pgweir.mend() until nothing is left that it can put right now.
Result<void> mend(Connection& connection, const SetupFacts& before, SetupOutcome& outcome) {
  std::string left;
  for (int call = 0; call < kMendCallsMax; ++call) {
    auto now = connection.run("SELECT pgweir.mend()");
    if (!now) return std::unexpected(now.error());
    if (*now == "0" || *now == left) break;
    left = *now;
  }
  auto after = read_setup_facts(connection.get(), before.role);
  if (!after) return std::unexpected(after.error());
  if (after->tables_in_rows != before.tables_in_rows ||
      after->tables_in_inserts != before.tables_in_inserts ||
      after->misplaced_count != before.misplaced_count)
    outcome.done.push_back(fmt::format("published {} tables with rows, {} with inserts only",
                                       after->tables_in_rows, after->tables_in_inserts));
  if (before.publication_rows == "altered" || before.publication_inserts == "altered")
    outcome.done.emplace_back("publications publish again what they should");
  if (after->misplaced_count != 0)
    outcome.warnings.push_back(fmt::format("{} tables are in use and not published yet ({}): run it again",
                                           after->misplaced_count, after->misplaced));
  return {};
}

Result<void> make_objects(Connection& connection, const SetupFacts& facts, SetupOutcome& outcome) {
  if (objects_are_right(facts)) return {};
  std::string sql;
  if (facts.schema_exists && facts.stamp != setup_stamp()) {
    // Of another version: its functions go; the publications stay, and so does what the stream knows.
    sql = fill_in(kSetupUndo, "role", "NULL");
    for (const std::string_view kept :
         {"DROP PUBLICATION IF EXISTS pgweir_rows;", "DROP PUBLICATION IF EXISTS pgweir_inserts;"})
      sql.erase(sql.find(kept), kept.size());
  }
  if (auto made = connection.run_as_one(sql + objects_sql() + std::string(kSaySetup)); !made)
    return std::unexpected(made.error());
  outcome.done.emplace_back(facts.schema_exists
                                ? "schema pgweir, its event triggers and publications put right"
                                : "schema pgweir with event triggers and publications made");
  return {};
}

Result<void> make_role(Connection& connection, std::string_view role, SetupOutcome& outcome) {
  auto facts = read_setup_facts(connection.get(), role);
  if (!facts) return std::unexpected(facts.error());
  if (role_is_right(*facts)) return {};
  if (auto made = connection.run_as_one(role_sql(role)); !made) return std::unexpected(made.error());
  outcome.done.push_back(fmt::format(
      "role {} {}", role, facts->role_exists ? "given what it lacked" : "made, LOGIN REPLICATION"));
  if (!facts->role_exists)
    outcome.warnings.push_back(fmt::format(
        "role {0} has no password: give it one (\\password {0} in psql), or a line in pg_hba.conf", role));
  return {};
}

}  // namespace

std::string fill_in(std::string_view text, std::string_view name, std::string_view value) {
  const std::string mark = fmt::format("@{}@", name);
  std::string filled;
  for (std::size_t at; (at = text.find(mark)) != text.npos; text.remove_prefix(at + mark.size())) {
    filled += text.substr(0, at);
    filled += value;
  }
  return filled += text;
}

std::string sql_constant(std::string_view value) {
  if (value.empty()) return "NULL";
  std::string quoted = "'";
  for (const char byte : value) quoted.append(byte == '\'' ? 2 : 1, byte);
  return quoted += '\'';
}

std::string setup_stamp() {
  base::SipHash128 hash({});
  for (const std::string_view part : {kSetupObjects, kSetupTables}) hash.update_field(part);
  return fmt::format("{}{:016x}", kStampPrefix, hash.finish().lo);
}

Result<std::string> setup_script(std::string_view role) {
  if (auto fine = check_role(role); !fine) return std::unexpected(fine.error());
  return fmt::format(
      "-- Made by pgweir setup. As a superuser: psql -X -v ON_ERROR_STOP=1 -d DATABASE -f THIS_FILE\n"
      "-- Run again it changes nothing that is right already.\n{}BEGIN;\n{}\n{}{}COMMIT;\n\n"
      "-- Publishes every table. One that is in use is left out: then it does not answer 0; call it again.\n"
      "SELECT pgweir.mend(1000000);\n",
      kSessionSettings, objects_sql(), role.empty() ? "" : role_sql(role), kSaySetup);
}

Result<std::string> undo_script(std::string_view role) {
  if (auto fine = check_role(role); !fine) return std::unexpected(fine.error());
  return fmt::format(
      "-- Made by pgweir setup --undo. As a superuser: psql -X -v ON_ERROR_STOP=1 -d DATABASE -f THIS_FILE\n"
      "{}BEGIN;\n{}COMMIT;\n",
      kSessionSettings, undo_sql(role));
}

Result<SetupOutcome> apply_setup(PGconn* raw, std::string_view role) {
  if (auto fine = check_role(role); !fine) return std::unexpected(fine.error());
  Connection connection(raw);
  if (auto set = connection.run(std::string(kSessionSettings)); !set) return std::unexpected(set.error());
  auto facts = read_setup_facts(raw, role);
  if (!facts) return std::unexpected(facts.error());
  if (auto fine = check_ground(*facts); !fine) return std::unexpected(fine.error());
  SetupOutcome outcome;
  if (auto made = make_objects(connection, *facts, outcome); !made) return std::unexpected(made.error());
  if (!role.empty())
    if (auto made = make_role(connection, role, outcome); !made) return std::unexpected(made.error());
  if (auto mended = mend(connection, *facts, outcome); !mended) return std::unexpected(mended.error());
  for (std::string& warning : connection.take_warnings()) outcome.warnings.push_back(std::move(warning));
  return outcome;
}

Result<SetupOutcome> undo_setup(PGconn* raw, std::string_view role) {
  if (auto fine = check_role(role); !fine) return std::unexpected(fine.error());
  Connection connection(raw);
  if (auto set = connection.run(std::string(kSessionSettings)); !set) return std::unexpected(set.error());
  auto facts = read_setup_facts(raw, role);
  if (!facts) return std::unexpected(facts.error());
  if (facts->standby || (facts->schema_exists && !facts->stamp.starts_with(kStampPrefix)))
    return std::unexpected(check_ground(*facts).error());
  SetupOutcome outcome;
  const bool objects =
      facts->schema_exists || !facts->publication_rows.empty() || !facts->publication_inserts.empty();
  const bool login = !role.empty() && facts->role_exists;
  if (!objects && !login) return outcome;
  if (auto undone = connection.run_as_one(undo_sql(role)); !undone) return std::unexpected(undone.error());
  if (objects) outcome.done.emplace_back("schema pgweir, its event triggers and publications dropped");
  outcome.warnings = connection.take_warnings();
  auto after = read_setup_facts(raw, role);
  if (!after) return std::unexpected(after.error());
  if (login && !after->role_exists) outcome.done.push_back(fmt::format("role {} dropped", role));
  if (login && after->role_exists && outcome.warnings.empty())
    outcome.warnings.push_back(fmt::format("role {} was there before and stays as it is", role));
  return outcome;
}

}  // namespace pgweir::sync
