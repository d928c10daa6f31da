#include "proxy/query_path.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "proxy/reply_key.h"
#include "query/judge.h"
#include "query/scan.h"
#include "wire/frame.h"
#include "wire/frontend.h"

namespace pgweir::proxy {
namespace {

// Longer messages are passed on as they arrive, their statements unread.
constexpr std::size_t kInspectBytes = query::kStatementBytesMax;
// Then PostgreSQL may refuse, and says why.
constexpr base::Nanos kFollowersWait = 3 * base::kSecond;

const query::Verdict kUnreadable = query::unknown_verdict(query::Reason::kUnsafeEncoding);

// Stands for a statement not read yet, whose names will matter.
const query::Verdict kNames = [] {
  query::Verdict verdict;
  verdict.reason = query::Reason::kUnknownRelation;
  return verdict;
}();

// Whether knowing settings and catalog would help with a statement judged without them.
bool wants_context(const query::Verdict& verdict) {
  using Control = query::TransactionControl;
  if (verdict.transaction == Control::kBegin) return true;
  if (verdict.transaction != Control::kNone || verdict.effects.changes_catalog) return false;
  if (verdict.reason == query::Reason::kUnparsable || verdict.reason == query::Reason::kUnsafeEncoding)
    return false;
  return verdict.reason == query::Reason::kUnknownRelation || verdict.effects.writes_everything;
}

}  // namespace

const query::Scan QueryPath::kNoScan{};
const query::Verdict QueryPath::kUnparsable = query::unknown_verdict(query::Reason::kUnparsable);

// Of one wait: a wake that comes when it is over does not end the next.
class QueryPath::FillWaiter final : public cache::Waiter {
 public:
  explicit FillWaiter(std::shared_ptr<cache::Waiter> session) : session_(std::move(session)) {}
  void wake() noexcept override {
    is_woken_.store(true, std::memory_order_release);
    session_->wake();
  }
  bool is_woken() const { return is_woken_.load(std::memory_order_acquire); }

 private:
  const std::shared_ptr<cache::Waiter> session_;
  std::atomic<bool> is_woken_{false};
};

// A late word is harmless: the permit itself tells.
class QueryPath::TurnWaiter final : public guard::Waiter {
 public:
  explicit TurnWaiter(std::shared_ptr<cache::Waiter> session) : session_(std::move(session)) {}
  void turn_has_come() noexcept override { session_->wake(); }

 private:
  const std::shared_ptr<cache::Waiter> session_;
};

QueryPath::QueryPath(Services& services, Channel& client, Channel& upstream, const Peer& peer,
                     std::shared_ptr<cache::Waiter> waiter, std::function<void()> resume)
    : services_(services),
      client_(client),
      upstream_(upstream),
      waiter_(std::move(waiter)),
      resume_(std::move(resume)),
      context_(services.catalogs.database(peer.database), services.secret, services.live->cache_ttl),
      prepared_(services.stats.session_bytes),
      reader_(
          services, context_, prepared_, waiter_,
          [this](std::string_view sql, std::unique_ptr<InjectedReply> reply) {
            inject(sql, std::move(reply));
          },
          [this] { context_read(); }),
      permit_(services.gate, std::make_shared<TurnWaiter>(waiter_)),
      peer_(peer) {
  fill_waiter_ = std::make_shared<FillWaiter>(waiter_);
  services_.refreshers.add(*this);
}

QueryPath::~QueryPath() {
  services_.refreshers.remove(*this);
  stop_waiting();
}

std::size_t QueryPath::process(std::string_view input) {
  if (backend_ends_) return input.size();
  client_waits_ = waiting_ == Waiting::kRefresh && !input.empty();
  std::size_t taken = 0;
  now_ = services_.clock.now();
  while (taken < input.size() && waiting_ == Waiting::kNone && !fault_ && !terminated_ &&
         !upstream_.congested() && !client_.congested()) {
    const std::string_view rest = input.substr(taken);
    const std::size_t n = stream_left_ != 0 ? pass_stream(rest) : step(rest);
    if (n == 0) break;
    taken += n;
  }
  if (hits_at_once_ != 0) record_hits();
  // Its replies would come with Sync only, and until then nobody could tell whether the backend works.
  if (at_work_ && waiting_ == Waiting::kNone && exchange_.open() && !exchange_.settled() &&
      !exchange_.copying() && stream_left_ == 0 && !upstream_.congested() && upstream_.has_unsent())
    upstream_.out().append(wire::kFlush);
  return taken;
}

// One reading of the clock for all that was answered in the event in which it came.
void QueryPath::record_hits() {
  const base::Nanos now = services_.clock.now();
  auto& histogram = services_.stats.client_query_time[static_cast<std::size_t>(Outcome::kHit)];
  histogram.record(now - now_, std::exchange(hits_at_once_, 0));
}

std::size_t QueryPath::pass_stream(std::string_view rest) {
  const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(stream_left_, rest.size()));
  if (!unseen_stream_) upstream_.write_through(rest.substr(0, n));
  stream_left_ -= n;
  return n;
}

