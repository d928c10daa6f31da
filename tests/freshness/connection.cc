#include "connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>

namespace pgweir::freshness {
namespace {

// Calls put(name) for each {name} of the values, and copies the rest.
template <class Put>
std::string substitute(const std::string& text, const Statement& statement, Put put) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto found = std::ranges::find_if(statement.values, [&](const auto& value) {
      return text.compare(at, value.first.size() + 2, "{" + value.first + "}") == 0;
    });
    if (found == statement.values.end()) {
      out += text[at++];
    } else {
      out += put(*found);
      at += found->first.size() + 2;
    }
  }
  return out;
}

std::string text_of(const PGresult* result, int row, int column) {
  const char* raw = PQgetvalue(result, row, column);
  const int bytes = PQgetlength(result, row, column);
  if (PQfformat(result, column) == 0) return {raw, static_cast<std::size_t>(bytes)};
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(raw[i]);
  return std::to_string(bytes == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value));
}

const char* or_empty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

std::string Statement::with_literals() const {
  return substitute(text, *this, [](const auto& value) { return std::to_string(value.second); });
}

std::string_view name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kSimple:
      return "simple";
    case Protocol::kParameters:
      return "parameters";
    case Protocol::kPrepared:
      return "prepared";
    case Protocol::kBinary:
      return "binary";
  }
  return "unknown";
}

std::string show(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    out += out.empty() ? "(" : ", (";
    for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : ", ") + row[i].value_or("NULL");
    out += ")";
  }
  return out.empty() ? "no row" : out;
}

Connection::Connection(const std::string& options)
    : connection_(PQconnectdb(options.c_str()), &PQfinish), cancel_(nullptr) {
  if (!is_open()) return;
  backend_ = PQbackendPID(connection_.get());
  cancel_ = {PQgetCancel(connection_.get()), &PQfreeCancel};
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

Connection::Parameters Connection::with_parameters(const Statement& statement) {
  Parameters parameters;
  std::vector<std::string> names;
  parameters.text = substitute(statement.text, statement, [&](const auto& value) {
    const auto known = std::ranges::find(names, value.first);
    const auto number = static_cast<std::size_t>(known - names.begin());
    if (known == names.end()) {
      names.push_back(value.first);
      parameters.values.push_back(std::to_string(value.second));
    }
    return "$" + std::to_string(number + 1);
  });
  for (const std::string& value : parameters.values) parameters.pointers.push_back(value.c_str());
  return parameters;
}

bool Connection::send(const Statement& statement, Protocol protocol) {
  PGconn* const connection = connection_.get();
  if (protocol == Protocol::kSimple) return PQsendQuery(connection, statement.with_literals().c_str()) == 1;
  const Parameters parameters = with_parameters(statement);
  if (protocol == Protocol::kPrepared) return send_prepared(parameters);
  return PQsendQueryParams(connection, parameters.text.c_str(), static_cast<int>(parameters.values.size()),
                           nullptr, parameters.pointers.data(), nullptr, nullptr,
                           protocol == Protocol::kBinary ? 1 : 0) == 1;
}

bool Connection::send_prepared(const Parameters& parameters) {
  PGconn* const connection = connection_.get();
  auto known = prepared_.find(parameters.text);
  if (known == prepared_.end()) {
    const std::string statement = "p" + std::to_string(prepared_.size());
    PGresult* result = PQprepare(connection, statement.c_str(), parameters.text.c_str(), 0, nullptr);
    const bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!done)  // the same error again, by a way that reports it
      return PQsendQueryParams(connection, parameters.text.c_str(),
                               static_cast<int>(parameters.values.size()), nullptr,
                               parameters.pointers.data(), nullptr, nullptr, 0) == 1;
    known = prepared_.emplace(parameters.text, statement).first;
  }
  return PQsendQueryPrepared(connection, known->second.c_str(), static_cast<int>(parameters.values.size()),
                             parameters.pointers.data(), nullptr, nullptr, 0) == 1;
}

Reply Connection::failed() const {
  Reply reply;
  reply.status = is_open() ? Reply::Status::kRefused : Reply::Status::kLost;
  reply.message = or_empty(PQerrorMessage(connection_.get()));
  return reply;
}

Reply Connection::run(const Statement& statement, Protocol protocol) {
  if (!is_open() || !send(statement, protocol)) return failed();
  Reply reply;
  const std::string data = substitute(statement.copy_data, statement,
                                      [](const auto& value) { return std::to_string(value.second); });
  collect(reply, data);
  if (!is_open()) reply.status = Reply::Status::kLost;
  return reply;
}

void Connection::collect(Reply& reply, const std::string& copy_data) {
  while (PGresult* result = PQgetResult(connection_.get())) {
    const ExecStatusType status = PQresultStatus(result);
    take(result, reply);
    if (status == PGRES_COPY_IN) copy_in(copy_data);
    if (status == PGRES_COPY_OUT) drain_copy();
    if (!is_open() && (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)) return;
  }
}

// Takes over the result.
void Connection::take(PGresult* result, Reply& reply) {
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_FATAL_ERROR) {
    reply.status = Reply::Status::kRefused;
    reply.code = or_empty(PQresultErrorField(result, PG_DIAG_SQLSTATE));
    reply.message = or_empty(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  } else if (status == PGRES_PIPELINE_ABORTED) {
    reply.status = Reply::Status::kRefused;
  } else {
    reply.tag = PQcmdStatus(result);
  }
  if (status == PGRES_TUPLES_OK) {
    reply.rows.clear();
    for (int row = 0; row < PQntuples(result); ++row) {
      Row& out = reply.rows.emplace_back();
      for (int column = 0; column < PQnfields(result); ++column) {
        const bool is_null = PQgetisnull(result, row, column) == 1;
        out.push_back(is_null ? std::nullopt : std::optional(text_of(result, row, column)));
      }
    }
  }
  PQclear(result);
}

void Connection::copy_in(const std::string& data) {
  PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size()));
  PQputCopyEnd(connection_.get(), nullptr);
}

void Connection::drain_copy() {
  char* line = nullptr;
  while (PQgetCopyData(connection_.get(), &line, 0) > 0) PQfreemem(line);
}

std::vector<Reply> Connection::pipeline(std::span<const Statement> statements, bool sync_each) {
  std::vector<Reply> replies(statements.size());
  PGconn* const connection = connection_.get();
  bool sent = is_open() && PQenterPipelineMode(connection) == 1;
  for (std::size_t i = 0; sent && i < statements.size(); ++i) {
    sent = send(statements[i], Protocol::kParameters);
    if (sent && (sync_each || i + 1 == statements.size())) sent = PQpipelineSync(connection) == 1;
  }
  for (std::size_t i = 0; sent && i < statements.size(); ++i) {
    collect(replies[i], {});
    if (!sync_each && i + 1 < statements.size()) continue;
    PGresult* sync = PQgetResult(connection);
    sent = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
  }
  // Without the last Sync's reply nothing is known to be committed.
  if (!sent || !is_open() || PQexitPipelineMode(connection) != 1) {
    close();
    for (Reply& reply : replies) reply.status = Reply::Status::kLost;
  }
  return replies;
}

void Connection::run_and_vanish(const std::string& text, bool politely) {
  if (is_open() && PQsendQuery(connection_.get(), text.c_str()) == 1) {
    PQflush(connection_.get());
    if (!politely) ::shutdown(PQsocket(connection_.get()), SHUT_RDWR);
  }
  close();
}

}  // namespace pgweir::freshness
