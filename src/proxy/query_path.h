// From the client to the cache or to PostgreSQL: frames what the client sends, judges each
// statement, answers hits, sends the rest upstream, and keeps the fences of writes. The story is told
// in docs/life_of_a_query.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/cache.h"
#include "proxy/batch.h"
#include "proxy/channel.h"
#include "proxy/context.h"
#include "proxy/context_reader.h"
#include "proxy/exchange.h"
#include "proxy/prepared.h"
#include "proxy/services.h"
#include "proxy/transaction.h"
#include "wire/backend.h"
#include "wire/frame.h"

namespace pgweir::proxy {

// For whom a session asks.
struct Peer {
  std::string database;
  std::uint64_t id = 0;     // the same for all sessions that share their turns
  bool replicates = false;  // a walsender: its statements never wait for their turn
};

// One session's, after its login, on its worker's thread.
class QueryPath {
 public:
  // resume: has process() called again soon with what was left; must not call it itself.
  QueryPath(Services& services, Channel& client, Channel& upstream, const Peer& peer,
            std::shared_ptr<cache::Waiter> waiter, std::function<void()> resume);
  ~QueryPath();

  // Takes whole messages from the start of input and gives back how many bytes it took. What it left
  // must be given again: when more has arrived, or when resume is called.
  std::size_t process(std::string_view input);
  // The session must end with this error.
  const std::optional<wire::Complaint>& fault() const { return fault_; }
  // The client has said goodbye.
  bool terminated() const { return terminated_; }
  // The client will send no more: nothing is to be asked over this connection any more.
  void client_said_eof();

  Exchange& exchange() { return exchange_; }
  Context& context() { return context_; }
  char transaction_status() const { return transaction_.status(); }
  // Nothing of the client's is on its way: it may be told goodbye.
  bool at_rest() const { return exchange_.empty() && !is_waiting() && stream_left_ == 0 && !relaying_; }
  bool is_waiting() const { return waiting_ != Waiting::kNone; }
  // Whether more of the client's bytes could be used now.
  bool wants_input() const { return !is_waiting() && !client_.congested(); }

  // From the reply path. relaying: part of an upstream message has been passed on, the rest is to come.
  void set_relaying(bool relaying) { relaying_ = relaying; }
  bool is_relaying() const { return relaying_; }
  void parse_completed();
  void group_ended(Group& group, char status);
  // The backend has said its last word: nothing that comes after it is answered, not from the cache either.
  void backend_ends() { backend_ends_ = true; }
  // The upstream relay has come to rest: a statement that waited for that may go on.
  void upstream_settled();
  // PostgreSQL waits for copy data.
  void copy_begun();
  // Something of PostgreSQL's has come.
  void reply_begun() {
    if (at_work_) permit_.replied();
  }
  // The backend works no more: another may have its place.
  void end_work();
  // It works only as fast as the client reads.
  void client_is_slow() {
    if (at_work_) end_work();
  }
  // The session is over but for its last words: it waits for nothing.
  void leave_queue() {
    if (!at_work_) permit_.release();
  }

  // The fill, or the load of the catalog, that this session waited for has ended.
  void woken();
  // Whether its connection may ask for a reply that a session in this context wants anew.
  bool may_refresh(const Context& context, base::Nanos idle, base::Nanos now);
  // What is held for outcomes that will never be known here, since the upstream connection is gone.
  std::vector<Fence> take_fences();
  // A cancel request has come; true: it is dealt with here, since nothing runs upstream.
  bool cancel();

 private:
  enum class Waiting : std::uint8_t {
    kNone,
    kUpstream,   // for the replies to what was sent before
    kContext,    // for the answers to pgweir's own questions, or to those of another session
    kFollowers,  // for the end of pgweir's own connections to databases
    kFill,       // for another session's fill, or for the disk
    kGuard,      // for its turn: others are at PostgreSQL
    kRefresh,    // for the reply to what pgweir has asked anew over this connection
  };
  enum class Answer : std::uint8_t { kForward, kWait, kHit, kFill, kRefused };
  // What is to become of a statement, and how it counts if it goes upstream.
  struct Decision {
    Answer answer;
    Outcome outcome = Outcome::kBypass;
    Why why = query::Reason::kNone;
    bool goes_upstream() const { return answer == Answer::kForward || answer == Answer::kFill; }
  };

