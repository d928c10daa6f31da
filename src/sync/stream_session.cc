#include "sync/stream_session.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace pgweir::sync {
namespace {

constexpr std::size_t kFramesAtOnce = 1024;
constexpr base::Nanos kConfirmInterval = base::kSecond;
constexpr std::int64_t kMicrosFrom1970To2000 = 946'684'800'000'000;

// Sums over (xmin, ctid) tell any row that came, went or changed; pg_authid is not for everyone's eyes.
// Of owners, which REASSIGN OWNED changes and no event trigger tells, there are as many as tables. So those
// are counted, and their xmin added up, which costs less; and only if that differs from the last time, again
// without temporary tables, which come and go.
constexpr const char* kBeat = R"(
SELECT pg_catalog.pg_logical_emit_message(true, '{0}', '{1}:{2}'),
  (SELECT pg_catalog.string_agg(x.h::text, ' ') FROM (
    SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(r.oid, r.rolname, r.rolsuper, r.rolinherit,
      r.rolbypassrls, r.rolcanlogin, r.rolreplication, r.rolcreaterole), 0)::numeric) AS h FROM pg_catalog.pg_roles r
    UNION ALL SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(t.xmin, t.ctid), 0)::numeric)
      FROM pg_catalog.pg_auth_members t
    UNION ALL SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(t.oid, t.datname, t.datdba, t.datacl), 0)::numeric)
      FROM pg_catalog.pg_database t
    UNION ALL SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(t.xmin, t.ctid), 0)::numeric)
      FROM pg_catalog.pg_event_trigger t
    UNION ALL SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(t.xmin, t.ctid), 0)::numeric)
      FROM pg_catalog.pg_publication t
    UNION ALL SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(t.xmin, t.ctid), 0)::numeric)
      FROM pg_catalog.pg_publication_rel t) x),
  pg_catalog.concat(pg_catalog.pg_conf_load_time(), ' ',
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(t.xmin, t.ctid), 0)::numeric)
      FROM pg_catalog.pg_db_role_setting t)),
  EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtname LIKE 'pgweir%')
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtname LIKE 'pgweir%' AND evtenabled <> 'A')
    AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_publication WHERE pubname IN ('pgweir_rows', 'pgweir_inserts')) = 2,
  pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn,
  pg_catalog.pg_current_snapshot(),
  pg_catalog.pg_current_xact_id(),
  o.rough,
  CASE WHEN o.rough <> '{3}' THEN (SELECT {4} FROM {5} AND (t.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
    OR t.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.objid AND c.relpersistence <> 't'))) END
FROM (SELECT {4} AS rough FROM {5}) o)";
// An age is that of xmin below the next transaction id; of what is older than all it is the largest number.
constexpr const char* kOwnersSum =
    "pg_catalog.concat(pg_catalog.count(*), ' ', pg_catalog.sum((pg_catalog.age('3'::pg_catalog.xid)::bigint "
    "- "
    "NULLIF(pg_catalog.age(t.xmin), 2147483647)) & 4294967295))";
constexpr const char* kOwnersOfDatabase =
    "pg_catalog.pg_shdepend t WHERE t.deptype = 'o' AND t.dbid = (SELECT d.oid FROM pg_catalog.pg_database d "
    "WHERE d.datname = pg_catalog.current_database())";

struct FreeCopyData {
  void operator()(char* data) const { PQfreemem(data); }
};

base::Result<void> lost(const Connection& connection) {
  return base::fail(base::ErrorCode::kUnavailable, connection.error());
}

// What a permanent slot goes on from has no snapshot to compare with: it must have moved here.
std::function<void()> on_definitions(const FollowerActions& actions, DatabaseSlots slots, bool moves_all) {
  if (!moves_all) return actions.definitions_changed;
  return [slots, changed = actions.definitions_changed] {
    slots.generations().bump(slots.everything());
    changed();
  };
}

std::uint64_t to_number(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9') value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

}  // namespace

