#include "bench/echo_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pgweir::bench {
namespace {

constexpr std::size_t kReceiveBytes = 256 * 1024;
constexpr int kEventsMax = 256;
constexpr std::size_t kStartupBytesMax = 10'000;
constexpr std::uint32_t kSslRequest = 80'877'103, kGssRequest = 80'877'104;
constexpr std::uint32_t kTextOid = 25;

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return std::byteswap(value);
}

std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

std::string u32(std::size_t value) { return u16(value >> 16) + u16(value); }

std::string message(char type, std::string_view body) {
  return std::string(1, type) + u32(body.size() + 4) + std::string(body);
}

std::string string_field(std::string_view text) { return std::string(text) + '\0'; }

std::string make_welcome() {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kParameters{{
      {"application_name", ""},
      {"client_encoding", "UTF8"},
      {"DateStyle", "ISO, MDY"},
      {"default_transaction_read_only", "off"},
      {"in_hot_standby", "off"},
      {"integer_datetimes", "on"},
      {"IntervalStyle", "postgres"},
      {"is_superuser", "off"},
      {"server_encoding", "UTF8"},
      {"server_version", "15.0"},
      {"session_authorization", "bench"},
      {"standard_conforming_strings", "on"},
      {"TimeZone", "UTC"},
  }};
  std::string out = message('R', u32(0));
  for (const auto& [name, value] : kParameters) out += message('S', string_field(name) + string_field(value));
  return out + message('K', u32(1) + u32(1)) + message('Z', "I");
}

std::string make_row_description() {
  constexpr std::size_t kAnyLength = 0xffff'ffff;  // -1
  const std::string column =
      string_field("body") + u32(0) + u16(0) + u32(kTextOid) + u16(kAnyLength) + u32(kAnyLength) + u16(0);
  return message('T', u16(1) + column);
}

}  // namespace

EchoProtocol::EchoProtocol(const EchoConfig& config)
    : welcome_(make_welcome()), row_description_(make_row_description()), ready_(message('Z', "I")) {
  const std::string row =
      message('D', u16(1) + u32(config.value_bytes) + std::string(config.value_bytes, 'x'));
  for (std::size_t i = 0; i < config.rows; ++i) execute_reply_ += row;
  execute_reply_ += message('C', string_field("SELECT " + std::to_string(config.rows)));
  statement_reply_ = message('t', u16(0)) + row_description_;
  query_reply_ = row_description_ + execute_reply_ + ready_;
}

base::Result<std::size_t> EchoProtocol::answer(std::string_view in, bool& started, std::string& out) const {
  constexpr std::size_t kHeaderBytes = 5;
  std::size_t used = 0;
  while (!started) {
    const auto taken = answer_startup(in.substr(used), started, out);
    if (!taken) return taken;
    if (*taken == 0) return used;
    used += *taken;
  }
  while (in.size() - used >= kHeaderBytes) {
    const std::size_t length = u32_at(in, used + 1);
    if (length < 4) return base::fail(base::ErrorCode::kInvalid, "impossible message length");
    if (in.size() - used < length + 1) break;
    const std::string_view body = in.substr(used + kHeaderBytes, length - 4);
    if (auto answered = answer_message(in[used], body, out); !answered)
      return std::unexpected(answered.error());
    used += length + 1;
  }
  return used;
}

base::Result<std::size_t> EchoProtocol::answer_startup(std::string_view in, bool& started,
                                                       std::string& out) const {
  if (in.size() < 8) return 0;
  const std::size_t length = u32_at(in, 0);
  const std::uint32_t code = u32_at(in, 4);
  if (length < 8 || length > kStartupBytesMax) {
    return base::fail(base::ErrorCode::kInvalid, "impossible startup length");
  }
  if (in.size() < length) return 0;
  if (code == kSslRequest || code == kGssRequest) {
    out.push_back('N');
    return length;
  }
  if (code >> 16 != 3) return base::fail(base::ErrorCode::kClosed, "a cancel request, or another protocol");
  out += welcome_;
  started = true;
  return length;
}