// One message, one batch, or as much of a long message as has arrived. 0: more must arrive, or a
// wait has begun.
std::size_t QueryPath::step(std::string_view rest) {
  wire::Header header;
  switch (wire::read_header(rest, services_.live->server.message_bytes_max, header)) {
    case wire::HeaderStatus::kNeedMore:
      return 0;
    case wire::HeaderStatus::kBadLength:
      fail("08P01", "invalid message length");
      return 0;
    case wire::HeaderStatus::kComplete:
      break;
  }
  if (!wire::is_frontend_type(header.type) || header.type == 'p') {
    fail("08P01", "invalid frontend message type " + std::to_string(header.type));
    return 0;
  }
  const bool whole = header.message_bytes <= kInspectBytes;
  const std::size_t wanted = whole ? static_cast<std::size_t>(header.message_bytes) : kInspectBytes;
  if (rest.size() < wanted) return 0;
  if (refusing_) return skip_refused(header, wanted);
  if (whole && !exchange_.copying()) {
    if (header.type == 'Q') return query(rest.substr(0, wanted));
    if ((header.type == 'P' || header.type == 'B') && !exchange_.open()) {
      switch (read_batch(rest, kInspectBytes, batch_)) {
        case BatchStatus::kNeedMore:
          return 0;
        case BatchStatus::kComplete:
          return batch();
        case BatchStatus::kOther:
          break;
      }
    }
  }
  // What the messages to come are judged by; amid them nothing can be asked.
  const bool begins = (header.type == 'P' || header.type == 'B') && !exchange_.open() && !exchange_.copying();
  if (begins && wait_for_context(kNames)) return 0;
  if (const auto taken = hold_back(header, wanted)) return *taken;
  pass(header.type, rest.substr(0, wanted), whole);
  statement_consumed();
  unseen_stream_ = false;
  stream_left_ = header.message_bytes - wanted;
  return fault_ ? 0 : wanted;
}

std::size_t QueryPath::query(std::string_view raw) {
  if (arrived_at_ == 0) arrived_at_ = now_;
  const auto sql = wire::parse_query(raw.substr(wire::kHeaderBytes));
  const query::Scan scan = sql ? query::scan(*sql, services_.secret) : query::Scan{};
  const query::Verdict* verdict = &judge(sql.value_or(""), scan);
  if (!exchange_.open() &&
      (wait_for_context(*verdict) || wait_for_recent_context(*verdict) || wait_for_followers(*verdict)))
    return 0;
  const Question question{.verdict = verdict, .sql = sql.value_or(""), .scan = &scan};
  Decision decision{.answer = Answer::kForward, .why = SessionReason::kPipeline};
  if (!exchange_.open()) decision = ask(question);
  const Answer answer = pass_guard(question, decision);
  switch (answer) {
    case Answer::kWait:
      return 0;
    case Answer::kHit:
      prepared_.unnamed_destroyed();
      break;
    case Answer::kRefused:
      break;
    case Answer::kForward:
    case Answer::kFill: {
      begin_forward(Unnamed::kReplaced);
      Group& group = exchange_.sent_query('Q');
      group.suspended = std::move(suspended_);
      count_sent(group);
      apply(group, *verdict, execution_of(question));
      if (answer == Answer::kFill) start_capture(group, question);
      attach_fallback(group, question);
      upstream_.out().append(raw);
      break;
    }
  }
  statement_consumed();
  return raw.size();
}

