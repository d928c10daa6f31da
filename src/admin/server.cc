#include "admin/server.h"

#include <fmt/format.h>
#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "admin/host.h"
#include "base/check.h"
#include "config/address.h"

namespace pgweir::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

// After accept() failed (no file handles), until it is tried again.
constexpr std::chrono::milliseconds kAcceptPause{100};

constexpr std::string_view kTooManyReply =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 32\r\n"
    "Retry-After: 1\r\nConnection: close\r\n\r\n{\"error\":\"too many connections\"}";

HttpReply error_reply(unsigned status, std::string_view message) {
  return {status, "application/json", fmt::format("{{\"error\":\"{}\"}}", message)};
}

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

class Routes {
 public:
  void add(std::string_view method, std::string_view path, AdminServer::Handler handler) {
    CHECK(by_path_[std::string(path)].emplace(method, std::move(handler)).second);
  }

  // allow is set when the path exists and the method does not.
  HttpReply answer(std::string_view method, std::string_view target, std::string& allow) const {
    const auto path = by_path_.find(target.substr(0, target.find('?')));
    if (path == by_path_.end()) return error_reply(404, "no such path");
    const auto route = path->second.find(method == "HEAD" ? "GET" : method);
    if (route != path->second.end()) return route->second();
    for (const auto& [name, handler] : path->second) {
      allow += fmt::format("{}{}{}", allow.empty() ? "" : ", ", name, name == "GET" ? ", HEAD" : "");
    }
    return error_reply(405, "this path has no such method");
  }

 private:
  using ByMethod = std::map<std::string, AdminServer::Handler, std::less<>>;
  std::map<std::string, ByMethod, std::less<>> by_path_;
};

// What a connection needs of its server, which outlives it.
struct Shared {
  AdminLimits limits;
  Routes routes;
  std::string listen_host;
  unsigned connections = 0;
};

// Why a request is refused before any handler sees it.
std::optional<HttpReply> find_refusal(const Request& request, const Shared& shared,
                                      const std::string& local_address) {
  const std::string_view host_field = view_of(request[http::field::host]);
  const auto hosts = request.count(http::field::host);
  // HTTP/1.0 has no Host, and no browser speaks it.
  if (hosts > 1 || (hosts == 0 && request.version() >= 11))
    return error_reply(400, "exactly one Host is needed");
  if (hosts == 1 && !is_own_host(host_of(host_field), shared.listen_host, local_address)) {
    return error_reply(403,
                       "Host must be localhost, the address of this server, or the name in admin.listen");
  }
  if (request.method() == http::verb::get || request.method() == http::verb::head) return std::nullopt;
  const bool foreign = request.count(http::field::origin) != 0 &&
                       !is_same_origin(view_of(request[http::field::origin]), host_field);
  const std::string_view site = view_of(request["Sec-Fetch-Site"]);
  if (foreign || (!site.empty() && site != "same-origin" && site != "none")) {
    return error_reply(403, "requests from other origins are refused");
  }
  return std::nullopt;
}

Response make_response(HttpReply reply, bool head, unsigned version, bool keep_alive) {
  Response response(static_cast<http::status>(reply.status), version);
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.set(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
      "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.keep_alive(keep_alive);
  response.content_length(reply.body.size());
  if (!head) response.body() = std::move(reply.body);
  return response;
}

// One client. Lives on the server's thread, as long as an operation of it is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {
    ++shared_.connections;
  }
  ~Connection() { --shared_.connections; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One deadline for the whole request, so that sending it byte by byte gains nothing.
  void read() {
    parser_.emplace();
    parser_->header_limit(shared_.limits.header_bytes_max);
    parser_->body_limit(shared_.limits.body_bytes_max);
    stream_.expires_after(std::chrono::nanoseconds(shared_.limits.idle_timeout));
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
  }

 private:
  void on_read(error_code error) {
    if (!error) return answer();
    if (error == http::error::header_limit) return refuse(431, "the header is too long");
    if (error == http::error::body_limit) return refuse(413, "the body is too long");
    static const auto& kHttpCategory = make_error_code(http::error::end_of_stream).category();
    const bool malformed = error.category() == kHttpCategory && error != http::error::end_of_stream &&
                           error != http::error::partial_message;
    if (malformed) return refuse(400, "not an HTTP request");
    close();  // the client has gone, or its time is up
  }

  void answer() {
    const Request& request = parser_->get();
    error_code error;
    const tcp::endpoint local = stream_.socket().local_endpoint(error);
    if (error) return close();
    std::string allow;
    const auto refusal = find_refusal(request, shared_, local.address().to_string());
    HttpReply reply =
        refusal ? *refusal
                : shared_.routes.answer(view_of(request.method_string()), view_of(request.target()), allow);
    const bool head = request.method() == http::verb::head;
    response_ = make_response(std::move(reply), head, request.version(), request.keep_alive());
    if (!allow.empty()) response_.set(http::field::allow, allow);
    write();
  }

  void refuse(unsigned status, std::string_view message) {
    response_ = make_response(error_reply(status, message), false, 11, false);
    write();
  }

  void write() {
    stream_.expires_after(std::chrono::nanoseconds(shared_.limits.idle_timeout));
    http::async_write(stream_, response_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error || !self->response_.keep_alive()) return self->close();
      self->read();
    });
  }

  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Response response_;
};

}  // namespace

