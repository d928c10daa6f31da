#include "proxy/session.h"

#include <sys/socket.h>

#include <utility>
#include <variant>

#include "base/log.h"
#include "wire/frame.h"

namespace pgweir::proxy {
namespace {

constexpr base::Nanos kLastWordsTimeout = 5 * base::kSecond;
constexpr std::uint64_t kLoginBytesMax = 64 * 1024;
// PostgreSQL gives up a result soon after its client has gone; so much is read that nobody gets.
constexpr std::uint64_t kUnheardBytesMax = 256 * 1024;

// Wakes a session that waits for another's doing, on the session's own loop.
class SessionWaiter final : public cache::Waiter {
 public:
  SessionWaiter(io::Loop& loop, std::weak_ptr<Session> session) : loop_(loop), session_(std::move(session)) {}
  void wake() noexcept override {
    loop_.post([session = session_] {
      if (const auto alive = session.lock()) alive->woken();
    });
  }

 private:
  io::Loop& loop_;
  std::weak_ptr<Session> session_;
};

wire::Complaint fatal(std::string_view code, std::string message, std::string hint = {}) {
  return {.severity = "FATAL", .code = code, .message = std::move(message), .hint = std::move(hint)};
}

}  // namespace

Session::Session(Services& services, Host& host)
    : services_(services),
      host_(host),
      live_(services.live),
      client_(services.loop, *this, services.stats.session_bytes),
      upstream_(services.loop, *this, services.stats.session_bytes),
      held_(services.stats.session_bytes, kBytes) {}

Session::~Session() { services_.loop.cancel(timer_); }

void Session::start(io::Fd client, const io::SocketAddress& address) {
  services_.stats.sessions_opened.add();
  services_.stats.client_sessions.add(1);
  client_address_ = address;
  if (client_address_.storage.ss_family != AF_UNIX) io::tune_connection(client.get());
  timer_ = services_.loop.after(live_->server.startup_timeout, [this] { end(); });
  if (auto opened = client_.open(io::Stream(std::move(client))); !opened) end();
}

void Session::on_channel(Channel& channel, std::uint32_t events) {
  const auto self = shared_from_this();  // whatever happens, not before the end of this event
  if (&channel == &client_) {
    on_client(events);
  } else {
    on_upstream(events);
  }
  settle();
}

void Session::on_client(std::uint32_t events) {
  if (phase_ == Phase::kHandshake) return shake_hands();
  if (events & EPOLLOUT) {
    client_.flush();
    if (phase_ == Phase::kClosing && client_.out().empty()) return last_words_said();
    if (!client_.congested() && !client_.in().empty()) resume();
  }
  // Nobody is there any more to read for, or to answer.
  if (client_.failed() || ((phase_ == Phase::kClosing || client_eof_) && events & (EPOLLHUP | EPOLLERR)))
    return client_closed();
  if (events & Channel::kReadable) read_client();
}

void Session::on_upstream(std::uint32_t events) {
  if (events & EPOLLOUT) {
    upstream_.flush();
    if (phase_ == Phase::kLingering) say_eof_upstream();
    if (!upstream_.congested() && !client_.in().empty()) resume();
  }
  if (upstream_.failed()) {  // what it said before may tell why
    while (upstream_.is_open() && read_upstream()) {
    }
    if (upstream_.is_open()) upstream_closed("broken");
    return;
  }
  // After our own end of stream this is its ordinary end, with last words to be read.
  if (client_.congested() && !eof_said_ && events & (EPOLLHUP | EPOLLERR)) return upstream_closed("broken");
  if (events & Channel::kReadable) read_upstream();
}

void Session::read_client() {
  if (std::exchange(first_read_, false) && direct_tls_offered()) {
    direct_tls_ = true;
    start_tls();
    return shake_hands();
  }
  do {
    const io::IoResult result = client_.read(services_.read_buffer);
    switch (result.status) {
      case io::IoStatus::kDone:
        take_client({services_.read_buffer.data(), result.bytes});
        break;
      case io::IoStatus::kWouldBlock:
        return;
      case io::IoStatus::kClosed:
        return client_said_eof();
      case io::IoStatus::kFailed:
        return client_closed();
    }
  } while (phase_ != Phase::kEnded && client_.is_open() && client_.stream().has_buffered_input());
}

// False: there is nothing to read now, or it has closed.
bool Session::read_upstream() {
  do {
    const io::IoResult result = upstream_.read(services_.read_buffer);
    switch (result.status) {
      case io::IoStatus::kDone:
        take_upstream({services_.read_buffer.data(), result.bytes});
        break;
      case io::IoStatus::kWouldBlock:
        return false;
      case io::IoStatus::kClosed:
        upstream_closed("closed");
        return false;
      case io::IoStatus::kFailed:
        upstream_closed(upstream_.stream().error());
        return false;
    }
  } while (upstream_.is_open() && upstream_.stream().has_buffered_input());
  return true;
}

void Session::take_client(std::string_view chunk) {
  if (client_.in().empty()) {
    const std::size_t n = consume_client(chunk);
    if (client_.is_open()) client_.in().append(chunk.substr(n));
    return;
  }
  client_.in().append(chunk);
  const std::size_t n = consume_client(client_.in().view());
  if (client_.is_open()) client_.in().consume(n);
}

void Session::take_upstream(std::string_view chunk) {
  if (upstream_.in().empty()) {
    const std::size_t n = consume_upstream(chunk);
    if (upstream_.is_open()) upstream_.in().append(chunk.substr(n));
    return;
  }
  upstream_.in().append(chunk);
  const std::size_t n = consume_upstream(upstream_.in().view());
  if (upstream_.is_open()) upstream_.in().consume(n);
}

std::size_t Session::consume_client(std::string_view input) {
  switch (phase_) {
    case Phase::kStartup:
      return startup(input);
    case Phase::kLogin:
      return login_from_client(input);
    case Phase::kServing:
      return serve_client(input);
    case Phase::kConsole:
      return serve_console(input);
    case Phase::kOpaque:
      upstream_.write_through(input);
      return input.size();
    case Phase::kHandshake:
    case Phase::kConnecting:
      return 0;
    case Phase::kLingering:
    case Phase::kClosing:
    case Phase::kEnded:
      return input.size();
  }
  return input.size();
}

std::size_t Session::consume_upstream(std::string_view input) {
  switch (phase_) {
    case Phase::kLogin:
      return login_from_upstream(input);
    case Phase::kServing:
      return serve_upstream(input);
    case Phase::kLingering:
      return hear_out(input);
    case Phase::kOpaque:
      client_.write_through(input);
      return input.size();
    default:
      return input.size();
  }
}

// --- startup and login -------------------------------------------------------------------------

bool Session::direct_tls_offered() {
  char first = 0;
  return live_->client_tls != nullptr && !client_.stream().is_tls() &&
         recv(client_.stream().fd(), &first, 1, MSG_PEEK) == 1 && first == 0x16;
}

void Session::start_tls() {
  auto ssl = live_->client_tls->accept(client_.stream().fd());
  if (ssl == nullptr) return end();
  client_.stream().start_tls(std::move(ssl), live_->client_tls);
  phase_ = Phase::kHandshake;
}

void Session::shake_hands() {
  const io::IoStatus status = client_.stream().handshake();
  if (status == io::IoStatus::kWouldBlock) return;
  if (status != io::IoStatus::kDone) {
    spdlog::debug("TLS with {} failed: {}", client_address_.text(), client_.stream().error());
    return end();
  }
  if (direct_tls_ && !client_.stream().has_alpn()) return end();  // as PostgreSQL 17
  phase_ = Phase::kStartup;
  if (client_.stream().has_buffered_input()) read_client();
}

std::size_t Session::startup(std::string_view input) {
  const auto size = wire::startup_packet_bytes(input);
  if (!size) {  // no client's packet: not worth an answer, as for PostgreSQL
    spdlog::debug("{}: {}", client_address_.text(), size.error().message);
    end();
    return input.size();
  }
  if (!*size || input.size() < **size) return 0;
  auto packet = wire::parse_startup(input.substr(0, **size));
  if (!packet) {
    refuse(fatal("08P01", packet.error().message));
    return input.size();
  }
  if (auto* message = std::get_if<wire::StartupMessage>(&*packet))
    return startup_message(std::move(*message), **size);
  if (auto* cancel = std::get_if<wire::CancelRequest>(&*packet)) {
    relay_cancel(*cancel);
    return input.size();
  }
  // What follows in the clear could have been put there by somebody else (CVE-2021-23214).
  if (input.size() > **size) {
    refuse(fatal("08P01", "received unencrypted data after SSL or GSSAPI request"));
    return input.size();
  }
  if (std::holds_alternative<wire::SslRequest>(*packet) && live_->client_tls != nullptr &&
      !client_.stream().is_tls()) {
    client_.out().push_back('S');
    client_.flush();
    start_tls();
  } else {
    client_.out().push_back('N');
    client_.flush();
  }
  return **size;
}

std::size_t Session::startup_message(wire::StartupMessage message, std::size_t size) {
  if (message.version.major == 1 || message.version.major == 2) {
    // Such a client reads the errors of protocol 2 only: a type byte and a text.
    client_.out().append("EFATAL:  unsupported frontend protocol: server supports 3.0 to 3.2\n");
    client_.out().push_back('\0');
    close_when_written();
    return size;
  }
  if (message.version.major != 3) {
    refuse(fatal("0A000", "unsupported frontend protocol " + std::to_string(message.version.major) + "." +
                              std::to_string(message.version.minor) + ": server supports 3.0 to 3.2"));
    return size;
  }
  if (draining_) {
    refuse(fatal("57P03", "pgweir is shutting down"));
    return size;
  }
  login_ = std::make_unique<Login>(
      std::move(message),
      LoginFacts{.client_is_local = client_address_.is_local(),
                 .upstream_uses_tls = false,
                 .allow_passwordless_remote = live_->upstream->config.allow_passwordless_remote});
  // Whoever looks why there are too many must not be one too many: it is on this machine, and needs no
  // PostgreSQL.
  if (services_.console != nullptr && login_->database() == kConsoleDatabase &&
      !login_->is_physical_replication()) {
    open_console();
    return size;
  }
  if (const auto admitted = host_.admit(); !admitted) {
    services_.stats.sessions_refused.add();
    refuse(fatal("53300", "sorry, too many clients already", admitted.error().message));
    return size;
  }
  admitted_ = true;
  connect();
  return size;
}

// Nobody is asked for a password, since it is PostgreSQL that knows them.
void Session::open_console() {
  if (!client_address_.is_local())
    return refuse(fatal("28000", "pgweir's console is for clients on its own machine"));
  console_ = std::make_unique<ConsoleSession>(*services_.console);
  phase_ = Phase::kConsole;
  console_->append_welcome(client_.out());
  client_.flush();
  resume_soon();
}

void Session::connect() {
  phase_ = Phase::kConnecting;
  connector_ = std::make_unique<UpstreamConnector>(services_.loop, services_.resolver, live_->upstream,
                                                   [this](auto result) { connected(std::move(result)); });
  connector_->start();
}

void Session::connected(base::Result<UpstreamStream> result) {
  const auto self = shared_from_this();
  connector_.reset();
  host_.upstream_answered(result.has_value(), result ? "" : result.error().message);
  if (!result) {
    refuse(fatal("08006", "pgweir cannot reach PostgreSQL: " + result.error().message));
    return settle();
  }
  upstream_address_ = result->address;
  if (auto opened = upstream_.open(std::move(result->stream)); !opened) {
    refuse(fatal("53300", "pgweir: " + opened.error().message));
    return settle();
  }
  services_.stats.upstream_connections.add(1);
  if (cancel_to_send_) {
    wire::append_cancel_request(upstream_.out(), *cancel_to_send_);
    phase_ = Phase::kOpaque;  // both sides close when PostgreSQL has seen it
  } else {
    login_->set_upstream_uses_tls(upstream_.stream().is_tls());
    login_->append_startup(upstream_.out());
    phase_ = Phase::kLogin;
    resume_soon();
  }
  upstream_.flush();
  settle();
}

std::size_t Session::login_from_client(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size() && phase_ == Phase::kLogin) {
    wire::Message message;
    const wire::HeaderStatus status = wire::read_message(input.substr(taken), kLoginBytesMax, message);
    if (status == wire::HeaderStatus::kNeedMore) break;
    if (status == wire::HeaderStatus::kBadLength) {
      refuse(fatal("08P01", "invalid message length during authentication"));
      return input.size();
    }
    if (!login_->from_client(message, upstream_.out())) {
      refuse(login_->refusal());
      return input.size();
    }
    taken += message.raw.size();
  }
  upstream_.flush();
  return taken;
}

