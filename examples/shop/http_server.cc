#include "http_server.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace shop {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

// One connection. It keeps itself alive through the handlers of what it waits for.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, WorkerPool& pool) : stream_(std::move(socket)), pool_(pool) {}

  void read() {
    parser_.emplace();
    parser_->body_limit(kBodyBytesMax);
    stream_.expires_after(kIdleMax);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_read(error); });
  }

 private:
  void on_read(beast::error_code error) {
    if (error == http::error::body_limit) return write({413, R"({"error":"the body is too large"})"}, false);
    if (error) return;  // the client left, or sent what is not HTTP: close
    const auto& message = parser_->get();
    const bool keep_alive = message.keep_alive();
    Request request{std::string(message.method_string()), std::string(message.target()), message.body()};
    const bool accepted = pool_.submit(
        [self = shared_from_this(), request = std::move(request), keep_alive](Database& database) {
          asio::post(self->stream_.get_executor(),
                     [self, reply = answer(database, request), keep_alive]() mutable {
                       self->write(std::move(reply), keep_alive);
                     });
        });
    if (!accepted) write({503, R"({"error":"too many requests are waiting for the database"})"}, keep_alive);
  }

  void write(Reply reply, bool keep_alive) {
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(reply.status));
    response_.set(http::field::content_type, "application/json");
    response_.keep_alive(keep_alive);
    response_.body() = std::move(reply.body);
    response_.prepare_payload();
    stream_.expires_after(kIdleMax);
    http::async_write(stream_, response_,
                      [self = shared_from_this(), keep_alive](beast::error_code error, std::size_t) {
                        if (!error && keep_alive) self->read();
                      });
  }

  beast::tcp_stream stream_;
  WorkerPool& pool_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

Result<void> HttpServer::listen(const tcp::endpoint& address) {
  beast::error_code error;
  acceptor_.open(address.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(address, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(500, "cannot listen: " + error.message());
  accept();
  return {};
}

void HttpServer::accept() {
  acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      beast::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Connection>(std::move(socket), pool_)->read();
    }
    accept();
  });
}

Result<tcp::endpoint> parse_address(const std::string& text) {
  const auto wrong = [&] { return fail(400, "'" + text + "' is not an address such as 127.0.0.1:8080"); };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong();
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  unsigned short port = 0;
  const auto [end, port_error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  boost::system::error_code host_error;
  const auto ip = asio::ip::make_address(host, host_error);
  if (port_error != std::errc() || end != text.data() + text.size() || port == 0 || host_error)
    return wrong();
  return tcp::endpoint(ip, port);
}

}  // namespace shop