class AdminServer::Impl {
 public:
  explicit Impl(AdminLimits limits) { shared_.limits = limits; }

  void route(std::string_view method, std::string_view path, Handler handler) {
    CHECK(!running_);
    shared_.routes.add(method, path, std::move(handler));
  }

  base::Result<std::uint16_t> start(std::string_view listen) {
    CHECK(!running_);
    auto running = std::make_unique<Running>(shared_);
    const auto port = running->open(listen);
    if (!port) return port;
    running_ = std::move(running);
    running_->run();
    return port;
  }

  void stop() { running_.reset(); }

 private:
  // What is there between start() and stop(): the listening socket, the loop and its thread.
  class Running {
   public:
    explicit Running(Shared& shared) : shared_(shared) {}
    ~Running() {
      io_.stop();
      if (thread_.joinable()) thread_.join();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    base::Result<std::uint16_t> open(std::string_view listen);

    // Signals are for the main thread.
    void run() {
      accept();
      sigset_t all, before;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
      thread_ = std::thread([this] { io_.run(); });
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

   private:
    void accept();
    void accept_later();

    Shared& shared_;
    asio::io_context io_{1};  // its destruction closes the connections that remain
    tcp::acceptor acceptor_{io_};
    asio::steady_timer accept_pause_{io_};
    std::thread thread_;
  };

  Shared shared_;
  std::unique_ptr<Running> running_;
};

base::Result<std::uint16_t> AdminServer::Impl::Running::open(std::string_view listen) {
  const auto address = config::parse_listen_address(listen);
  if (!address) return std::unexpected(address.error());
  shared_.listen_host = address->host;
  error_code error;
  tcp::resolver resolver(io_);
  const auto endpoints = resolver.resolve(address->host, std::to_string(address->port),
                                          tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || endpoints.empty()) {
    return base::fail(base::ErrorCode::kInvalid,
                      fmt::format("cannot resolve {}: {}", listen, error.message()));
  }
  const tcp::endpoint endpoint = endpoints.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (!error) {
    const std::uint16_t port = acceptor_.local_endpoint(error).port();
    if (!error) return port;
  }
  return base::fail(base::ErrorCode::kUnavailable,
                    fmt::format("cannot listen on {}: {}", listen, error.message()));
}

void AdminServer::Impl::Running::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error) return accept_later();
    if (shared_.connections < shared_.limits.connections_max) {
      std::make_shared<Connection>(std::move(socket), shared_)->read();
    } else {
      // A fresh socket's send buffer holds so little; nobody waits for it.
      error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(kTooManyReply), ignored);
    }
    accept();
  });
}

void AdminServer::Impl::Running::accept_later() {
  accept_pause_.expires_after(kAcceptPause);
  accept_pause_.async_wait([this](error_code error) {
    if (!error) accept();
  });
}

AdminServer::AdminServer(AdminLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
AdminServer::~AdminServer() { stop(); }

void AdminServer::route(std::string_view method, std::string_view path, Handler handler) {
  impl_->route(method, path, std::move(handler));
}

base::Result<std::uint16_t> AdminServer::start(std::string_view listen) { return impl_->start(listen); }

void AdminServer::stop() { impl_->stop(); }

}  // namespace pgweir::admin
