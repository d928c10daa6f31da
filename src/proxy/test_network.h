// For tests: blocking sockets on 127.0.0.1, as a server that says little and as a client.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/check.h"
#include "io/socket.h"
#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/startup.h"

namespace pgweir::proxy {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Has a port; nobody gets through before listen().
class TestPort {
 public:
  TestPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    CHECK(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    CHECK(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  // Connections are made, though nobody accepts them.
  void listen() { CHECK(::listen(fd_.get(), 16) == 0); }
  // Waits for the next.
  io::Fd accept_one() { return io::Fd(accept(fd_.get(), nullptr, nullptr)); }
  // Accepts one, reads what it sends first, answers, and closes it.
  std::jthread answer(std::string_view with) {
    listen();
    return std::jthread([this, with] {
      const io::Fd client = accept_one();
      std::array<char, 64> ignored;
      CHECK(recv(client.get(), ignored.data(), ignored.size(), 0) >= 0);
      CHECK(send(client.get(), with.data(), with.size(), MSG_NOSIGNAL) >= 0);
    });
  }
  std::uint16_t port() const { return port_; }
  std::string text() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  io::Fd fd_;
  std::uint16_t port_ = 0;
};

// A client of pgweir's.
class TestClient {
 public:
  explicit TestClient(io::Fd fd) : fd_(std::move(fd)) {}
  explicit TestClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port);
    connected_ = connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool connected() const { return connected_; }
  void send_startup() {
    base::Buffer out;
    wire::append_startup(out, {.version = {3, 0}, .parameters = {{"user", "ann"}}});
    CHECK(send(fd_.get(), out.view().data(), out.size(), MSG_NOSIGNAL) > 0);
  }
  // Everything up to the end of the connection.
  std::string read_all() {
    std::string all;
    std::array<char, 4096> part;
    for (ssize_t n; (n = recv(fd_.get(), part.data(), part.size(), 0)) > 0;)
      all.append(part.data(), static_cast<std::size_t>(n));
    return all;
  }
  // The error that a login ends with: SQLSTATE and message; empty if it ends without.
  std::string refusal() {
    send_startup();
    const std::string all = read_all();
    if (all.size() < wire::kHeaderBytes || all.front() != 'E') return {};
    const std::string_view body = std::string_view(all).substr(wire::kHeaderBytes);
    return std::string(wire::error_field(body, 'C').value_or("")) + " " +
           std::string(wire::error_field(body, 'M').value_or(""));
  }

 private:
  io::Fd fd_;
  bool connected_ = true;
};

}  // namespace pgweir::proxy
