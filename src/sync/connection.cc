#include "sync/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace pgweir::sync {
namespace {

using base::ErrorCode;

std::string one_line(std::string_view text) {
  std::string out(text.substr(0, text.find_last_not_of(" \r\n") + 1));
  std::ranges::replace(out, '\n', ' ');
  return out;
}

}  // namespace

Wakeup::Wakeup() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(descriptor_ >= 0); }
Wakeup::~Wakeup() { ::close(descriptor_); }

void Wakeup::wake() const {
  // Fails only if the counter is full: then it is awake.
  [[maybe_unused]] const int result = eventfd_write(descriptor_, 1);
}

void Wakeup::drain() const {
  eventfd_t value = 0;
  [[maybe_unused]] const int result = eventfd_read(descriptor_, &value);
}

void ResultDeleter::operator()(pg_result* result) const { PQclear(result); }

std::string_view value_of(const PgResult& result, int column) {
  if (PQntuples(result.get()) < 1 || column >= PQnfields(result.get())) return {};
  return {PQgetvalue(result.get(), 0, column),
          static_cast<std::size_t>(PQgetlength(result.get(), 0, column))};
}

Connection::~Connection() { PQfinish(connection_); }

void Connection::close(base::Nanos timeout) {
  const int server = dup(socket());
  PQfinish(std::exchange(connection_, nullptr));
  if (server < 0) return;
  const base::Nanos deadline = clock_.now() + timeout;
  pollfd fd{server, POLLIN, 0};
  char unread[4096];
  for (base::Nanos left = timeout; left > 0; left = deadline - clock_.now())
    if (poll(&fd, 1, static_cast<int>(left / base::kMillisecond + 1)) > 0 &&
        read(server, unread, sizeof unread) <= 0)
      break;
  ::close(server);
}

int Connection::socket() const { return PQsocket(connection_); }

std::string Connection::error() const { return one_line(PQerrorMessage(connection_)); }

base::Result<void> Connection::wait(short events, base::Nanos deadline) const {
  for (;;) {
    const base::Nanos left = deadline - clock_.now();
    if (left <= 0) return base::fail(ErrorCode::kUnavailable, "no answer in time");
    pollfd fds[2] = {{socket(), events, 0}, {stop_.descriptor(), POLLIN, 0}};
    const int ready =
        poll(fds, 2, static_cast<int>(std::min<base::Nanos>(left / base::kMillisecond + 1, 60'000)));
    if (ready < 0 && errno != EINTR) return base::fail(ErrorCode::kInternal, "poll failed");
    if (ready > 0 && fds[1].revents != 0) return base::fail(ErrorCode::kClosed, "told to stop");
    if (ready > 0) return {};
  }
}

base::Result<void> Connection::connect(const Parameters& parameters, base::Nanos timeout) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PQfinish(connection_);
  connection_ = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (connection_ == nullptr) return base::fail(ErrorCode::kInternal, "out of memory");
  const base::Nanos deadline = clock_.now() + timeout;
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (PQstatus(connection_) != CONNECTION_BAD && status != PGRES_POLLING_OK) {
    if (const auto ready = wait(status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline); !ready)
      return std::unexpected(ready.error());
    status = PQconnectPoll(connection_);
    if (status == PGRES_POLLING_FAILED) break;
  }
  if (PQstatus(connection_) != CONNECTION_OK) return base::fail(ErrorCode::kUnavailable, error());
  PQsetnonblocking(connection_, 1);
  // Notices are for those who read a terminal.
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  return {};
}

base::Result<void> Connection::flush(base::Nanos deadline) const {
  for (;;) {
    const int left = PQflush(connection_);
    if (left < 0) return base::fail(ErrorCode::kUnavailable, error());
    if (left == 0) return {};
    if (const auto ready = wait(POLLIN | POLLOUT, deadline); !ready) return ready;
    if (PQconsumeInput(connection_) == 0) return base::fail(ErrorCode::kUnavailable, error());
  }
}

base::Result<PgResult> Connection::query(const std::string& sql, base::Nanos timeout) {
  const base::Nanos deadline = clock_.now() + timeout;
  if (PQsendQuery(connection_, sql.c_str()) == 0) return base::fail(ErrorCode::kUnavailable, error());
  if (const auto sent = flush(deadline); !sent) return std::unexpected(sent.error());
  PgResult last;
  for (;;) {
    while (PQisBusy(connection_) != 0) {
      if (const auto ready = wait(POLLIN, deadline); !ready) return std::unexpected(ready.error());
      if (PQconsumeInput(connection_) == 0) return base::fail(ErrorCode::kUnavailable, error());
    }
    PgResult next(PQgetResult(connection_));
    if (!next) break;
    last = std::move(next);
    const ExecStatusType status = PQresultStatus(last.get());
    if (status == PGRES_COPY_BOTH) break;
    if (status == PGRES_FATAL_ERROR) {
      std::string message = one_line(PQresultErrorMessage(last.get()));
      return base::fail(
          PQstatus(connection_) == CONNECTION_OK ? ErrorCode::kInvalid : ErrorCode::kUnavailable,
          std::move(message));
    }
  }
  if (!last) return base::fail(ErrorCode::kUnavailable, "the connection was closed");
  return last;
}

}  // namespace pgweir::sync