StreamSession::StreamSession(const FollowerConfig& config, const FollowerActions& actions,
                             DatabaseSlots slots, Connection& sql, Connection& stream, Barriers& barriers,
                             Freshness& freshness, KeptSlot& kept, bool goes_on, const base::Clock& clock)
    : clock_(clock),
      sql_(sql),
      stream_(stream),
      freshness_(freshness),
      kept_(kept),
      goes_on_(goes_on),
      heartbeat_name_(fmt::format("{:x}", static_cast<std::uint64_t>(clock.wall()))),
      slots_(slots, actions.catalog),
      applier_(slots_, on_definitions(actions, slots, kept.is_wanted()), heartbeat_name_),
      pulse_({.lag_max = config.pulse.lag_max, .goes_on = goes_on}, applier_, barriers, freshness,
             {.polled_first =
                  [definitions = actions.definitions_changed, settings = actions.settings_changed] {
                    definitions();
                    settings();
                  },
              // Roles are not in the catalog's snapshot, so nothing else would drop what they may see.
              .definitions_changed = on_definitions(actions, slots, true),
              .settings_changed = actions.settings_changed,
              .ended_below = actions.ended_below}) {}

base::Result<void> StreamSession::run(const Wakeup& stop, const Wakeup& work,
                                      const std::function<bool()>& wanted) {
  while (wanted()) {
    if (const auto done = ask(); !done) return done;
    if (const auto done = confirm(false); !done) return done;
    if (const auto done = wait(stop, work); !done) return done;
    if (const auto done = read_stream(); !done) return done;
    if (const auto done = read_answer(); !done) return done;
    pulse_.advance(seen_ > applier_.position() ? seen_ - applier_.position() : 0);
    freshness_.count(applier_.stats().transactions - counted_.transactions,
                     applier_.stats().changes - counted_.changes);
    counted_ = applier_.stats();
    if (const auto done = pulse_.check(clock_.now()); !done) return done;
  }
  return base::fail(base::ErrorCode::kClosed, "not needed now");
}

base::Result<void> StreamSession::wait(const Wakeup& stop, const Wakeup& work) {
  const base::Nanos left = more_to_read_ ? 0 : std::max<base::Nanos>(pulse_.due_at() - clock_.now(), 0);
  const timespec timeout{left / base::kSecond, left % base::kSecond};
  const short writes = waits_to_write_ ? POLLOUT : 0;
  pollfd fds[] = {{stream_.socket(), static_cast<short>(POLLIN | writes), 0},
                  {sql_.socket(), static_cast<short>(POLLIN | writes), 0},
                  {stop.descriptor(), POLLIN, 0},
                  {work.descriptor(), POLLIN, 0}};
  ppoll(fds, std::size(fds), &timeout, nullptr);
  if (fds[2].revents != 0) return base::fail(base::ErrorCode::kClosed, "told to stop");
  if (fds[3].revents != 0) work.drain();
  return {};
}

base::Result<void> StreamSession::read_stream() {
  if (PQconsumeInput(stream_.raw()) == 0) return lost(stream_);
  for (std::size_t i = 0; i < kFramesAtOnce; ++i) {
    char* data = nullptr;
    const int size = PQgetCopyData(stream_.raw(), &data, 1);
    const std::unique_ptr<char, FreeCopyData> owned(data);
    if (size == 0) {
      more_to_read_ = false;
      return {};
    }
    if (size < 0) {
      // The end of the copy, or an error: the reason comes as a result.
      const PgResult last(PQgetResult(stream_.raw()));
      return base::fail(base::ErrorCode::kUnavailable, "the change stream has ended: " + stream_.error());
    }
    if (auto done = on_frame({data, static_cast<std::size_t>(size)}); !done) return done;
  }
  more_to_read_ = true;
  return {};
}

base::Result<void> StreamSession::on_frame(std::string_view bytes) {
  const auto frame = parse_stream_frame(bytes);
  if (!frame) return base::fail(base::ErrorCode::kUnavailable, frame.error().message);
  if (const auto* data = std::get_if<StreamData>(&*frame)) {
    seen_ = std::max(seen_, data->start);
    auto applied = applier_.apply(data->payload);
    if (applied) return {};
    kept_.forget();  // it would come again
    return base::fail(base::ErrorCode::kUnavailable, std::move(applied.error().message));
  }
  const auto& keep_alive = std::get<KeepAlive>(*frame);
  sent_up_to_ = std::max(sent_up_to_, keep_alive.sent_up_to);
  return keep_alive.reply_wanted ? confirm(true) : base::Result<void>{};
}