  static const query::Scan kNoScan;
  static const query::Verdict kUnparsable;

  // A statement that may be answered from the cache.
  struct Question {
    const query::Verdict* verdict;
    std::string_view sql = {};
    const query::Scan* scan = &kNoScan;
    const wire::Bind* bind = nullptr;  // null: simple query
    const std::vector<wire::Oid>* types = nullptr;
    const base::SipHash128* seed = nullptr;  // null: not hashed before
    bool describes = true;
  };

  std::size_t step(std::string_view rest);
  std::size_t pass_stream(std::string_view rest);
  std::size_t query(std::string_view raw);
  std::size_t batch();
  void pass(char type, std::string_view prefix, bool whole);
  void pass_unread(char type);
  void pass_parse(std::string_view body, bool whole);
  void pass_bind(std::string_view body);
  void pass_execute(std::string_view body, bool whole);
  void pass_close(std::string_view body);
  void pass_copy(char type);

  const query::Verdict& judge(std::string_view sql, const query::Scan& scan);
  const query::Verdict& judge(PreparedStatement& statement);
  bool may_ask() const;
  bool wait_for_context(const query::Verdict& verdict);
  bool wait_for_recent_context(const query::Verdict& verdict);
  bool wait_for_followers(const query::Verdict& verdict);
  void context_read();
  void inject(std::string_view sql, std::unique_ptr<InjectedReply> reply);

  // Every statement comes by here once; verdict: null if there is none.
  void count(Outcome outcome, Why why, const query::Verdict* verdict = nullptr, std::string_view sql = {},
             const cache::Entry* entry = nullptr) {
    if (verdict != nullptr) {
      services_.stats.count(outcome, why, *verdict);
    } else {
      services_.stats.count(outcome, why);
    }
    if (context_.explains()) [[unlikely]]
      explain(outcome, why, verdict, sql, entry);
  }
  void explain(Outcome outcome, Why why, const query::Verdict* verdict, std::string_view sql,
               const cache::Entry* entry);

  Decision ask(const Question& question);
  Why why_not(const query::Verdict& verdict) const;
  std::optional<Why> obstacle(const Question& question) const;
  Decision look_up(const Question& question);
  std::string_view read_reply(const cache::Key& key, const cache::Accepts& accepts, cache::Lookup& lookup);
  void answer(const Question& question, const cache::EntryRef& entry, std::string_view reply,
              Outcome outcome);
  void record_hits();
  void sample(const Question& question, const cache::Entry& entry);
  cache::Key key_of(const Question& question) const;
  void wait_for_fill(const cache::Key& key, const cache::Lookup& lookup);
  void fill_ended();
  void wait_ended();
  void stop_waiting();
  // Ends a wait after so long, or at the statement's timeout.
  void wait_at_most(base::Nanos wait, void (QueryPath::*over)());

  // The guard: whether the backend may be put to work now (query_path_guard.cc).
  guard::Permit::State seek_permit(std::uint64_t template_hash);
  guard::Permit::State queue_up(const guard::Permit::Request& request);
  Answer pass_guard(const Question& question, const Decision& decision);
  Answer refuse(const Question& question);
  bool may_begin_now(const Question& question);
  void turn_missed();
  void count_refused(const query::Verdict* verdict, std::string_view sql);
  void append_refusal();
  bool waits_to_refuse();
  void begin_work();
  std::optional<std::size_t> hold_back(const wire::Header& header, std::size_t wanted);
  std::size_t skip_refused(const wire::Header& header, std::size_t wanted);
  void send_injected(std::string_view sql, std::unique_ptr<InjectedReply> reply);
  void ask_held_back();