std::size_t Session::login_from_upstream(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size() && phase_ == Phase::kLogin) {
    wire::Message message;
    const wire::HeaderStatus status = wire::read_message(input.substr(taken), kLoginBytesMax, message);
    if (status == wire::HeaderStatus::kNeedMore) break;
    if (status == wire::HeaderStatus::kBadLength) {
      refuse(fatal("08P01", "PostgreSQL sent an impossible message during authentication"));
      return input.size();
    }
    if (message.type == 'S')
      if (const auto parameter = wire::parse_parameter_status(message.body()))
        reported_.emplace_back(parameter->name, parameter->value);
    taken += message.raw.size();
    switch (login_->from_upstream(message, client_.out())) {
      case Login::Step::kContinue:
        break;
      case Login::Step::kDone:
        logged_in();
        break;
      case Login::Step::kRefused:
        refuse(login_->refusal());
        return input.size();
      case Login::Step::kEnded:
        close_when_written();
        return input.size();
    }
  }
  client_.flush();
  return taken;
}

// A role at a host: all that an application's server opens.
std::uint64_t Session::peer_id() const {
  base::SipHash128 hash(services_.secret);
  const std::string address = client_address_.text();
  hash.update_field(login_->startup().get("user"));
  hash.update_field(std::string_view(address).substr(0, address.rfind(':')));
  return hash.finish().lo;
}

