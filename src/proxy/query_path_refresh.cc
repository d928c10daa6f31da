// The part of QueryPath that has a reply asked anew with nobody waiting for it: over the connection of
// another session, equal in all that the reply depends on, whose client is idle.
#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>

#include "proxy/injected.h"
#include "proxy/query_path.h"
#include "wire/frame.h"
#include "wire/frontend.h"

namespace pgweir::proxy {
namespace {

// The client's own unnamed statement must stay, and its own names are not like this.
constexpr std::string_view kStatement = "pgweir.refresh";
constexpr std::string_view kDescribePortal{"D\0\0\0\6P\0", 7};
constexpr std::string_view kExecutePortal{"E\0\0\0\x9\0\0\0\0\0", 10};
constexpr std::string_view kNoValues{"\0\0\0\0\0\0", 6};  // of Bind: no formats, no parameters

// In the question's own transaction: whoever has locked what it reads must not hold up this session's client.
std::string patience_sql(base::Nanos cost) {
  constexpr base::Nanos kLockWait = 50 * base::kMillisecond;
  return fmt::format(
      "SELECT pg_catalog.set_config('lock_timeout', '{}', true), "
      "pg_catalog.set_config('statement_timeout', '{}', true)",
      kLockWait / base::kMillisecond, (kLockWait + 2 * cost) / base::kMillisecond);
}

// Of patience_sql() and the question.
class RefreshReply final : public InjectedReply {
 public:
  RefreshReply(std::unique_ptr<Capture> capture, std::uint64_t bytes_max, base::Nanos ttl,
               const base::Clock& clock, Compression& compression, std::function<void(bool)> ended)
      : capture_(std::move(capture)),
        bytes_max_(bytes_max),
        ttl_(ttl),
        clock_(clock),
        compression_(compression),
        ended_(std::move(ended)) {}

  void on_message(char type, std::string_view body) override {
    failed_ = failed_ || type == 'E';
    if (!failed_ && !is_patient_) {
      is_patient_ = type == 'C';
      return;
    }
    message_.assign(1, type);
    const auto length = static_cast<std::uint32_t>(body.size() + 4);
    for (int shift = 24; shift >= 0; shift -= 8) message_.push_back(static_cast<char>(length >> shift));
    message_ += body;
    capture_->add(type, message_);
  }
  // What was asked is not what the backend has read its settings for.
  void on_foreign_setting() override { capture_->fail(); }
  bool passes_over(char type, std::uint64_t message_bytes) override {
    if (type != 'D' || message_bytes <= bytes_max_) return false;
    capture_->fail();
    return true;
  }
  void on_ready(char) override {
    capture_->finish(ttl_, clock_.now(), compression_);
    ended_(failed_);
  }

 private:
  std::unique_ptr<Capture> capture_;
  std::uint64_t bytes_max_;
  base::Nanos ttl_;
  const base::Clock& clock_;
  Compression& compression_;
  std::function<void(bool)> ended_;
  std::string message_;
  bool is_patient_ = false;  // the reply to patience_sql() has come
  bool failed_ = false;
};

void append_bind(base::Buffer& out, std::string_view statement, std::string_view rest) {
  out.push_back('B');
  wire::append_u32(out, static_cast<std::uint32_t>(4 + 1 + statement.size() + 1 + rest.size()));
  wire::append_string(out, "");
  wire::append_string(out, statement);
  out.append(rest);
}

}  // namespace

bool QueryPath::may_refresh(const Context& context, base::Nanos idle, base::Nanos now) {
  const bool rests =
      at_rest() && transaction_.status() == 'I' && !backend_ends_ && !terminated_ && !fault_ && !client_eof_;
  if (!rests || now - now_ < idle || context_.is_beside_primary()) return false;
  if (!client_.is_open() || client_.has_unsent() || !client_.in().empty()) return false;
  if (!upstream_.is_open() || upstream_.has_unsent() || !upstream_.in().empty()) return false;
  if (prepared_.needs_sync() || prepared_.unnamed_is_untracked()) return false;
  return context_.shared_database() == context.shared_database() && context_.catalog(now) != nullptr &&
         context_.settings_known(now) && context_.key_prefix() == context.key_prefix() &&
         context_.catalog_version() == context.catalog_version() &&
         context_.settings().temporary_names.empty();
}

bool QueryPath::refresh(const Question& question, base::Nanos cost, cache::Fill& fill) {
  QueryPath* const path = services_.refreshers.find(context_, cost, now_);
  if (path == nullptr || !path->may_begin_now(question)) return false;
  services_.stats.refreshes.add();
  auto capture = capture_of(question, std::move(fill));
  if (capture == nullptr) {
    path->end_work();
    return true;
  }
  base::Buffer messages;
  if (question.bind == nullptr) {
    wire::append_query(messages, patience_sql(cost) + "; " + std::string(question.sql));
  } else {  // all up to Sync is one transaction
    wire::append_close_statement(messages, kStatement);
    wire::append_parse(messages, kStatement, patience_sql(cost), {});
    append_bind(messages, kStatement, kNoValues);
    messages.append(kExecutePortal);
    wire::append_close_statement(messages, kStatement);
    wire::append_parse(messages, kStatement, question.sql, *question.types);
    append_bind(messages, kStatement, bound_values(batch_.raw));
    if (question.describes) messages.append(kDescribePortal);
    messages.append(kExecutePortal);
    wire::append_close_statement(messages, kStatement);
    messages.append(wire::kSync);
  }
  path->ask_anew(messages.view(), question.bind != nullptr, std::move(capture));
  return true;
}

// The client's statements wait meanwhile: so a cancel of one cannot hit this, and leave that alone.
void QueryPath::ask_anew(std::string_view messages, bool extended, std::unique_ptr<Capture> capture) {
  waiting_ = Waiting::kRefresh;
  begin_work();
  if (!extended) prepared_.unnamed_lost();
  Group& group = extended ? exchange_.sent_extended() : exchange_.sent_query('Q');
  group.injected = std::make_unique<RefreshReply>(
      std::move(capture), services_.cache.entry_bytes_max(), services_.live->cache_ttl, services_.clock,
      services_.compression, [this, extended](bool failed) { asked_anew(extended, failed); });
  services_.stats.upstream_queries.add();
  upstream_.out().append(messages);
  if (extended) exchange_.sent_sync();
  upstream_.flush();
  upstream_.settle();
}

void QueryPath::asked_anew(bool extended, bool failed) {
  waiting_ = Waiting::kNone;
  // After an error the rest was skipped, Close too.
  if (extended && failed) {
    exchange_.sent_extended().injected = std::make_unique<IgnoredReply>();
    wire::append_close_statement(upstream_.out(), kStatement);
    upstream_.out().append(wire::kSync);
    exchange_.sent_sync();
    upstream_.flush();
  }
  resume_();
}

}  // namespace pgweir::proxy
