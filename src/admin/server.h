// HTTP for people and monitoring, on a thread of its own, so that it answers while workers are busy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::admin {

struct HttpReply {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
};

struct AdminLimits {
  unsigned connections_max = 64;  // one more gets 503 and is closed
  unsigned header_bytes_max = 8 * 1024;
  std::uint64_t body_bytes_max = 64 * 1024;
  base::Nanos idle_timeout = 15 * base::kSecond;  // for a whole request to arrive, and for a reply to leave
};

// Answers only requests whose Host is the loopback, the name it was told to listen on, or the
// address that the client reached (a web page cannot reach it through a DNS name of its own), and
// refuses requests from other origins that could change something. Errors are JSON:
// {"error": "…"}. HTTP/1.0 and 1.1, keep-alive.
//
// route(), start() and stop() are for one thread, the owner's; handlers run on the server's.
class AdminServer {
 public:
  using Handler = std::function<HttpReply()>;

  explicit AdminServer(AdminLimits limits = {});
  ~AdminServer();  // stops
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // GET answers HEAD too. The handler must not block: while it runs nobody else is answered.
  // REQUIRES: not started; no two routes with the same method and path.
  void route(std::string_view method, std::string_view path, Handler handler);

  // listen: "host:port", port 0 for any free one. Returns the port. kInvalid if the address cannot
  // be read or resolved, kUnavailable if it cannot be bound (in use).
  // REQUIRES: not started.
  base::Result<std::uint16_t> start(std::string_view listen);

  // Closes all connections and joins the thread; no handler runs afterwards. May be called again.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgweir::admin
