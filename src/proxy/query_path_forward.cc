// The part of QueryPath that sends to PostgreSQL: keeps fences, prepared statements and captures in step with
// what is sent, and ends them when the outcome is known.
#include <algorithm>
#include <utility>

#include "proxy/explain_notice.h"
#include "proxy/query_path.h"
#include "query/judge.h"
#include "query/scan.h"
#include "wire/frame.h"
#include "wire/frontend.h"
#include "wire/reader.h"

namespace pgweir::proxy {
namespace {

// A reply that is pinned to more rows depends on whole relations.
constexpr std::size_t kPinnedRowsMax = 64;

}  // namespace

QueryPath::Unnamed QueryPath::unnamed_after(char type, std::string_view body) {
  wire::Reader reader(body);
  if (type == 'Q') return Unnamed::kReplaced;
  if (type == 'P') return reader.string().empty() ? Unnamed::kReplaced : Unnamed::kLeft;
  if (type == 'D') return reader.u8() == 'S' && reader.string().empty() ? Unnamed::kUsed : Unnamed::kLeft;
  if (type != 'B') return Unnamed::kLeft;
  reader.string();  // the portal
  return reader.string().empty() ? Unnamed::kUsed : Unnamed::kLeft;
}

// Whatever is not a question for the cache: forwarded as it is, its effects and replies kept track of.
void QueryPath::pass(char type, std::string_view prefix, bool whole) {
  const std::string_view body = prefix.substr(wire::kHeaderBytes);
  if (!exchange_.open() && !exchange_.copying() && type != 'd' && type != 'c' && type != 'f' && type != 'H')
    begin_forward(unnamed_after(type, body));
  switch (type) {
    case 'Q':  // too long to read
    case 'F':
      pass_unread(type);
      break;
    case 'P':
      pass_parse(body, whole);
      break;
    case 'B':
      pass_bind(body);
      break;
    case 'E':
      pass_execute(body, whole);
      break;
    case 'C':
      pass_close(body);
      break;
    case 'D':
      if (const auto target = wire::parse_target(body); target && target->kind == 'S')
        prepared_.used(target->name, context_.round());
      exchange_.sent_extended();
      break;
    case 'H':  // has no reply, opens no group, and may stand amid copy data
      break;
    case 'S':
      exchange_.sent_sync();
      break;
    case 'X':
      terminated_ = true;
      break;
    default:
      pass_copy(type);
      break;
  }
  upstream_.out().append(prefix);
}

void QueryPath::pass_unread(char type) {
  const Why why = type == 'F' ? Why(SessionReason::kFunctionCall) : Why(query::Reason::kUnparsable);
  count(Outcome::kBypass, why, &kUnparsable);
  if (type == 'Q') forget_statement("");
  Group& group = exchange_.sent_query(type);
  count_sent(group);
  apply(group, kUnparsable);
}

void QueryPath::pass_parse(std::string_view body, bool whole) {
  Group& group = exchange_.sent_extended();
  wire::Reader reader(body);
  const std::string_view name = reader.string();
  if (name.empty()) forget_statement("");
  auto parse = whole ? wire::parse_parse(body) : base::fail(base::ErrorCode::kLimit, "too long to read");
  if (!parse) {
    // Its ParseComplete is to be counted all the same.
    if (name.empty()) prepared_.unnamed_untracked();
    group.parses.push_back({std::string(name), {}, true});
    return;
  }
  PreparedStatement statement{std::string(parse->sql), query::scan(parse->sql, services_.secret),
                              std::move(parse->parameter_types)};
  statement.round = context_.round();
  if (context_.text_is_readable(statement.sql)) {
    const bool known = context_.catalog(now_) != nullptr && context_.settings_known(now_);
    statement.stamp = known ? context_.stamp() : 0;
  }
  group.parses.push_back({std::string(name), std::move(statement)});
}

void QueryPath::pass_bind(std::string_view body) {
  Group& group = exchange_.sent_extended();
  wire::Reader reader(body);
  reader.string();
  const std::string_view name = reader.string();
  const PreparedStatement* statement = nullptr;
  // A statement parsed earlier in this very group counts, though it is not confirmed yet.
  for (const auto& parse : group.parses)
    if (parse.name == name) statement = &parse.statement;
  if (statement == nullptr && reader.ok()) statement = prepared_.find(name);
  prepared_.used(name, context_.round());
  const query::Verdict& verdict = statement != nullptr ? judge(statement->sql, statement->scan) : kUnparsable;
  if (statement == nullptr) {
    bound_why_ = SessionReason::kUnknownStatement;
  } else if (verdict.cacheable()) {
    bound_why_ = SessionReason::kPipeline;
  } else {
    bound_why_ = verdict.reason;
  }
  if (statement == nullptr) return apply(group, verdict);
  wire::Bind bind;
  const bool read = wire::parse_bind(body, bind).has_value();  // else it is too long, or an error
  apply(group, verdict,
        execution_of(statement->sql, read ? &bind : nullptr, read ? &statement->parameter_types : nullptr));
}

void QueryPath::pass_execute(std::string_view body, bool whole) {
  Group& group = exchange_.sent_extended();
  Why why = bound_why_.value_or(SessionReason::kPortal);
  if (why.index() == Why(SessionReason::kPipeline).index() && whole) {
    const auto execute = wire::parse_execute(body);
    if (execute && execute->rows_max != 0) {
      why = SessionReason::kRowLimit;
    } else if (execute && !execute->portal.empty()) {
      why = SessionReason::kPortal;
    }
  }
  count(Outcome::kBypass, why);
  count_sent(group);
  // The portal may have been bound earlier in the transaction: what it writes is among its slots.
  if (!transaction_.may_have_written()) return;
  group.harmless = false;
  group.fence = transaction_.fence(context_.database());
}

void QueryPath::pass_close(std::string_view body) {
  exchange_.sent_extended();
  if (const auto target = wire::parse_target(body); target && target->kind == 'S')
    forget_statement(target->name);
}

void QueryPath::forget_statement(std::string_view name) {
  if (name.empty()) {
    prepared_.unnamed_replaced();
  } else {
    prepared_.erase(name);
  }
  exchange_.forget_parse(name);
}

void QueryPath::pass_copy(char type) {
  if (type == 'd') {
    exchange_.sent_copy_data();
  } else {
    exchange_.sent_copy_end();
  }
}

// The backend's prepared statements must be as the client thinks before anything is sent to it.
void QueryPath::begin_forward(Unnamed unnamed) {
  if (unnamed == Unnamed::kReplaced) forget_statement("");
  if (!prepared_.needs_sync() || exchange_.open()) return;
  std::size_t groups = prepared_.append_sync(upstream_.out(), unnamed == Unnamed::kUsed);
  for (; groups != 0; --groups) {
    exchange_.sent_extended().injected = std::make_unique<IgnoredReply>();
    exchange_.sent_sync();
  }
}

void QueryPath::count_sent(Group& group) {
  if (!notice_.empty()) [[unlikely]]
    group.notice += std::exchange(notice_, {});
  services_.stats.upstream_queries.add();
  ++group.statements;
  if (group.sent_at == 0) group.sent_at = now_;
  if (group.arrived_at == 0) group.arrived_at = arrived_at_ != 0 ? arrived_at_ : now_;
}

// Effects are kept before the statement leaves: counters are held from here until the outcome is known.
void QueryPath::apply(Group& group, const query::Verdict& verdict, const query::Execution& execution) {
  if (verdict.touches_prepared) prepared_.doubt();
  if (context_.is_beside_primary()) return context_.forget_settings(true);  // nothing can be written there
  DatabaseCatalog& database = context_.database();
  const bool is_same = context_.catalog_version() == judged_by_;
  const Sending statement{.verdict = verdict,
                          .catalog = is_same ? context_.last_catalog() : nullptr,
                          .execution = execution,
                          .in_doubt = in_doubt_};
  if (!transaction_.sent(statement, database)) return;
  if (verdict.effects.writes_everything) prepared_.doubt();
  group.harmless = false;
  if (verdict.effects.changes_settings || verdict.effects.writes_everything) {
    group.changes_settings = true;
    group.changes_names |= verdict.effects.changes_names || verdict.effects.writes_everything;
    context_.forget_settings(group.changes_names);
    if (!verdict.effects.writes_everything) group.explains = query::explains_after(execution.sql);
  }
  if (database.may_define(verdict.effects)) {
    group.changes_catalog = true;
    database.invalidate();
  }
  group.fence = transaction_.fence(database);
}

query::Execution QueryPath::execution_of(std::string_view sql, const wire::Bind* bind,
                                         const std::vector<wire::Oid>* types) {
  parameters_.clear();
  for (std::size_t i = 0; bind != nullptr && i < bind->parameters.size(); ++i) {
    const std::string_view value = bind->parameters[i];
    parameters_.push_back({.type = types != nullptr && i < types->size() ? (*types)[i] : 0,
                           .binary = wire::format_of(bind->parameter_formats, i) != 0,
                           .value = value.data() == nullptr ? std::nullopt : std::optional(value)});
  }
  return {.sql = sql, .parameters = parameters_, .utf8 = context_.is_utf8()};
}

void QueryPath::start_capture(Group& group, const Question& question) {
  group.capture = capture_of(question, std::move(fill_));
  if (group.capture == nullptr) return;
  group.counts_as_miss = true;
}

void QueryPath::attach_fallback(Group& group, const Question& question) {
  if (!fallback_) [[likely]]
    return;
  const bool binds = question.bind != nullptr;
  group.fallback = std::make_unique<Fallback>(std::move(fallback_), binds && batch_.parse, binds);
}

std::unique_ptr<Capture> QueryPath::capture_of(const Question& question, cache::Fill fill) {
  // Observed now, before the query leaves: a write that comes in between makes the reply worthless.
  std::vector<cache::Dependency> dependencies;
  const DatabaseCatalog& database = context_.database();
  const query::Verdict& verdict = *question.verdict;
  const cache::Generations& generations = services_.cache.generations();
  using Kind = cache::Dependency::Kind;
  dependencies.push_back(generations.depend(database.everything()));
  if (database.vouches()) dependencies.push_back(generations.depend(database.stream(), Kind::kVoucher));
  // A write whose effects cannot be read is otherwise left to the change stream.
  if (verdict.accepts_stale())
    dependencies.push_back(
        generations.depend(database.untold(), verdict.accept_ttl ? Kind::kContent : Kind::kUnvouched));
  add_dependencies(question, dependencies);
  // DDL that has come and gone since the verdict: what it reads may no longer be what it said.
  if (fill) fill.sent(now_);
  const bool is_true =
      context_.judged_epoch() == database.epoch() && database.layouts()->is_current(judged_by_);
  if (!is_true) return nullptr;
  const Capture::Limits limits{.bytes_max = services_.cache.entry_bytes_max(),
                               .all_bytes = services_.stats.fill_bytes,
                               .all_bytes_max = services_.fill_bytes_max};
  return std::make_unique<Capture>(std::move(fill), std::move(dependencies), limits, now_, verdict.ttl);
}

// The rows that it is pinned to, where every fence names those; else the relations.
void QueryPath::add_dependencies(const Question& question, std::vector<cache::Dependency>& out) {
  const DatabaseCatalog& database = context_.database();
  const cache::Generations& generations = services_.cache.generations();
  names_.clear();
  if (database.layouts()->is_sole(judged_by_))
    query::read_names(*question.verdict, execution_of(question), database.secret(), names_);
  if (names_.rows.empty() || names_.rows.size() > kPinnedRowsMax) {
    names_.rows.clear();
    names_.relations = question.verdict->reads;
  }
  out.reserve(out.size() + names_.relations.size() + names_.rows.size());
  for (const query::Oid relation : names_.relations)
    out.push_back(generations.depend(database.slot_of(relation)));
  for (const std::uint64_t row : names_.rows) out.push_back(generations.depend(database.slot_of_row(row)));
}

void QueryPath::explain(Outcome outcome, Why why, const query::Verdict* verdict, std::string_view sql,
                        const cache::Entry* entry) {
  Explained explained{.outcome = outcome,
                      .why = why,
                      .verdict = verdict,
                      .rules = services_.statements.rules().get(),
                      .database = context_.database().name(),
                      .sql = sql,
                      .utf8 = context_.is_utf8()};
  if (context_.catalog_version() == judged_by_) explained.catalog = context_.last_catalog();
  if (outcome != Outcome::kBypass) explained.settings = &context_.settings();
  if (entry != nullptr) explained.left = std::max(entry->expires_at() - now_, base::Nanos{0});
  append_explanation(notice_, explained);
}

void QueryPath::parse_completed() {
  Group& group = exchange_.front();
  if (group.parses_done == group.parses.size()) return;
  auto& parse = group.parses[group.parses_done++];
  if (!parse.forgotten) prepared_.put(parse);
}

void QueryPath::group_ended(Group& group, char status) {
  DatabaseCatalog& database = context_.database();
  if (group.changes_catalog || (!group.harmless && transaction_.has_changed_catalog())) database.invalidate();
  if (group.changes_settings) context_.forget_settings(group.changes_names);
  if (group.explains && !group.failed) context_.set_explains(*group.explains);
  if (group.stamp != 0 && !group.failed) prepared_.restamp(group.restamp, group.stamp);
  release(std::move(group.fence));
  transaction_.ready(status, exchange_.empty());
  const base::Nanos now = services_.clock.now();
  if (group.capture) group.capture->finish(services_.live->cache_ttl, now, services_.compression);
  if (group.statements != 0) {
    const Outcome outcome = group.counts_as_miss ? Outcome::kMiss : Outcome::kBypass;
    services_.stats.client_query_time[static_cast<std::size_t>(outcome)].record(now - group.arrived_at);
    services_.stats.upstream_query_time.record(now - group.sent_at);
  }
  if (group.injected) group.injected->on_ready(status);
}

void QueryPath::release(Fence fence) {
  DatabaseCatalog& database = context_.database();
  const bool unread = !fence.empty() && fence.slots().front() == database.everything();
  if (!unread) return fence.release();
  database.release_when_passed(fence.take_hold());
}

std::vector<Fence> QueryPath::take_fences() {
  std::vector<Fence> fences;
  while (!exchange_.empty()) fences.push_back(exchange_.drop_front());
  return fences;
}

}  // namespace pgweir::proxy