std::size_t QueryPath::batch() {
  if (arrived_at_ == 0) arrived_at_ = now_;
  PreparedStatement* known = batch_.parse ? nullptr : prepared_.find(batch_.bind.statement);
  Question question{.verdict = &kUnparsable, .bind = &batch_.bind, .describes = batch_.describes};
  std::optional<query::Scan> scan;
  if (batch_.parse) {
    question.scan = &scan.emplace(query::scan(batch_.parse->sql, services_.secret));
    question.sql = batch_.parse->sql;
    question.types = &batch_.parse->parameter_types;
    question.verdict = &judge(batch_.parse->sql, *scan);
  } else if (known != nullptr) {
    question.sql = known->sql;
    question.scan = &known->scan;
    question.types = &known->parameter_types;
    question.verdict = &judge(*known);
    const bool recalled = known->recall.verdict != nullptr && question.verdict->cacheable();
    question.seed = recalled ? &known->recall.key_seed : nullptr;
  }
  // What recalls its verdict was judged in a context that is still known.
  if (question.seed == nullptr && wait_for_context(*question.verdict)) return 0;
  if (question.verdict->accepts_stale() && wait_for_recent_context(*question.verdict)) return 0;

  const Answer answer = pass_guard(question, ask_batch(question, known));
  if (answer == Answer::kWait) return 0;
  if (answer == Answer::kForward || answer == Answer::kFill) {
    forward_batch(question, known, answer);
  } else if (answer == Answer::kHit && batch_.parse) {
    prepared_.put(parsed_now(question, true));
  }
  statement_consumed();
  return batch_.raw.size();
}

QueryPath::Decision QueryPath::ask_batch(const Question& question, const PreparedStatement* known) {
  const bool duplicate = batch_.parse && !batch_.parse->statement.empty() &&
                         prepared_.find(batch_.parse->statement) != nullptr;  // PostgreSQL will say 42P05
  if (duplicate || (!batch_.parse && known == nullptr)) {
    return {.answer = Answer::kForward, .why = SessionReason::kUnknownStatement};
  }
  // A transaction must not find out later that its statement cannot be parsed any more.
  if (batch_.parse && !batch_.parse->statement.empty() && transaction_.status() == 'T') {
    const Why why = question.verdict->cacheable() ? Why(SessionReason::kPreparedInTransaction)
                                                  : why_not(*question.verdict);
    return {.answer = Answer::kForward, .why = why};
  }
  if (known != nullptr && question.verdict->cacheable() && !in_doubt_ && is_outdated(*known)) {
    return {.answer = Answer::kForward, .why = SessionReason::kStatementOutdated};
  }
  return ask(question);
}

// The statement that the batch at hand parses.
PreparedStatements::Pending QueryPath::parsed_now(const Question& question, bool deferred) const {
  const wire::Parse& parse = *batch_.parse;
  return {std::string(parse.statement),
          {std::string(parse.sql), *question.scan, parse.parameter_types, current_stamp(), deferred,
           context_.round()}};
}

void QueryPath::forward_batch(const Question& question, const PreparedStatement* known, Answer answer) {
  const std::uint64_t stamp = current_stamp();
  if (known != nullptr) prepared_.used(batch_.bind.statement, context_.round());
  const bool unnamed = batch_.bind.statement.empty();
  begin_forward(!unnamed ? Unnamed::kLeft : batch_.parse ? Unnamed::kReplaced : Unnamed::kUsed);
  Group& group = exchange_.sent_extended();
  count_sent(group);
  if (known != nullptr && known->stamp != stamp) {
    group.restamp = batch_.bind.statement;
    group.stamp = stamp;
  }
  if (batch_.parse) group.parses.push_back(parsed_now(question, false));
  apply(group, *question.verdict, execution_of(question));
  if (answer == Answer::kFill) start_capture(group, question);
  attach_fallback(group, question);
  upstream_.out().append(batch_.raw);
  exchange_.sent_sync();
}