base::Result<void> EchoProtocol::answer_message(char type, std::string_view body, std::string& out) const {
  static constexpr std::string_view kParseComplete("1\0\0\0\4", 5);
  static constexpr std::string_view kBindComplete("2\0\0\0\4", 5);
  static constexpr std::string_view kCloseComplete("3\0\0\0\4", 5);
  switch (type) {
    case 'Q':
      out += query_reply_;
      return {};
    case 'P':
      out += kParseComplete;
      return {};
    case 'B':
      out += kBindComplete;
      return {};
    case 'D':
      out += body.starts_with('S') ? statement_reply_ : row_description_;
      return {};
    case 'E':
      out += execute_reply_;
      return {};
    case 'C':
      out += kCloseComplete;
      return {};
    case 'S':
      out += ready_;
      return {};
    case 'H':  // Flush: everything is sent at once anyway
      return {};
    case 'X':
      return base::fail(base::ErrorCode::kClosed, "Terminate");
    default:
      return base::fail(base::ErrorCode::kInvalid, "unexpected message");
  }
}

base::Result<std::unique_ptr<EchoServer>> EchoServer::start(const EchoConfig& config) {
  auto listener = listen_tcp(config.host, config.port);
  if (!listener) return std::unexpected(listener.error());
  const auto port = local_port(listener->get());
  if (!port) return std::unexpected(port.error());
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return std::unexpected(system_error("epoll_create1"));
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener->get(), &event) != 0) {
    return std::unexpected(system_error("epoll_ctl"));
  }
  return std::unique_ptr<EchoServer>(new EchoServer(config, std::move(*listener), std::move(epoll), *port));
}

EchoServer::EchoServer(const EchoConfig& config, Fd listener, Fd epoll, std::uint16_t port)
    : protocol_(config),
      listener_(std::move(listener)),
      epoll_(std::move(epoll)),
      port_(port),
      received_(kReceiveBytes) {}

base::Result<void> EchoServer::turn(int wait_ms) {
  std::array<epoll_event, kEventsMax> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), kEventsMax, wait_ms);
  if (ready < 0 && errno != EINTR) return std::unexpected(system_error("epoll_wait"));
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      accept_all();
      continue;
    }
    Session& session = *static_cast<Session*>(event.data.ptr);
    const bool alive = (event.events & EPOLLOUT) != 0 ? resume_send(session) : read(session);
    if (!alive) sessions_.erase(&session);
  }
  return {};
}

void EchoServer::accept_all() {
  for (;;) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    io::tune_connection(fd.get());
    auto session = std::make_unique<Session>();
    session->fd = std::move(fd);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = session.get()}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, session->fd.get(), &event) != 0) continue;
    const Session* key = session.get();
    sessions_.emplace(key, std::move(session));
  }
}

bool EchoServer::read(Session& session) {
  const ssize_t got = ::recv(session.fd.get(), received_.data(), received_.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  std::string_view in(received_.data(), static_cast<std::size_t>(got));
  const bool resumed = !session.unread.empty();
  if (resumed) in = session.unread.append(in);
  answers_.clear();
  const auto used = protocol_.answer(in, session.started, answers_);
  if (!used) return false;
  if (resumed) {
    session.unread.erase(0, *used);
  } else if (*used < in.size()) {
    session.unread.assign(in.substr(*used));
  }
  return answers_.empty() || send(session, answers_);
}

bool EchoServer::send(Session& session, std::string_view bytes) {
  const ssize_t sent = ::send(session.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
  const std::size_t done = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  if (done == bytes.size()) return true;
  session.unsent.assign(bytes.substr(done));
  return watch(session, EPOLLOUT);
}

bool EchoServer::resume_send(Session& session) {
  const std::string unsent = std::exchange(session.unsent, {});
  if (!send(session, unsent)) return false;
  return !session.unsent.empty() || watch(session, EPOLLIN);
}

bool EchoServer::watch(const Session& session, unsigned events) {
  epoll_event event{.events = events, .data = {.ptr = const_cast<Session*>(&session)}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, session.fd.get(), &event) == 0;
}

}  // namespace pgweir::bench
