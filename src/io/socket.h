// Non-blocking sockets: addresses, listening, connecting. Errors are in the operating system's
// words with the address in front.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pgweir::io {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // "127.0.0.1:5432", "[::1]:5432", or the path of a Unix socket.
  std::string text() const;
  // Unix socket, or in 127.0.0.0/8 or ::1.
  bool is_local() const;
};

// host: a name, an IP address, or a directory that begins with '/' (PostgreSQL's Unix socket
// .s.PGSQL.<port> in it). Blocks on the name service for names: not for an event loop's thread.
base::Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port);
// The same for what needs no name service; fails with kInvalid for a name.
base::Result<std::vector<SocketAddress>> resolve_numeric(const std::string& host, std::uint16_t port);

// Listening, with SO_REUSEADDR; a stale Unix socket that nobody listens on is replaced, and whoever may
// enter the directory may connect to it.
base::Result<Fd> listen_on(const SocketAddress& address);

// Begins to connect; writable means done, then ask connect_result.
base::Result<Fd> begin_connect(const SocketAddress& address);
base::Result<void> connect_result(const Fd& fd, const SocketAddress& address);

// TCP_NODELAY and keepalive; nothing for Unix sockets.
void tune_connection(int fd);

// The other end of an accepted connection.
SocketAddress peer_address(int fd);
// Where a socket is bound; the port is the real one where port 0 was asked for.
SocketAddress local_address(int fd);

}  // namespace pgweir::io