void Session::logged_in() {
  services_.loop.cancel(timer_);
  timer_ = 0;
  if (!login_->cancel_key().key.empty())
    services_.cancels.add(login_->cancel_key(), {&services_.loop, weak_from_this(), upstream_address_});
  if (login_->is_physical_replication()) {
    phase_ = Phase::kOpaque;
    return;
  }
  held_.set(kBytes + kTlsBytes * (client_.stream().is_tls() + upstream_.stream().is_tls()));
  phase_ = Phase::kServing;
  const Peer peer{.database = login_->database(), .id = peer_id(), .replicates = login_->is_replication()};
  query_path_ = std::make_unique<QueryPath>(services_, client_, upstream_, peer,
                                            std::make_shared<SessionWaiter>(services_.loop, weak_from_this()),
                                            [this] { resume_soon(); });
  for (const auto& [name, value] : reported_) query_path_->context().reported(name, value);
  reported_ = {};
  reply_path_ = std::make_unique<ReplyPath>(services_, client_, *query_path_);
  resume_soon();
}

// --- cancel ------------------------------------------------------------------------------------

// The key's session may live on another worker: ask there, and come back to send if need be.
void Session::relay_cancel(const wire::CancelRequest& request) {
  auto owner = services_.cancels.find(request);
  if (!owner) return end();  // as PostgreSQL: no word to those who guess
  phase_ = Phase::kConnecting;
  owner->loop->post([owner = *owner, request, asker = weak_from_this(), home = &services_.loop] {
    const auto session = owner.session.lock();
    const bool done = session == nullptr || session->cancel();
    home->post([asker, request, done, address = owner.upstream] {
      const auto self = asker.lock();
      if (self == nullptr) return;
      if (done) return self->end();
      self->send_cancel(address, request);
    });
  });
}

