// Sockets of the benchmark programs: owned descriptors, and the few calls that make them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace pgweir::bench {

// Owns a file descriptor; closes it at the end of its life.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// host is a numeric IPv4 address; port 0 lets the kernel choose. Non-blocking.
base::Result<Fd> listen_tcp(const std::string& host, std::uint16_t port);
base::Result<std::uint16_t> local_port(int fd);

// host is a numeric IPv4 address. Blocking, without Nagle's delay.
base::Result<Fd> connect_tcp(const std::string& host, std::uint16_t port);

base::Result<void> set_nonblocking(int fd);
void set_nodelay(int fd);

// Raises the soft limit of open files to the hard one; returns the limit in force.
std::size_t raise_file_limit();

// "what: the system's message for errno".
base::Error system_error(const std::string& what);

}  // namespace pgweir::bench
