#include "warm/replay.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "query/settings_list.h"
#include "warm/messages.h"

namespace pgweir::warm {
namespace {

using base::ErrorCode;

constexpr base::Nanos kConnectTimeout = 10 * base::kSecond;
// pgweir itself may have to read a catalog first.
constexpr base::Nanos kQuestionTimeout = 30 * base::kSecond;
// PostgreSQL ends a statement before.
constexpr base::Nanos kStatementTimeout = 90 * base::kSecond;
// Read-only: whatever a text may come to mean, it changes nothing. Of the rest only the first has anything to
// do with replies: pgweir tells what became of each statement. None of them is in a key.
constexpr const char* kPrelude =
    "SET default_transaction_read_only = on; SET pgweir.explain = on; SET lock_timeout = '1s'; "
    "SET statement_timeout = '60s'; SET application_name = 'pgweir warm'";

// As a constant, whatever standard_conforming_strings says.
std::string literal(std::string_view text) {
  std::string out = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  return out + "'";
}

using Settings = std::map<std::string, std::optional<std::string>>;

Settings settings_of(std::string_view digest) {
  Settings settings;
  for (query::SettingValue& one : query::settings_in(digest))
    settings.insert_or_assign(std::move(one.name), std::move(one.value));
  return settings;
}

// An error says nothing against the session: it may be had later.
ErrorCode unless_told_to_stop(const base::Error& error) {
  return error.code == ErrorCode::kClosed ? ErrorCode::kClosed : ErrorCode::kUnavailable;
}

}  // namespace

std::string adopting_sql(std::string_view own, std::string_view wanted) {
  const Settings has = settings_of(own), wants = settings_of(wanted);
  std::string values, defaults;
  for (const auto& [name, value] : wants) {
    const auto known = has.find(name);
    if (known != has.end() && known->second == value) continue;
    values += (values.empty() ? "SELECT " : ", ") + std::string("pg_catalog.set_config(") + literal(name) +
              ", " + (value ? literal(*value) : "NULL") + ", false)";
  }
  for (const auto& [name, value] : has)
    if (!wants.contains(name)) defaults += (defaults.empty() ? "" : ", ") + literal(name);
  if (!defaults.empty())
    defaults =
        "SELECT pg_catalog.set_config(s.name, s.boot_val, false) FROM pg_catalog.pg_show_all_settings() s "
        "WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY[" +
        defaults + "])";
  return defaults + (defaults.empty() || values.empty() ? "" : "; ") + values;
}

Replay::~Replay() {
  if (!is_asking_) return;
  PGcancel* const cancel = PQgetCancel(connection_.raw());
  if (cancel == nullptr) return;
  std::array<char, 256> why{};
  PQcancel(cancel, why.data(), static_cast<int>(why.size()));
  PQfreeCancel(cancel);
}

base::Result<void> Replay::connect(const sync::Connection::Parameters& login) {
  sync::Connection::Parameters parameters = login;
  // After its login bytes pass between us and the socket, past libpq.
  parameters.emplace_back("sslmode", "disable");
  parameters.emplace_back("gssencmode", "disable");
  if (auto done = connection_.connect(parameters, kConnectTimeout); !done) return done;
  const auto prepared = connection_.query(kPrelude, kQuestionTimeout);
  if (!prepared) return base::fail(unless_told_to_stop(prepared.error()), prepared.error().message);
  return {};
}

base::Result<query::SessionSettings> Replay::settings() {
  const auto result = connection_.query(std::string(query::settings_probe_sql()), kQuestionTimeout);
  if (!result) return base::fail(unless_told_to_stop(result.error()), result.error().message);
  std::vector<std::optional<std::string_view>> columns;
  if (PQntuples(result->get()) != 1) return base::fail(ErrorCode::kUnavailable, "no row of settings");
  columns.reserve(static_cast<std::size_t>(PQnfields(result->get())));
  for (int i = 0; i < PQnfields(result->get()); ++i)
    columns.push_back(PQgetisnull(result->get(), 0, i) != 0 ? std::nullopt
                                                            : std::optional(sync::value_of(*result, i)));
  return query::parse_settings(columns);
}

base::Result<query::SessionSettings> Replay::adopt(const SessionState& wanted, std::string_view user) {
  auto own = settings();
  if (!own) return own;
  if (const std::string sql = adopting_sql(own->digest, wanted.settings); !sql.empty()) {
    if (const auto done = connection_.query(sql, kQuestionTimeout); !done)
      return base::fail(done.error().code, "a setting is refused");  // whose value is nobody's business
    own = settings();
    if (!own) return own;
  }
  const bool is_like = own->session_user == user && own->current_user == user &&
                       own->search_path == wanted.search_path && own->digest == wanted.settings;
  if (!is_like) return base::fail(ErrorCode::kInvalid, "settings or search path are others now");
  return own;
}

base::Result<Outcome> Replay::ask(const Statement& statement) {
  const base::Nanos deadline = clock_.now() + kStatementTimeout;
  base::Buffer messages;
  append_messages(messages, statement);
  is_asking_ = true;
  reader_.begin();
  if (auto sent = send(messages.view(), deadline); !sent) return std::unexpected(sent.error());
  auto outcome = hear(deadline);
  if (outcome) is_asking_ = false;
  if (outcome && reader_.is_shed()) return base::fail(ErrorCode::kLimit, "there is too much to do");
  return outcome;
}

base::Result<void> Replay::send(std::string_view bytes, base::Nanos deadline) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(connection_.socket(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto ready = wait(POLLOUT, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return base::fail(ErrorCode::kUnavailable, "the connection is lost");
    }
  }
  return {};
}

base::Result<Outcome> Replay::hear(base::Nanos deadline) {
  std::array<char, 32 * 1024> buffer;
  for (;;) {
    if (auto ready = wait(POLLIN, deadline); !ready) return std::unexpected(ready.error());
    const ssize_t n = ::recv(connection_.socket(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) continue;
    if (n <= 0) return base::fail(ErrorCode::kUnavailable, "the connection is lost");
    if (reader_.take({buffer.data(), static_cast<std::size_t>(n)})) return reader_.outcome();
    if (reader_.is_broken()) return base::fail(ErrorCode::kUnavailable, "what comes is no reply");
  }
}

base::Result<void> Replay::wait(short events, base::Nanos deadline) const {
  const base::Nanos left = deadline - clock_.now();
  if (left <= 0) return base::fail(ErrorCode::kUnavailable, "no answer in time");
  pollfd fds[2] = {{connection_.socket(), events, 0}, {stop_.descriptor(), POLLIN, 0}};
  const int ready = poll(fds, 2, static_cast<int>(left / base::kMillisecond + 1));
  if (ready < 0 && errno != EINTR) return base::fail(ErrorCode::kInternal, "poll failed");
  if (ready > 0 && fds[1].revents != 0) return base::fail(ErrorCode::kClosed, "told to stop");
  return {};
}

}  // namespace pgweir::warm