  Decision ask_batch(const Question& question, const PreparedStatement* known);
  PreparedStatements::Pending parsed_now(const Question& question, bool deferred) const;
  void forward_batch(const Question& question, const PreparedStatement* known, Answer answer);
  // What becomes of the unnamed statement by what is sent next.
  enum class Unnamed : std::uint8_t { kLeft, kUsed, kReplaced };
  static Unnamed unnamed_after(char type, std::string_view body);
  void begin_forward(Unnamed unnamed);
  void forget_statement(std::string_view name);
  void apply(Group& group, const query::Verdict& verdict, const query::Execution& execution = {});
  void release(Fence fence);
  void count_sent(Group& group);
  std::uint64_t current_stamp() const { return in_doubt_ ? 0 : context_.stamp(); }
  // Whether the backend may answer it otherwise than the same text sent now.
  bool is_outdated(const PreparedStatement& statement) const {
    return statement.stamp != current_stamp() || !context_.reads_alike(statement.scan, statement.round);
  }
  query::Execution execution_of(std::string_view sql, const wire::Bind* bind,
                                const std::vector<wire::Oid>* types);
  query::Execution execution_of(const Question& question) {
    return execution_of(question.sql, question.bind, question.types);
  }
  void start_capture(Group& group, const Question& question);
  void attach_fallback(Group& group, const Question& question);
  // Null: definitions have changed since the verdict; the fill is over.
  std::unique_ptr<Capture> capture_of(const Question& question, cache::Fill fill);
  // Has the question asked anew over another session's connection; false: there is none now.
  bool refresh(const Question& question, base::Nanos cost, cache::Fill& fill);
  void ask_anew(std::string_view messages, bool extended, std::unique_ptr<Capture> capture);
  void asked_anew(bool extended, bool failed);
  void add_dependencies(const Question& question, std::vector<cache::Dependency>& out);
  void statement_consumed();
  void fail(std::string_view code, std::string message);

  Services& services_;
  Channel& client_;
  Channel& upstream_;
  class FillWaiter;
  class TurnWaiter;

  std::shared_ptr<cache::Waiter> waiter_;
  std::shared_ptr<cache::Waiter> fill_waiter_;  // of the wait for a fill or the disk, the present or next one
  std::function<void()> resume_;

  Context context_;
  Exchange exchange_;
  PreparedStatements prepared_;
  Transaction transaction_;
  ContextReader reader_;
  guard::Permit permit_;
  const Peer peer_;

  Waiting waiting_ = Waiting::kNone;
  std::size_t hits_at_once_ = 0;     // statements answered in the event in which they arrived
  base::Nanos now_ = 0;              // when process() was called
  base::Nanos arrived_at_ = 0;       // of the statement at hand; 0: none
  bool in_doubt_ = false;            // the last verdict is by a catalog that may not be true
  std::uint64_t judged_by_ = 0;      // version of that catalog; 0: by none
  bool context_tried_ = false;       // for the statement at hand
  bool names_tried_ = false;         // likewise: whether the catalog lacks a name that is new
  bool waited_ = false;              // likewise: for another's fill
  bool waited_for_disk_ = false;     // likewise
  bool waits_for_disk_ = false;      // rather than for another's fill
  base::Nanos fill_wait_by_ = 0;     // likewise: until when it waits for others' fills; 0: it has not waited
  base::Nanos turn_by_ = 0;          // likewise: until when it waits for its turn; 0: it has not waited
  bool turn_missed_ = false;         // likewise: it has waited so long
  bool context_refused_ = false;     // likewise: not even pgweir's own question had its turn
  const char* cancelled_ = nullptr;  // likewise: why it is to end with 57014
  cache::Key waiting_key_;
  io::TimerId wait_timer_ = 0;
  cache::Fill fill_;            // of the statement at hand
  cache::Key filling_key_;      // of what
  Why miss_why_;                // and why it is not there
  bool at_work_ = false;        // the backend, with the permit that is held
  bool refusing_ = false;       // an extended message was refused: all up to Sync is skipped
  bool unseen_stream_ = false;  // what is left of a long message is thrown away
  std::string injected_sql_;    // pgweir's own question that waits for its turn
  std::unique_ptr<InjectedReply> injected_;
  cache::EntryRef fallback_;       // likewise: what may answer if it fails
  std::uint64_t stream_left_ = 0;  // bytes of a long message still to be passed on
  std::optional<Why> bound_why_;   // of the last Bind passed on: the reason its Execute counts under
  Batch batch_;
  std::vector<query::Parameter> parameters_;  // of the statement at hand; these keep their memory
  query::Names names_;
  std::string notice_;  // of the statement at hand
  bool relaying_ = false;
  bool terminated_ = false;
  bool client_eof_ = false;
  bool client_waits_ = false;  // for the end of what is asked anew
  bool backend_ends_ = false;
  std::optional<wire::Complaint> fault_;
  std::unique_ptr<FollowersSuspended> suspended_;  // for the statement at hand
};

}  // namespace pgweir::proxy
