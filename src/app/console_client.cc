#include "app/console_client.h"

#include "config/address.h"

namespace pgweir::app {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};

std::unexpected<ConsoleClient::Refusal> refuse(std::string code, std::string message) {
  while (message.ends_with('\n')) message.pop_back();
  return std::unexpected(ConsoleClient::Refusal{std::move(code), std::move(message)});
}

}  // namespace

std::expected<ConsoleClient, ConsoleClient::Refusal> ConsoleClient::connect(std::string_view text) {
  const auto address = config::parse_listen_address(text);
  if (!address) return refuse("", address.error().message);
  const std::string port = std::to_string(address->port);
  const char* const keywords[] = {"host", "port", "dbname", "user", "sslmode", "connect_timeout", nullptr};
  const char* const values[] = {
      address->host.c_str(), port.c_str(), "pgweir", "pgweir", "disable", "10", nullptr};
  ConsoleClient client;
  client.connection_.reset(PQconnectdbParams(keywords, values, 0));
  if (PQstatus(client.connection_.get()) != CONNECTION_OK)
    return refuse("", PQerrorMessage(client.connection_.get()));
  return client;
}

std::expected<ConsoleClient::Row, ConsoleClient::Refusal> ConsoleClient::ask(const char* command) const {
  const std::unique_ptr<PGresult, Clear> result(PQexec(connection_.get(), command));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const char* const code = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return refuse(code != nullptr ? code : "", PQerrorMessage(connection_.get()));
  }
  Row row;
  for (int i = 0; PQntuples(result.get()) == 1 && i < PQnfields(result.get()); ++i)
    row.emplace(PQfname(result.get(), i), PQgetvalue(result.get(), 0, i));
  return row;
}

}  // namespace pgweir::app