const query::Verdict& QueryPath::judge(std::string_view sql, const query::Scan& scan) {
  in_doubt_ = false;
  judged_by_ = 0;
  if (!context_.text_is_readable(sql) || exchange_.changes_names()) return kUnreadable;
  if (!scan.valid) return kUnparsable;
  const query::Catalog* catalog = context_.catalog(now_);
  if (context_.names_known(now_)) {
    // Without the settings there is no key, but what the statement reads and writes can be told.
    in_doubt_ = catalog == nullptr || !context_.settings_known(now_) || exchange_.changes_settings();
    if (catalog == nullptr) catalog = context_.last_catalog();
    if (catalog != nullptr) {
      judged_by_ = catalog->version();
      return services_.statements.verdict(sql, scan, *catalog, context_.search_path());
    }
  }
  return services_.statements.verdict_without_catalog(sql, scan);
}

// What was found at the last execution, while it is true.
const query::Verdict& QueryPath::judge(PreparedStatement& statement) {
  Recall& recall = statement.recall;
  const bool known = context_.catalog(now_) != nullptr && context_.settings_known(now_);
  if (known && recall.context_version == context_.version() &&
      recall.table_version == services_.statements.version() && !exchange_.changes_settings()) {
    in_doubt_ = false;
    judged_by_ = context_.catalog_version();
    return *recall.verdict;
  }
  const query::Verdict& verdict = judge(statement.sql, statement.scan);
  recall = {};
  if (!known || in_doubt_ || judged_by_ != context_.catalog_version()) return verdict;
  recall.context_version = context_.version();
  recall.table_version = services_.statements.version();
  recall.verdict = &verdict;
  if (verdict.cacheable())
    recall.key_seed =
        key_seed(services_.secret, context_.key_prefix(), statement.scan.text, statement.parameter_types);
  return verdict;
}

// Reads settings and catalog first, if they are not known and the backend is free to be asked.
bool QueryPath::wait_for_context(const query::Verdict& verdict) {
  const base::Nanos now = now_;
  if (&verdict == &kUnreadable || !may_ask()) return false;
  const bool known =
      context_.catalog(now) != nullptr && context_.settings_known(now) && !prepared_.in_doubt();
  // A name that the catalog does not have may be new: created elsewhere. Passed on unread, the statement
  // counts as one that writes and sets everything, so the settings are asked again before the next: look all
  // the same.
  const bool new_name = known && !names_tried_ && &verdict != &kNames &&
                        verdict.reason == query::Reason::kUnknownRelation &&
                        context_.catalog_may_lack_names(now);
  if (!new_name && (context_tried_ || known ||
                    (!prepared_.in_doubt() && !in_doubt_ && !wants_context(verdict) && !context_.explains())))
    return false;
  waiting_ = Waiting::kContext;
  if (new_name) {
    names_tried_ = true;
    reader_.read_catalog();
  } else {
    reader_.read();
  }
  return is_waiting();
}

// Whether the backend is free to be asked, and what it says can be used.
bool QueryPath::may_ask() const {
  return transaction_.status() == 'I' && exchange_.empty() && !relaying_ && context_.text_is_readable("") &&
         !prepared_.unnamed_is_untracked() && !context_.is_beside_primary();
}

// What accepts stale replies may have them while the change stream does not tell. That tells of definitions,
// privileges and settings too: these are then read again, as often as the stream would have told.
bool QueryPath::wait_for_recent_context(const query::Verdict& verdict) {
  if (!verdict.accepts_stale() || !verdict.cacheable() || in_doubt_ || context_.is_recent(now_)) return false;
  if (context_tried_ || !may_ask()) return false;
  waiting_ = Waiting::kContext;
  context_.forget_settings(true);
  if (context_.renew_snapshot(now_)) {
    reader_.read();
  } else {
    reader_.read_catalog();
  }
  return true;  // if it has ended at once, what was left comes again
}

// Before DROP DATABASE and its kin pgweir's own connections to other databases go.
bool QueryPath::wait_for_followers(const query::Verdict& verdict) {
  if (!verdict.wants_idle_databases || !context_.database().follows()) return false;
  if (!exchange_.empty() && !exchange_.in_doubt() && !exchange_.skipping() && !exchange_.copying()) {
    waiting_ = Waiting::kUpstream;
    return true;
  }
  // Not while it waits for its turn.
  if (permit_.state() == guard::Permit::State::kNone) permit_.take(0);
  if (!suspended_) {
    suspended_ = std::make_unique<FollowersSuspended>(services_.catalogs.databases(), waiter_);
    wait_timer_ = services_.loop.after(kFollowersWait, [this] {
      wait_timer_ = 0;
      waited_ = true;
      woken();
    });
  }
  const bool waits = !suspended_->all_closed() && !waited_ && cancelled_ == nullptr;
  waiting_ = waits ? Waiting::kFollowers : Waiting::kNone;
  if (!waits) {
    services_.loop.cancel(wait_timer_);
    wait_timer_ = 0;
  }
  return waits;
}

