// How commands speak to a running pgweir on this machine: the database `pgweir`, by libpq.
#pragma once

#include <libpq-fe.h>

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace pgweir::app {

// One thread.
class ConsoleClient {
 public:
  // One row, by column.
  using Row = std::map<std::string, std::string, std::less<>>;
  struct Refusal {
    std::string code;  // SQLSTATE; empty: it cannot be reached
    std::string message;
  };

  // address: host:port, as in server.listen.
  static std::expected<ConsoleClient, Refusal> connect(std::string_view address);
  // The row of its answer, empty if it has none or several.
  std::expected<Row, Refusal> ask(const char* command) const;

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace pgweir::app