base::Result<void> StreamSession::ask() {
  if (asked_ != Question::kNone) return {};
  asked_ = pulse_.next(clock_.now());
  if (asked_ == Question::kNone) return {};
  std::string sql = "SELECT pg_catalog.pg_current_snapshot()";
  if (asked_ == Question::kBeat)
    sql = fmt::format(fmt::runtime(kBeat), Applier::kHeartbeatPrefix, heartbeat_name_, pulse_.beat(),
                      owners_rough_, kOwnersSum, kOwnersOfDatabase);
  if (asked_ == Question::kMend) sql = "SELECT pgweir.mend()";
  if (PQsendQuery(sql_.raw(), sql.c_str()) == 0) return lost(sql_);
  waits_to_write_ = PQflush(sql_.raw()) == 1;
  return {};
}

base::Result<void> StreamSession::read_answer() {
  if (PQconsumeInput(sql_.raw()) == 0) return lost(sql_);
  if (waits_to_write_) waits_to_write_ = PQflush(sql_.raw()) == 1 || PQflush(stream_.raw()) == 1;
  while (asked_ != Question::kNone && PQisBusy(sql_.raw()) == 0) {
    const PgResult result(PQgetResult(sql_.raw()));
    if (!result) {
      asked_ = Question::kNone;
    } else if (const auto done = on_answer(result); !done) {
      return done;
    }
  }
  return {};
}

base::Result<void> StreamSession::on_answer(const PgResult& result) {
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return lost(sql_);
  if (asked_ == Question::kMend) {
    pulse_.on_mend(to_number(value_of(result, 0)));
    return {};
  }
  const auto snapshot = Snapshot::parse(value_of(result, asked_ == Question::kBeat ? 5 : 0));
  if (!snapshot) return base::fail(base::ErrorCode::kUnavailable, snapshot.error().message);
  if (asked_ == Question::kBeat) {
    seen_ = std::max(seen_, to_number(value_of(result, 4)));
    if (owners_rough_ != value_of(result, 7)) owners_ = value_of(result, 8);
    owners_rough_ = value_of(result, 7);
    on_beat({.definitions = fmt::format("{} {}", value_of(result, 1), owners_),
             .settings = std::string(value_of(result, 2)),
             .complete = value_of(result, 3) == "t",
             .snapshot = *snapshot,
             .xid = to_number(value_of(result, 6))});
    return {};
  }
  pulse_.on_snapshot(*snapshot, clock_.now());
  return {};
}

// What is kept of it follows the generations, so that whoever is killed in between finds a difference.
void StreamSession::on_beat(Polled polled) {
  const std::string definitions = polled.definitions;
  const bool complete = polled.complete;
  if (goes_on_ && !std::exchange(has_polled_, true) && kept_.definitions_differ(definitions))
    slots_.slots().generations().bump(slots_.slots().everything());
  pulse_.on_beat(std::move(polled));
  kept_.set_definitions(definitions);
  if (!complete) return kept_.forget();
  if (applier_.is_told_all()) kept_.vouch();
}

// Lets the server forget what need not come again. A permanent slot goes on from here.
base::Result<void> StreamSession::confirm(bool at_once) {
  const base::Nanos now = clock_.now();
  if (!at_once && now - confirmed_at_ < kConfirmInterval) return {};
  confirmed_at_ = now;
  const std::int64_t micros = clock_.wall() / base::kMicrosecond - kMicrosFrom1970To2000;
  const Lsn settled = applier_.settled(sent_up_to_);
  kept_.confirming(settled);
  const std::string update = status_update(settled, micros, false);
  const int put = PQputCopyData(stream_.raw(), update.data(), static_cast<int>(update.size()));
  if (put < 0) return lost(stream_);
  if (PQflush(stream_.raw()) == 1) waits_to_write_ = true;
  return {};
}

}  // namespace pgweir::sync