void QueryPath::context_read() {
  context_tried_ = true;
  context_.renew_snapshot(now_);
  waiting_ = exchange_.empty() ? Waiting::kNone : Waiting::kUpstream;
  resume_();
}

// Why a statement that is cacheable in itself is not to be looked up now.
std::optional<Why> QueryPath::obstacle(const Question& question) const {
  const query::SessionSettings& settings = context_.settings();
  if (context_.is_beside_primary()) return SessionReason::kStandby;
  if (transaction_.status() == 'E') return SessionReason::kFailedTransaction;
  if (transaction_.status() == 'T' && (!transaction_.only_read() || !settings.plain_transactions))
    return SessionReason::kInTransaction;
  if (!settings.temporary_names.empty()) return query::Reason::kTempRelation;
  if (question.verdict->accepts_stale() && !context_.is_recent(now_)) return SessionReason::kStreamBehind;
  if (const auto why = context_.database().stream_obstacle(*question.verdict, now_)) return *why;
  if (question.bind != nullptr) {
    for (const wire::Oid type : *question.types)
      if (!query::is_plain_parameter_type(type)) return query::Reason::kUserType;
    for (const std::string_view value : question.bind->parameters)
      if (query::has_time_word(value)) return SessionReason::kTimeParameter;
  }
  return std::nullopt;
}

// The reason of a verdict, or what it was judged without.
Why QueryPath::why_not(const query::Verdict& verdict) const {
  const bool names_matter = verdict.cacheable() || verdict.reason == query::Reason::kUnknownRelation;
  if (!names_matter) return verdict.reason;
  if (context_.is_beside_primary()) return SessionReason::kStandby;
  if (!context_.settings_known(now_)) return SessionReason::kSettingsUnknown;
  if (in_doubt_ || context_.last_catalog() == nullptr) return SessionReason::kCatalogUnknown;
  return verdict.reason;
}

QueryPath::Decision QueryPath::ask(const Question& question) {
  const query::Verdict& verdict = *question.verdict;
  if (cancelled_ != nullptr || context_refused_) return {.answer = refuse(question)};
  if (!verdict.cacheable() || in_doubt_) return {.answer = Answer::kForward, .why = why_not(verdict)};
  if (exchange_.skipping() || exchange_.in_doubt())
    return {.answer = Answer::kForward, .why = SessionReason::kPipeline};
  if (!exchange_.empty() || relaying_) {
    waiting_ = Waiting::kUpstream;
    return {.answer = Answer::kWait};
  }
  if (const auto why = obstacle(question)) return {.answer = Answer::kForward, .why = *why};
  return look_up(question);
}

