#include "io/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace pgweir::io {
namespace {

std::unexpected<base::Error> failed(base::ErrorCode code, const std::string& place, int error) {
  return base::fail(code, place + ": " + std::strerror(error));
}

base::Result<SocketAddress> unix_address(const std::string& directory, std::uint16_t port) {
  const std::string path = directory + "/.s.PGSQL." + std::to_string(port);
  SocketAddress out;
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path)
    return base::fail(base::ErrorCode::kInvalid,
                      path + ": longer than a Unix socket's path may be (107 bytes)");
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  std::memcpy(&out.storage, &address, sizeof address);
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return out;
}

base::Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port, int flags) {
  if (!host.empty() && host[0] == '/') {
    auto address = unix_address(host, port);
    if (!address) return std::unexpected(address.error());
    return std::vector{*address};
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const int error =
      getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) {
    const auto code = error == EAI_NONAME ? base::ErrorCode::kInvalid : base::ErrorCode::kUnavailable;
    return base::fail(code, host + ": " + gai_strerror(error));
  }
  std::vector<SocketAddress> out;
  for (const addrinfo* i = list; i != nullptr; i = i->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, i->ai_addr, i->ai_addrlen);
    address.size = i->ai_addrlen;
    out.push_back(address);
  }
  freeaddrinfo(list);
  return out;
}

// A Unix socket's file outlives a killed server; bind() would refuse it for ever.
void remove_stale_socket(const SocketAddress& address) {
  if (address.storage.ss_family != AF_UNIX) return;
  Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (probe && connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED)
    unlink(address.text().c_str());
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

std::string SocketAddress::text() const {
  if (storage.ss_family == AF_UNIX) {
    const auto* path = reinterpret_cast<const sockaddr_un*>(&storage)->sun_path;
    return size > offsetof(sockaddr_un, sun_path) ? std::string(path) : std::string("local");
  }
  char host[NI_MAXHOST], service[NI_MAXSERV];
  if (getnameinfo(get(), size, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) !=
      0)
    return "unknown";
  const bool v6 = storage.ss_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + service;
}

bool SocketAddress::is_local() const {
  if (storage.ss_family == AF_UNIX) return true;
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6);
  }
  return false;
}

base::Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port) {
  return look_up(host, port, AI_ADDRCONFIG);
}

base::Result<std::vector<SocketAddress>> resolve_numeric(const std::string& host, std::uint16_t port) {
  return look_up(host, port, AI_NUMERICHOST | AI_NUMERICSERV);
}

base::Result<Fd> listen_on(const SocketAddress& address) {
  const std::string place = "cannot listen on " + address.text();
  Fd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(base::ErrorCode::kInternal, place, errno);
  const int on = 1;
  if (address.storage.ss_family != AF_UNIX) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.storage.ss_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  remove_stale_socket(address);
  if (bind(fd.get(), address.get(), address.size) != 0)
    return failed(base::ErrorCode::kInternal, place, errno);
  // Whoever reaches the directory may connect, as with PostgreSQL; the umask would leave this to the owner.
  if (address.storage.ss_family == AF_UNIX && chmod(address.text().c_str(), 0777) != 0)
    return failed(base::ErrorCode::kInternal, place, errno);
  if (listen(fd.get(), 4096) != 0) return failed(base::ErrorCode::kInternal, place, errno);
  return fd;
}

base::Result<Fd> begin_connect(const SocketAddress& address) {
  Fd fd(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(base::ErrorCode::kLimit, address.text(), errno);
  tune_connection(fd.get());
  if (connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)
    return failed(base::ErrorCode::kUnavailable, address.text(), errno);
  return fd;
}

base::Result<void> connect_result(const Fd& fd, const SocketAddress& address) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return failed(base::ErrorCode::kUnavailable, address.text(), error);
  return {};
}

void tune_connection(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

SocketAddress local_address(int fd) {
  SocketAddress out;
  out.size = sizeof out.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&out.storage), &out.size) != 0) out = {};
  return out;
}

SocketAddress peer_address(int fd) {
  SocketAddress out;
  out.size = sizeof out.storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&out.storage), &out.size) != 0) out = {};
  return out;
}

}  // namespace pgweir::io
