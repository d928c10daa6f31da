#include "evidence.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace pgweir::freshness {
namespace {

// The reply to GET /metrics; empty: there is none to be had. address: host:port.
std::string metrics_page(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return "";
  addrinfo* found = nullptr;
  if (getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), nullptr, &found) != 0)
    return "";
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_STREAM, 0);
  std::string page;
  if (connect(socket, found->ai_addr, found->ai_addrlen) == 0) {
    const std::string request =
        fmt::format("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address);
    std::array<char, 65536> buffer;
    ssize_t count = send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    while (count > 0 && (count = recv(socket, buffer.data(), buffer.size(), 0)) > 0)
      page.append(buffer.data(), static_cast<std::size_t>(count));
  }
  close(socket);
  return page;
}

std::string lag(const std::string& address) {
  std::string out;
  const std::string page = metrics_page(address);
  for (const std::string_view name :
       {"\npgweir_sync_following", "\npgweir_sync_lag_seconds", "\npgweir_sync_lag_bytes"}) {
    for (auto at = page.find(name); at != std::string::npos; at = page.find(name, at + 1))
      out +=
          fmt::format("{}{}", out.empty() ? "" : ", ", page.substr(at + 1, page.find('\n', at + 1) - at - 1));
  }
  return out.empty() ? "follows no change stream" : out;
}

// A hit does not reach PostgreSQL: the last statement there is an older one, or a question of pgweir's own.
std::string answered_by(const Run& run, int backend, Nanos began) {
  Connection direct(run.direct_options);
  const Reply reply =
      direct.run(fmt::format("SELECT extract(epoch FROM clock_timestamp() - query_start)::text, query FROM "
                             "pg_stat_activity WHERE pid = {}",
                             backend));
  const Nanos elapsed = run.progress.now() - began;
  if (!reply.done() || reply.rows.empty()) return "somebody: its backend is gone";
  const std::string age = reply.rows[0][0].value_or("0"), text = reply.rows[0][1].value_or("");
  const bool is_newer = std::stod(age) * 1e9 < static_cast<double>(elapsed);
  const bool is_own = text.find("pg_catalog.") != std::string::npos;
  return fmt::format("{}; the backend's last statement, {} s ago: {}",
                     is_newer && !is_own ? "PostgreSQL" : "the cache", age, text.substr(0, 120));
}

}  // namespace

std::string evidence_at(const Run& run, int backend, Nanos began) {
  return fmt::format("\n    the last reply of the session came from {}\n    faults: {}\n    pgweir: {}",
                     answered_by(run, backend, began), run.progress.last_fault(), lag(run.admin));
}

}  // namespace pgweir::freshness
