#include "app/explain_session.h"

#include <string_view>
#include <utility>
#include <vector>

namespace pgweir::app {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, Clear>;
using Row = std::vector<std::optional<std::string_view>>;

Result<Answer> ask(PGconn* connection, std::string_view sql) {
  Answer answer(PQexec(connection, std::string(sql).c_str()));
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
  std::string message = PQerrorMessage(connection);
  while (message.ends_with('\n')) message.pop_back();
  return fail(ErrorCode::kUnavailable, std::move(message));
}

Row row_of(const PGresult* result, int row) {
  Row columns;
  for (int column = 0; column < PQnfields(result); ++column) {
    const char* const value = PQgetvalue(result, row, column);
    const auto size = static_cast<std::size_t>(PQgetlength(result, row, column));
    columns.push_back(PQgetisnull(result, row, column) != 0 ? std::nullopt
                                                            : std::optional(std::string_view(value, size)));
  }
  return columns;
}

Result<query::SessionSettings> read_settings(PGconn* connection) {
  const auto answer = ask(connection, query::settings_probe_sql());
  if (!answer) return std::unexpected(answer.error());
  if (PQntuples(answer->get()) != 1) return fail(ErrorCode::kInvalid, "no row of settings");
  return query::parse_settings(row_of(answer->get(), 0));
}

Result<std::shared_ptr<const query::Catalog>> read_catalog(PGconn* connection) {
  const auto begun =
      ask(connection,
          "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; "
          "SET LOCAL client_encoding = 'UTF8'; SET LOCAL statement_timeout = '30s'; SET LOCAL jit = off");
  if (!begun) return std::unexpected(begun.error());
  query::CatalogBuilder builder(1);
  const auto queries = query::catalog_queries();
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto answer = ask(connection, queries[i]);
    if (!answer) return std::unexpected(answer.error());
    for (int row = 0; row < PQntuples(answer->get()); ++row) builder.row(i, row_of(answer->get(), row));
  }
  if (const auto ended = ask(connection, "COMMIT"); !ended) return std::unexpected(ended.error());
  return builder.finish();
}

// Of a login that is not known only what the database itself has can be judged.
void trust_login(sync::SetupFacts& facts) {
  facts.role.clear();
  facts.role_exists = facts.role_logs_in = facts.role_replicates = facts.role_connects = facts.role_mends =
      true;
}

}  // namespace

Result<ExplainSession> read_explain_session(PGconn* connection, const std::string& follower) {
  auto settings = read_settings(connection);
  if (!settings) return std::unexpected(settings.error());
  auto catalog = read_catalog(connection);
  if (!catalog) return std::unexpected(catalog.error());
  auto facts = sync::read_setup_facts(connection, follower);
  if (!facts) return std::unexpected(facts.error());
  const bool follows = !follower.empty();
  if (!follows) trust_login(*facts);
  return ExplainSession{.database = PQdb(connection),
                        .settings = std::move(*settings),
                        .catalog = std::move(*catalog),
                        .setup = sync::judge_setup(*facts),
                        .follows = follows};
}

}  // namespace pgweir::app
