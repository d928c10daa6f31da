#include "bench/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace pgweir::bench {
namespace {

constexpr int kListenBacklog = 4096;

base::Result<sockaddr_in> address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return base::fail(base::ErrorCode::kInvalid, "'" + host + "' is not a numeric IPv4 address");
  }
  return address;
}

const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

base::Error system_error(const std::string& what) {
  return {base::ErrorCode::kUnavailable, what + ": " + std::strerror(errno)};
}

base::Result<Fd> listen_tcp(const std::string& host, std::uint16_t port) {
  const auto address = address_of(host, port);
  if (!address) return std::unexpected(address.error());
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(system_error("socket"));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), generic(*address), sizeof *address) != 0) {
    return std::unexpected(system_error("bind " + host + ":" + std::to_string(port)));
  }
  if (::listen(fd.get(), kListenBacklog) != 0) return std::unexpected(system_error("listen"));
  return fd;
}

base::Result<std::uint16_t> local_port(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return std::unexpected(system_error("getsockname"));
  }
  return ntohs(address.sin_port);
}

base::Result<Fd> connect_tcp(const std::string& host, std::uint16_t port) {
  const auto address = address_of(host, port);
  if (!address) return std::unexpected(address.error());
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(system_error("socket"));
  if (::connect(fd.get(), generic(*address), sizeof *address) != 0) {
    return std::unexpected(system_error("connect " + host + ":" + std::to_string(port)));
  }
  io::tune_connection(fd.get());
  return fd;
}

base::Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return std::unexpected(system_error("fcntl O_NONBLOCK"));
  }
  return {};
}

std::size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

}  // namespace pgweir::bench