void Session::send_cancel(const io::SocketAddress& upstream, const wire::CancelRequest& request) {
  cancel_to_send_ = request;
  connector_ = std::make_unique<UpstreamConnector>(services_.loop, services_.resolver, live_->upstream,
                                                   [this](auto result) { connected(std::move(result)); });
  connector_->start(upstream);
}

bool Session::cancel() { return phase_ == Phase::kServing && query_path_->cancel(); }

void Session::woken() {
  if (phase_ == Phase::kServing) query_path_->woken();
}

// --- serving -----------------------------------------------------------------------------------

std::size_t Session::serve_client(std::string_view input) {
  const std::size_t taken = query_path_->process(input);
  if (query_path_->fault()) {
    refuse(*query_path_->fault());
    return input.size();
  }
  const bool stopped = client_.congested() || upstream_.congested();
  upstream_.flush();
  client_.flush();
  // The sockets took it all at once, so no event will say that there is room again.
  if (stopped && !client_.congested() && !upstream_.congested()) resume_soon();
  if (query_path_->terminated()) {
    linger();
    return input.size();
  }
  return taken;
}

std::size_t Session::serve_console(std::string_view input) {
  const std::size_t taken = console_->process(input, client_.out());
  client_.flush();
  if (console_->fault()) {
    if (console_->fault()->empty()) {
      close_when_written();
    } else {
      refuse(fatal("08P01", *console_->fault()));
    }
    return input.size();
  }
  if (taken != 0 && taken < input.size() && !client_.congested()) resume_soon();
  return taken;
}

