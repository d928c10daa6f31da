#include "drill/http_get.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace pgweir::drill {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t kBodyBytesMax = 4 << 20;

tcp::endpoint loopback(std::uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

// Asio's deadlines act on asynchronous calls only; hence a loop of its own that ends with the exchange.
class Exchange {
 public:
  Exchange(const std::string& path, base::Nanos timeout_ns) : stream_(loop_) {
    request_.method(http::verb::get);
    request_.version(11);
    request_.target(path);
    request_.set(http::field::host, "127.0.0.1");
    request_.keep_alive(false);
    response_.body_limit(kBodyBytesMax);
    stream_.expires_after(std::chrono::nanoseconds(timeout_ns));
  }

  error_code run(std::uint16_t port) {
    stream_.async_connect(loopback(port), [this](error_code error) {
      if (fails(error)) return;
      http::async_write(stream_, request_, [this](error_code write_error, std::size_t) {
        if (fails(write_error)) return;
        http::async_read(stream_, buffer_, response_,
                         [this](error_code read_error, std::size_t) { fails(read_error); });
      });
    });
    loop_.run();
    return error_;
  }

  http::response<http::string_body> take() { return response_.release(); }

 private:
  bool fails(error_code error) {
    error_ = error;
    return static_cast<bool>(error);
  }

  asio::io_context loop_;
  boost::beast::tcp_stream stream_;
  http::request<http::empty_body> request_;
  boost::beast::flat_buffer buffer_;
  http::response_parser<http::string_body> response_;
  error_code error_;
};

}  // namespace

base::Result<std::string> http_get(std::uint16_t port, const std::string& path, base::Nanos timeout_ns) {
  Exchange exchange(path, timeout_ns);
  const auto failed = [&](const std::string& reason) {
    return base::fail(base::ErrorCode::kUnavailable,
                      "http://127.0.0.1:" + std::to_string(port) + path + ": " + reason);
  };
  if (const error_code error = exchange.run(port)) return failed(error.message());
  auto response = exchange.take();
  if (response.result() != http::status::ok) return failed("status " + std::to_string(response.result_int()));
  return std::move(response.body());
}

bool port_accepts(std::uint16_t port) {
  asio::io_context loop;
  tcp::socket socket(loop);
  error_code error;
  socket.connect(loopback(port), error);
  return !error;
}

bool port_is_free(std::uint16_t port) {
  asio::io_context loop;
  tcp::acceptor acceptor(loop);
  error_code error;
  acceptor.open(tcp::v4(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(loopback(port), error);
  if (!error) acceptor.listen(1, error);
  return !error;
}

}  // namespace pgweir::drill
