#include "proxy/injected.h"

#include <fmt/format.h>

#include <charconv>

#include "base/log.h"
#include "wire/backend.h"

namespace pgweir::proxy {
namespace {

// BEGIN and SET LOCAL; then the fingerprint, then the catalog's queries.
constexpr std::size_t kCatalogPreludeStatements = 7;

// For queries that read whole catalogs: large ones, or settings of the session, may make PostgreSQL think
// that they are worth compiling, which takes half a minute.
constexpr std::string_view kUncompiled = "SET LOCAL jit = off; ";
// The client waits for us, and we would for a table that DDL has locked (pg_get_viewdef), or for a catalog.
constexpr std::string_view kImpatient =
    "SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = '10s'; ";

std::string fingerprint_query() {
  std::string union_of_all;
  // What the snapshot is made from, and what only replies show: privileges, labels of enums, what text
  // search makes of a word. Entries are kept as long as none of it has changed.
  for (const std::string_view table : {"pg_class",         "pg_proc",
                                       "pg_type",          "pg_operator",
                                       "pg_cast",          "pg_trigger",
                                       "pg_rewrite",       "pg_constraint",
                                       "pg_policy",        "pg_attrdef",
                                       "pg_namespace",     "pg_language",
                                       "pg_aggregate",     "pg_inherits",
                                       "pg_index",         "pg_range",
                                       "pg_conversion",    "pg_opclass",
                                       "pg_opfamily",      "pg_collation",
                                       "pg_attribute",     "pg_enum",
                                       "pg_amop",          "pg_amproc",
                                       "pg_auth_members",  "pg_event_trigger",
                                       "pg_database",      "pg_db_role_setting",
                                       "pg_publication",   "pg_publication_rel",
                                       "pg_ts_config",     "pg_ts_config_map",
                                       "pg_ts_dict",       "pg_ts_parser",
                                       "pg_ts_template",   "pg_foreign_table",
                                       "pg_foreign_server"}) {
    // The sum over (xmin, ctid) tells any row that came, went or changed.
    // Every name and operator is qualified: it runs under the session's search_path.
    union_of_all += fmt::format(
        "SELECT pg_catalog.count(*) AS n, pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat("
        "t.xmin, t.ctid), 0)::pg_catalog.numeric) AS s FROM pg_catalog.{} t UNION ALL ",
        table);
  }
  // pg_authid is not for everyone's eyes.
  union_of_all +=
      "SELECT pg_catalog.count(*), pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(r.oid, "
      "r.rolname, r.rolsuper, r.rolinherit, r.rolbypassrls), 0)::pg_catalog.numeric) "
      "FROM pg_catalog.pg_roles r";
  return "SELECT pg_catalog.string_agg(pg_catalog.concat(x.n, ':', x.s), ' ') FROM (" + union_of_all + ") x";
}

std::unexpected<base::Error> refused(std::string_view error_body) {
  return base::fail(base::ErrorCode::kUnavailable,
                    std::string(wire::error_field(error_body, 'M').value_or("error")));
}

}  // namespace

void SettingsProbe::on_message(char type, std::string_view body) {
  if (type == 'E') {
    result_ = refused(body);
  } else if (type == 'D') {
    const auto columns = wire::parse_data_row(body);
    result_ = columns ? query::parse_settings(*columns) : std::unexpected(columns.error());
  }
}

void SettingsProbe::on_ready(char) { done_(std::move(result_)); }

FingerprintCheck::FingerprintCheck(std::shared_ptr<DatabaseCatalog> database,
                                   DatabaseCatalog::LoadTicket ticket, std::string expected,
                                   const base::Clock& clock, Done done)
    : database_(std::move(database)),
      ticket_(ticket),
      expected_(std::move(expected)),
      clock_(clock),
      done_(std::move(done)) {}

FingerprintCheck::~FingerprintCheck() {
  if (!ended_) database_->give_up(clock_.now());
}

std::string_view FingerprintCheck::sql() {
  static const std::string text = fmt::format("{}{}{}", kImpatient, kUncompiled, fingerprint_query());
  return text;
}

void FingerprintCheck::on_message(char type, std::string_view body) {
  if (type != 'D') return;
  const auto columns = wire::parse_data_row(body);
  if (columns && columns->size() == 1 && (*columns)[0]) found_ = *(*columns)[0];
}

void FingerprintCheck::not_sent() {
  ended_ = true;
  database_->give_back();
}

void FingerprintCheck::on_ready(char) {
  ended_ = true;
  const bool same = !found_.empty() && found_ == expected_;
  if (same) database_->confirm(ticket_, clock_.now());
  done_(same);
}

CatalogLoad::CatalogLoad(std::shared_ptr<DatabaseCatalog> database, DatabaseCatalog::LoadTicket ticket,
                         const base::Clock& clock, Done done)
    : database_(std::move(database)),
      ticket_(ticket),
      clock_(clock),
      done_(std::move(done)),
      builder_(ticket.version) {}

CatalogLoad::~CatalogLoad() {
  if (!ended_) database_->give_up(clock_.now());
}

const std::string& CatalogLoad::sql() {
  static const std::string text = [] {
    std::string out =
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; "
        "SET LOCAL client_encoding = 'UTF8'; "
        // It has a transaction id, and must not wait for a standby on that account.
        "SET LOCAL synchronous_commit = off; ";
    out += kImpatient;
    out += kUncompiled;
    out += "\nSELECT (";
    out += fingerprint_query();
    // Its own id is above those of all transactions that are open, some of which the snapshot does not list.
    out +=
        "), CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_snapshot_xmax("
        "pg_catalog.pg_current_snapshot()) ELSE pg_catalog.pg_current_xact_id() END";
    for (const std::string_view query : query::catalog_queries()) {
      out += ";\n";
      out += query;
    }
    return out + ";\nCOMMIT";
  }();
  return text;
}

void CatalogLoad::on_message(char type, std::string_view body) {
  if (type == 'C') {
    ++completed_;
  } else if (type == 'E') {
    failed_ = true;
    spdlog::warn("cannot read the catalog of database {}: {}", database_->name(),
                 wire::error_field(body, 'M').value_or("error"));
  } else if (type == 'D' && completed_ >= kCatalogPreludeStatements) {
    const auto columns = wire::parse_data_row(body);
    if (!columns) {
      failed_ = true;
    } else if (completed_ == kCatalogPreludeStatements) {
      if (columns->size() == 2 && (*columns)[0] && (*columns)[1]) {
        fingerprint_ = *(*columns)[0];
        const std::string_view xmax = *(*columns)[1];
        std::from_chars(xmax.data(), xmax.data() + xmax.size(), next_xid_);
      }
    } else {
      builder_.row(completed_ - kCatalogPreludeStatements - 1, *columns);
    }
  }
}

void CatalogLoad::not_sent() {
  ended_ = true;
  database_->give_back();
}

void CatalogLoad::on_ready(char transaction_status) {
  ended_ = true;
  if (failed_) {
    database_->give_up(clock_.now());
    return done_(transaction_status != 'I');
  }
  auto catalog = builder_.finish();
  if (catalog) {
    database_->publish(ticket_, {std::move(*catalog), std::move(fingerprint_), next_xid_}, clock_.now());
  } else {
    spdlog::warn("cannot use the catalog of database {}: {}", database_->name(), catalog.error().message);
    database_->give_up(clock_.now());
  }
  done_(transaction_status != 'I');
}

std::string_view StatementsCheck::sql() {
  return "SELECT name, statement FROM pg_catalog.pg_prepared_statements";
}

void StatementsCheck::on_message(char type, std::string_view body) {
  if (type == 'E') {
    result_ = refused(body);
  } else if (type == 'D' && result_) {
    const auto columns = wire::parse_data_row(body);
    if (columns && columns->size() == 2 && (*columns)[0] && (*columns)[1])
      result_->emplace(*(*columns)[0], *(*columns)[1]);
  }
}

void StatementsCheck::on_ready(char) { done_(std::move(result_)); }

}  // namespace pgweir::proxy