std::size_t Session::serve_upstream(std::string_view input) {
  const std::size_t taken = reply_path_->process(input);
  if (reply_path_->fault()) {
    spdlog::error("session of {} ended: {}", client_address_.text(), reply_path_->fault()->message);
    refuse(*reply_path_->fault());
    return input.size();
  }
  if (reply_path_->opaque() && phase_ == Phase::kServing) {
    phase_ = Phase::kOpaque;
    resume_soon();
    return taken;
  }
  query_path_->upstream_settled();
  if (draining_ && phase_ == Phase::kServing) drain();
  return taken;
}

// Nobody gets it: only its effects count, and once replies cannot be matched any more only its end.
std::size_t Session::hear_out(std::string_view input) {
  unheard_bytes_ += input.size();
  if (unheard_bytes_ > kUnheardBytesMax && !query_path_->exchange().is_fenced()) {
    end();
    return input.size();
  }
  return reply_path_->fault() ? input.size() : serve_upstream(input);
}

void Session::resume_soon() {
  if (resume_planned_) return;
  resume_planned_ = true;
  services_.loop.defer([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->resume_planned_ = false;
    self->resume();
    self->settle();
  });
}

void Session::resume() {
  if (phase_ != Phase::kServing && phase_ != Phase::kConsole && phase_ != Phase::kLogin &&
      phase_ != Phase::kOpaque)
    return;
  if (!client_.in().empty()) {
    const std::size_t n = consume_client(client_.in().view());
    if (client_.is_open()) client_.in().consume(n);
  }
  if (!upstream_.in().empty()) {
    const std::size_t n = consume_upstream(upstream_.in().view());
    if (upstream_.is_open()) upstream_.in().consume(n);
  }
  if (draining_) drain();
}

// --- the end -----------------------------------------------------------------------------------

void Session::drain() {
  draining_ = true;
  if (phase_ == Phase::kConsole) return cut();
  if (phase_ == Phase::kServing && !client_eof_) {
    if (!query_path_->at_rest() || query_path_->transaction_status() != 'I' || !client_.in().empty()) return;
    refuse(fatal("57P01", "terminating connection due to administrator command", "pgweir is shutting down."));
    settle();
  }
}

void Session::cut() {
  const auto self = shared_from_this();
  if (phase_ == Phase::kServing || phase_ == Phase::kConsole) {
    refuse(fatal("57P01", "terminating connection due to administrator command", "pgweir is shutting down."));
    settle();
  } else {
    end();
  }
}

void Session::client_closed() {
  if (phase_ == Phase::kServing) return linger();
  if (phase_ == Phase::kClosing) return last_words_said();
  end();
}

// The client will send no more, but may still read. PostgreSQL is told the same once it has answered all,
// and has the last word: of a COPY that lacks its end, and on Syncs that nobody knows whether it has read.
void Session::client_said_eof() {
  if (phase_ != Phase::kServing || client_eof_) return client_closed();
  client_eof_ = true;
  query_path_->client_said_eof();
  resume_soon();  // what waits in the buffer is answered first
}

// The client has gone. What it sent last may still commit, and its counters must be held until that
// is known. So PostgreSQL is told of the end as the client would have told it, and heard until it
// closes: then the backend is gone, and with it all doubt. What only reads is not worth hearing for long.
void Session::linger() {
  client_.close();
  if (query_path_->exchange().empty() && !upstream_.has_unsent()) return end();
  phase_ = Phase::kLingering;
  say_eof_upstream();
}

void Session::say_eof_upstream() {
  if (eof_said_ || !upstream_.is_open() || upstream_.has_unsent()) return;
  eof_said_ = true;
  upstream_.stream().shutdown_write();
}

