// The part of QueryPath that has statements wait for their turn: the guard lets in only so many at once. A
// session has a permit while its backend works, from the first statement that it is sent to the end of the
// last reply.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/query_path.h"
#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/frontend.h"

namespace pgweir::proxy {

using guard::Permit;

Permit::State QueryPath::seek_permit(std::uint64_t template_hash) {
  if (permit_.is_held()) return Permit::State::kHeld;
  if (context_refused_) return Permit::State::kRefused;
  const bool amid = exchange_.open() || exchange_.skipping() || exchange_.in_doubt() || exchange_.copying();
  if (transaction_.status() != 'I' || amid || peer_.replicates) {
    permit_.take(template_hash);
    return Permit::State::kHeld;
  }
  // What was sent before has no permit any more, or needed none: its end comes first.
  if (!exchange_.empty()) {
    waiting_ = Waiting::kUpstream;
    return Permit::State::kQueued;
  }
  const Permit::State state = queue_up({.template_hash = template_hash, .client = peer_.id});
  if (state == Permit::State::kQueued) waiting_ = Waiting::kGuard;
  return state;
}

// All that a statement waits for takes guard.queue_wait together.
Permit::State QueryPath::queue_up(const Permit::Request& request) {
  if (permit_.state() != Permit::State::kNone) return permit_.state();
  if (turn_missed_)
    return permit_.try_ask(request) == Permit::State::kHeld ? Permit::State::kHeld : Permit::State::kRefused;
  const Permit::State state = permit_.ask(request);
  if (state != Permit::State::kQueued) return state;
  if (client_eof_ && !request.is_urgent) permit_.put_last();
  const base::Nanos now = services_.clock.now();
  if (turn_by_ == 0) turn_by_ = now + services_.live->guard.queue_wait;
  wait_at_most(std::max<base::Nanos>(turn_by_ - now, 0), &QueryPath::turn_missed);
  return state;
}

// What is to go upstream counts here, when it does.
QueryPath::Answer QueryPath::pass_guard(const Question& question, const Decision& decision) {
  if (!decision.goes_upstream()) return decision.answer;
  switch (seek_permit(question.scan->shape.lo)) {
    case Permit::State::kQueued:
      return Answer::kWait;
    case Permit::State::kRefused:
      return refuse(question);
    case Permit::State::kNone:
    case Permit::State::kHeld:
      break;
  }
  begin_work();
  const bool is_known = decision.why.index() != Why(SessionReason::kUnknownStatement).index();
  count(decision.outcome, decision.why, is_known ? question.verdict : nullptr,
        is_known ? question.sql : std::string_view{});
  return decision.answer;
}

// Whether what need not be done may be done now.
bool QueryPath::may_begin_now(const Question& question) {
  if (permit_.state() != Permit::State::kNone) return permit_.is_held();
  if (transaction_.status() != 'I') return true;  // takes its permit when it goes
  return permit_.try_ask({.template_hash = question.scan->shape.lo, .client = peer_.id}) ==
         Permit::State::kHeld;
}

// The wait is over, and it is not the turn's coming that has ended it.
void QueryPath::turn_missed() {
  services_.loop.cancel(wait_timer_);
  wait_timer_ = 0;
  turn_missed_ = permit_.give_up() == Permit::State::kRefused;
  if (injected_ != nullptr) return ask_held_back();
  waiting_ = Waiting::kNone;
  resume_();
}

void QueryPath::begin_work() {
  at_work_ = true;
  permit_.sent();
}

// Amid a message of PostgreSQL's nothing can be said: its end comes first.
bool QueryPath::waits_to_refuse() {
  if (relaying_) waiting_ = Waiting::kUpstream;
  return relaying_;
}

void QueryPath::end_work() {
  at_work_ = false;
  permit_.release();
}

void QueryPath::client_said_eof() {
  client_eof_ = true;
  // It may only have closed its sending side; but whoever is surely there goes first.
  if (waiting_ == Waiting::kGuard) permit_.put_last();
}

// An old reply if the rule allows one, else an error.
QueryPath::Answer QueryPath::refuse(const Question& question) {
  if (waits_to_refuse()) return Answer::kWait;
  fill_ = {};
  if (cancelled_ == nullptr && fallback_ && !services_.cache.is_off()) {
    if (const auto reply = services_.compression.expand(fallback_)) {
      services_.stats.stale_if_error.add();
      end_work();
      answer(question, fallback_, *reply, Outcome::kStale);
      return Answer::kHit;
    }
  }
  count_refused(question.verdict, question.sql);
  client_.out().append(std::exchange(notice_, {}));
  append_refusal();
  wire::append_ready_for_query(client_.out(), transaction_.status());
  return Answer::kRefused;
}

void QueryPath::count_refused(const query::Verdict* verdict, std::string_view sql) {
  if (cancelled_ != nullptr) return count(Outcome::kBypass, SessionReason::kWaitTimeout, verdict, sql);
  count(Outcome::kRefused, turn_missed_ ? SessionReason::kQueueWait : SessionReason::kQueueFull, verdict,
        sql);
}

// SQLSTATE 53300 is what PostgreSQL says itself when it is asked for too much at once.
void QueryPath::append_refusal() {
  if (cancelled_ != nullptr)
    return wire::append_error(client_.out(), {.code = "57014", .message = cancelled_});
  const guard::GuardConfig& config = services_.live->guard;
  const auto limit = services_.gate.stats().limit.get();
  std::string hint = fmt::format("pgweir lets {} statements into PostgreSQL at once (guard.limit", limit);
  hint += config.limit != 0 ? ")" : fmt::format(" adapts, up to guard.limit_max = {})", config.limit_max);
  hint += turn_missed_ ? fmt::format("; this one waited for guard.queue_wait = {} ms.",
                                     config.queue_wait / base::kMillisecond)
                       : fmt::format("; guard.queue_max = {} wait for their turn.", config.queue_max);
  wire::append_error(
      client_.out(),
      {.code = "53300", .message = "too many statements at once for PostgreSQL", .hint = std::move(hint)});
  end_work();
}

// A message that is passed on by itself. None: go on with it.
std::optional<std::size_t> QueryPath::hold_back(const wire::Header& header, std::size_t wanted) {
  constexpr std::string_view kWorks = "QFPBDEC";
  if (exchange_.copying() || kWorks.find(header.type) == std::string_view::npos) return std::nullopt;
  if (arrived_at_ == 0) arrived_at_ = now_;
  if (cancelled_ == nullptr) {
    const auto template_hash = static_cast<std::uint64_t>(header.type) << 54;
    const Permit::State state = seek_permit(template_hash);
    if (state == Permit::State::kQueued) return 0;
    if (state != Permit::State::kRefused) {
      begin_work();
      return std::nullopt;
    }
  } else if (!exchange_.empty()) {
    return std::nullopt;
  }
  if (waits_to_refuse()) return 0;
  count_refused(nullptr, {});
  append_refusal();
  const bool is_alone = header.type == 'Q' || header.type == 'F';
  if (is_alone) wire::append_ready_for_query(client_.out(), transaction_.status());
  refusing_ = !is_alone;
  unseen_stream_ = true;
  stream_left_ = header.message_bytes - wanted;
  statement_consumed();
  return wanted;
}

// After an error PostgreSQL would skip it too.
std::size_t QueryPath::skip_refused(const wire::Header& header, std::size_t wanted) {
  if (header.type == 'X') {
    terminated_ = true;
  } else if (header.type == 'S') {
    if (waits_to_refuse()) return 0;
    refusing_ = false;
    wire::append_ready_for_query(client_.out(), transaction_.status());
  }
  unseen_stream_ = true;
  stream_left_ = header.message_bytes - wanted;
  return wanted;
}

// pgweir's own questions are short, and hits depend on them: they go before all that waits.
void QueryPath::inject(std::string_view sql, std::unique_ptr<InjectedReply> reply) {
  if (exchange_.empty() && transaction_.status() == 'I' && !permit_.is_held()) {
    if (cancelled_ != nullptr) {
      reply->not_sent();
      return reader_.abandon();
    }
    const Permit::State state = queue_up({.client = peer_.id, .is_urgent = true});
    if (state != Permit::State::kHeld) {
      injected_sql_ = sql;
      injected_ = std::move(reply);
      if (state == Permit::State::kRefused) ask_held_back();
      return;
    }
  }
  send_injected(sql, std::move(reply));
}

// Its turn has come, or will not: then the statement that waits for the answer has no turn either.
void QueryPath::ask_held_back() {
  const Permit::State state = permit_.state();
  if (state == Permit::State::kQueued) return;  // woken for another reason
  services_.loop.cancel(wait_timer_);
  wait_timer_ = 0;
  std::unique_ptr<InjectedReply> reply = std::move(injected_);
  if (state == Permit::State::kHeld && cancelled_ == nullptr)
    return send_injected(injected_sql_, std::move(reply));
  context_refused_ = cancelled_ == nullptr;
  permit_.release();
  reply->not_sent();
  reader_.abandon();
}

void QueryPath::send_injected(std::string_view sql, std::unique_ptr<InjectedReply> reply) {
  if (prepared_.needs_sync()) {
    prepared_.unnamed_lost();
    begin_forward(Unnamed::kLeft);
  }
  prepared_.unnamed_lost();
  begin_work();
  Group& group = exchange_.sent_query('Q');
  group.injected = std::move(reply);
  group.sent_at = services_.clock.now();
  services_.stats.upstream_queries.add();
  wire::append_query(upstream_.out(), sql);
  upstream_.flush();
  upstream_.settle();
}

}  // namespace pgweir::proxy
