// Sockets of the benchmark programs: blocking ones too, and numeric IPv4 addresses only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/socket.h"

namespace pgweir::bench {

using io::Fd;

// host is a numeric IPv4 address; port 0 lets the kernel choose. Non-blocking.
base::Result<Fd> listen_tcp(const std::string& host, std::uint16_t port);
base::Result<std::uint16_t> local_port(int fd);

// host is a numeric IPv4 address. Blocking, without Nagle's delay.
base::Result<Fd> connect_tcp(const std::string& host, std::uint16_t port);

base::Result<void> set_nonblocking(int fd);

// Raises the soft limit of open files to the hard one; returns the limit in force.
std::size_t raise_file_limit();

// "what: the system's message for errno".
base::Error system_error(const std::string& what);

}  // namespace pgweir::bench
