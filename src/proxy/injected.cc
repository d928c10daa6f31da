#include "proxy/injected.h"

#include "base/log.h"
#include "wire/backend.h"

namespace pgweir::proxy {
namespace {

constexpr std::size_t kCatalogPreludeStatements = 5;

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
        // pg_get_viewdef waits for a table that DDL has locked, and the client waits for us.
        "SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '30s'";
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
    if (columns) {
      builder_.row(completed_ - kCatalogPreludeStatements, *columns);
    } else {
      failed_ = true;
    }
  }
}

void CatalogLoad::on_ready(char transaction_status) {
  ended_ = true;
  if (failed_) {
    database_->give_up(clock_.now());
    return done_(transaction_status != 'I');
  }
  auto catalog = builder_.finish();
  if (catalog) {
    database_->publish(ticket_, std::move(*catalog), clock_.now());
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