// Whether all is answered, or the rest waits for a client that will send no more.
bool Session::all_answered() const {
  const Exchange& exchange = query_path_->exchange();
  return exchange.empty() || (exchange.size() == 1 && (exchange.open() || exchange.copying()));
}

// Whether the end of the client's stream is what PostgreSQL is to read next. Not before it has answered:
// what it sends before it closes could not be left waiting for a slow client.
bool Session::eof_is_next() const {
  if (!client_eof_ || phase_ != Phase::kServing || resume_planned_ || query_path_->is_waiting()) return false;
  return !client_.congested() && !upstream_.has_unsent() && all_answered();
}

void Session::upstream_closed(const std::string& reason) {
  // The reason may live in the stream.
  const std::string why = reason;  // NOLINT(performance-unnecessary-copy-initialization)
  drop_upstream();
  if (phase_ == Phase::kClosing && client_.is_open()) return;  // the last words are still being written
  if (phase_ == Phase::kServing || phase_ == Phase::kLogin) {
    const bool said_why = reply_path_ != nullptr && reply_path_->said_why();
    const bool amid = query_path_ != nullptr && query_path_->is_relaying();  // a word would be read as data
    if (said_why || amid || (eof_said_ && all_answered())) return close_when_written();
    return refuse(
        fatal("08006", "the connection to PostgreSQL at " + upstream_address_.text() + " was lost: " + why));
  }
  if (phase_ == Phase::kOpaque && !client_.out().empty()) return close_when_written();
  end();
}

void Session::drop_upstream() {
  if (!upstream_.is_open()) return;
  services_.stats.upstream_connections.add(-1);
  upstream_.close();
}

void Session::refuse(const wire::Complaint& complaint) {
  if (client_.is_open()) wire::append_error(client_.out(), complaint);
  close_when_written();
}

void Session::close_when_written() {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kClosing;
  if (query_path_ != nullptr) query_path_->leave_queue();
  client_.flush();
  if (!client_.is_open() || client_.out().empty()) return last_words_said();
  services_.loop.cancel(timer_);
  timer_ = services_.loop.after(kLastWordsTimeout, [this] { last_words_said(); });
}

// The end of its connection does not tell: it may be the network's between, and the backend lives on.
bool Session::backend_is_gone() const { return reply_path_ != nullptr && reply_path_->said_farewell(); }

void Session::last_words_said() {
  if (query_path_ == nullptr || !upstream_.is_open() || backend_is_gone()) return end();
  linger();
}

void Session::end() {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  services_.loop.cancel(timer_);
  connector_.reset();
  if (login_ != nullptr && !login_->cancel_key().key.empty()) services_.cancels.remove(login_->cancel_key());
  if (query_path_ != nullptr) {
    const bool told = backend_is_gone() || query_path_->exchange().settled();
    auto fences = std::make_shared<std::vector<Fence>>(query_path_->take_fences());
    std::erase_if(*fences, [](const Fence& fence) { return fence.empty(); });
    // The connection broke and the backend may live on: held for as long as a TTL lets an entry live.
    if (!fences->empty() && !told) services_.loop.after(live_->cache_ttl, [fences] { fences->clear(); });
  }
  client_.close();
  drop_upstream();
  services_.stats.client_sessions.add(-1);
  host_.ended(*this);
}

void Session::settle() {
  if (phase_ == Phase::kEnded) return;
  if (client_.is_open()) {
    const bool reads = phase_ == Phase::kStartup || phase_ == Phase::kLogin || phase_ == Phase::kOpaque ||
                       (phase_ == Phase::kConsole && !client_.congested()) ||
                       (phase_ == Phase::kServing && query_path_->wants_input());
    client_.want_read(((reads && !upstream_.congested()) || phase_ == Phase::kHandshake) && !client_eof_);
    if (client_eof_) client_.ignore_half_close();
    client_.settle();
  }
  if (eof_is_next()) say_eof_upstream();
  if (upstream_.is_open()) {
    upstream_.want_read(phase_ != Phase::kClosing && !client_.congested());
    // PostgreSQL waits for the client now, and others must not wait for that.
    if (phase_ == Phase::kServing && client_.congested()) query_path_->client_is_slow();
    upstream_.settle();
  }
}

}  // namespace pgweir::proxy