QueryPath::Decision QueryPath::look_up(const Question& question) {
  const cache::Key key = key_of(question);
  // It has waited for its turn to fill it.
  if (fill_ && key == filling_key_)
    return {.answer = Answer::kFill, .outcome = Outcome::kMiss, .why = miss_why_};
  fill_ = {};
  // A statement in a transaction may hold locks that others wait for: it never waits for others itself.
  const bool in_block = transaction_.status() != 'I';
  const cache::Accepts accepts{.stale_for = question.verdict->stale_while_revalidate,
                               .if_error = in_block ? 0 : question.verdict->stale_if_error,
                               .untold = question.verdict->accept_ttl,
                               .vouched = context_.database().is_told(now_),
                               .fill_wait = !in_block && !waited_,
                               .disk_wait = !waited_for_disk_,
                               .refreshes = true};
  cache::Lookup lookup = services_.cache.lookup(key, fill_waiter_, now_, accepts);
  std::string_view reply;
  if (lookup.outcome == cache::Outcome::kHit || lookup.outcome == cache::Outcome::kStale)
    reply = read_reply(key, accepts, lookup);
  const bool hits = lookup.outcome == cache::Outcome::kHit, stale = lookup.outcome == cache::Outcome::kStale;
  // It is due to be asked anew: over a connection that nobody needs now, else by who has found out.
  if ((hits || stale) && lookup.fill) [[unlikely]] {
    if (!refresh(question, static_cast<base::Nanos>(lookup.entry->cost), lookup.fill) &&
        may_begin_now(question))
      lookup.outcome = cache::Outcome::kMiss;
  }
  // A stale one was accepted for another reason.
  if (lookup.outcome != cache::Outcome::kHit && !stale && accepts.if_error != 0)
    fallback_ = std::move(lookup.entry);
  switch (lookup.outcome) {
    case cache::Outcome::kWaiting:
      wait_for_fill(key, lookup);
      return {.answer = Answer::kWait};
    case cache::Outcome::kPass:
      return {.answer = Answer::kForward,
              .why = waited_ ? Why(SessionReason::kWaitTimeout) : Why(lookup.pass_why)};
    case cache::Outcome::kMiss:
      fill_ = std::move(lookup.fill);
      filling_key_ = key;
      miss_why_ = lookup.miss_why;
      return {.answer = Answer::kFill, .outcome = Outcome::kMiss, .why = miss_why_};
    case cache::Outcome::kStale:
      answer(question, lookup.entry, reply, Outcome::kStale);
      return {.answer = Answer::kHit};
    case cache::Outcome::kHit:
      break;
  }
  answer(question, lookup.entry, reply, Outcome::kHit);
  return {.answer = Answer::kHit};
}

// The reply of an entry that answers. What cannot be read is as good as nothing: it is dropped, and `lookup`
// is then another one.
std::string_view QueryPath::read_reply(const cache::Key& key, const cache::Accepts& accepts,
                                       cache::Lookup& lookup) {
  constexpr unsigned kTries = 2;
  for (unsigned i = 0; i < kTries; ++i) {
    const auto reply = services_.compression.expand(lookup.entry);
    if (reply) [[likely]]
      return *reply;
    services_.cache.drop(key);
    lookup = {};
    lookup = services_.cache.lookup(key, fill_waiter_, now_, accepts);
    if (lookup.outcome != cache::Outcome::kHit && lookup.outcome != cache::Outcome::kStale) return {};
  }
  lookup = {};  // passes
  return {};
}

void QueryPath::answer(const Question& question, const cache::EntryRef& entry, std::string_view reply,
                       Outcome outcome) {
  count(outcome, query::Reason::kNone, question.verdict, question.sql, entry.operator->());
  if (services_.samples != nullptr && services_.samples->saves(static_cast<double>(entry->cost))) [[unlikely]]
    sample(question, *entry.operator->());
  base::Buffer& out = client_.out();
  if (!notice_.empty()) [[unlikely]]
    out.append(std::exchange(notice_, {}));
  out.reserve(wire::kParseAndBindComplete.size() + reply.size() + wire::kReadyForQueryBytes);
  if (question.bind != nullptr) out.append(batch_.parse ? wire::kParseAndBindComplete : wire::kBindComplete);
  out.append(reply);
  wire::append_ready_for_query(out, transaction_.status());
  if (arrived_at_ == now_ && outcome == Outcome::kHit) {
    ++hits_at_once_;
  } else {
    services_.stats.client_query_time[static_cast<std::size_t>(outcome)].record(now_ - arrived_at_);
  }
}

// A prepared statement remembers what its executions have in common.
cache::Key QueryPath::key_of(const Question& question) const {
  const auto seed = [&](const std::vector<wire::Oid>& types) {
    return key_seed(services_.secret, context_.key_prefix(), question.scan->text, types);
  };
  if (question.bind == nullptr) return simple_key(seed({}));
  return extended_key(question.seed != nullptr ? *question.seed : seed(*question.types), *question.bind,
                      question.describes);
}

void QueryPath::wait_for_fill(const cache::Key& key, const cache::Lookup& lookup) {
  end_work();  // who fills may wait for it
  waiting_ = Waiting::kFill;
  waiting_key_ = key;
  waits_for_disk_ = lookup.waits_for_disk;
  if (lookup.waits_for_disk) return wait_at_most(lookup.wait, &QueryPath::wait_ended);
  if (fill_wait_by_ == 0) fill_wait_by_ = now_ + lookup.wait;
  wait_at_most(fill_wait_by_ - now_, &QueryPath::wait_ended);
}

