#include "copy_stream.h"

namespace shop {

namespace {
constexpr std::size_t kPieceBytes = 256 * 1024;
}

Result<CopyStream> CopyStream::open(Database& database, const std::string& table) {
  auto started = database.run_sql("COPY " + table + " FROM STDIN");
  if (!started) return std::unexpected(started.error());
  return CopyStream(database);
}

Result<void> CopyStream::flush_if_large() { return buffer_.size() < kPieceBytes ? Result<void>() : flush(); }

Result<void> CopyStream::flush() {
  const int sent = PQputCopyData(database_->raw(), buffer_.data(), static_cast<int>(buffer_.size()));
  buffer_.clear();
  if (sent != 1) return fail(503, PQerrorMessage(database_->raw()));
  return {};
}

Result<void> CopyStream::finish() {
  if (auto flushed = flush(); !flushed) return flushed;
  if (PQputCopyEnd(database_->raw(), nullptr) != 1) return fail(503, PQerrorMessage(database_->raw()));
  Result<void> outcome;
  while (PGresult* result = PQgetResult(database_->raw())) {
    const Rows owned(result);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) outcome = fail(500, PQresultErrorMessage(result));
  }
  return outcome;
}

}  // namespace shop
