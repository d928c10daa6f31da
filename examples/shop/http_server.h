// HTTP/1.1 with keep-alive, on one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>

#include "endpoints.h"
#include "failure.h"
#include "worker_pool.h"

namespace shop {

inline constexpr std::size_t kBodyBytesMax = 64 * 1024;
inline constexpr std::chrono::seconds kIdleMax{60};  // a connection silent for longer is closed

// Accepts connections, reads requests, has the pool answer them. One request at a time per connection;
// what a client pipelines waits in its socket. The thread that runs the io_context.
class HttpServer {
 public:
  HttpServer(boost::asio::io_context& loop, WorkerPool& pool) : acceptor_(loop), pool_(pool) {}

  // Listens from now on; 500 with the reason if the address cannot be had.
  Result<void> listen(const boost::asio::ip::tcp::endpoint& address);

 private:
  void accept();

  boost::asio::ip::tcp::acceptor acceptor_;
  WorkerPool& pool_;
};

// "127.0.0.1:8080" or "[::1]:8080"; 400 with what is wrong.
Result<boost::asio::ip::tcp::endpoint> parse_address(const std::string& text);

}  // namespace shop