void QueryPath::wait_at_most(base::Nanos wait, void (QueryPath::*over)()) {
  constexpr const char* kTimeout = "canceling statement due to statement timeout";
  const base::Nanos timeout = context_.settings_known(now_) ? context_.settings().statement_timeout : 0;
  const base::Nanos left = timeout - (arrived_at_ != 0 ? now_ - arrived_at_ : 0);
  const bool ends_statement = timeout != 0 && left <= wait;
  wait_timer_ = services_.loop.after(ends_statement ? left : wait, [this, ends_statement, over] {
    wait_timer_ = 0;
    if (ends_statement) cancelled_ = kTimeout;
    (this->*over)();
  });
}

void QueryPath::woken() {
  if (waiting_ == Waiting::kFill && static_cast<const FillWaiter&>(*fill_waiter_).is_woken())
    return fill_ended();
  if (waiting_ == Waiting::kGuard && permit_.state() != guard::Permit::State::kQueued) {
    stop_waiting();
    return resume_();
  }
  if (injected_ != nullptr) return ask_held_back();
  if (waiting_ == Waiting::kContext) reader_.woken();
  if (waiting_ == Waiting::kFollowers) {
    waiting_ = Waiting::kNone;
    resume_();
  }
}

// What it was filled with may be of no use: over already, or overtaken by a write. Then the next one is
// waited for, as long as there is time.
void QueryPath::fill_ended() {
  if (waits_for_disk_ || services_.clock.now() >= fill_wait_by_) return wait_ended();
  stop_waiting();
  resume_();
}

void QueryPath::wait_ended() {
  stop_waiting();
  (waits_for_disk_ ? waited_for_disk_ : waited_) = true;
  resume_();
}

void QueryPath::stop_waiting() {
  if (waiting_ == Waiting::kFill) {
    services_.cache.leave(waiting_key_, *fill_waiter_);
    fill_waiter_ = std::make_shared<FillWaiter>(waiter_);
  }
  waiting_ = Waiting::kNone;
  services_.loop.cancel(wait_timer_);
  wait_timer_ = 0;
}

bool QueryPath::cancel() {
  constexpr const char* kByUser = "canceling statement due to user request";
  if (waiting_ == Waiting::kNone || waiting_ == Waiting::kUpstream) {
    if (!exchange_.empty() && exchange_.front().fallback != nullptr) exchange_.front().fallback->forbid();
    return false;
  }
  if (waiting_ == Waiting::kRefresh) {
    if (!client_waits_) return true;  // nothing of the client's runs
    cancelled_ = kByUser;
    return false;  // ends what the client's statement waits for
  }
  cancelled_ = kByUser;
  if (waiting_ == Waiting::kFill) wait_ended();
  if (waiting_ == Waiting::kGuard || injected_ != nullptr) turn_missed();
  if (waiting_ == Waiting::kFollowers) woken();
  return true;
}

void QueryPath::statement_consumed() {
  arrived_at_ = 0;
  context_tried_ = false;
  names_tried_ = false;
  waited_ = waited_for_disk_ = false;
  cancelled_ = nullptr;
  fill_wait_by_ = 0;
  turn_by_ = 0;
  turn_missed_ = context_refused_ = false;
  fill_ = {};
  if (exchange_.empty()) end_work();
  suspended_.reset();
  fallback_.reset();
}

void QueryPath::upstream_settled() {
  if (at_work_ && exchange_.settled() && !relaying_) end_work();
  if (waiting_ != Waiting::kUpstream || relaying_) return;
  // While it skips, the server waits for a Sync, which may be the one of the statement that waits here.
  if (!exchange_.empty() && !exchange_.skipping()) return;
  waiting_ = Waiting::kNone;
  resume_();
}

// A statement that has come behind COPY must not wait for its end: it is for the server to refuse.
void QueryPath::copy_begun() {
  end_work();  // PostgreSQL waits for the client
  if (waiting_ != Waiting::kUpstream) return;
  waiting_ = Waiting::kNone;
  resume_();
}

void QueryPath::fail(std::string_view code, std::string message) {
  services_.stats.protocol_errors.add();
  fault_ = wire::Complaint{.severity = "FATAL", .code = code, .message = std::move(message)};
}

}  // namespace pgweir::proxy
