// A server that speaks just enough of the PostgreSQL protocol to answer everything with the same
// canned rows: what one thread of this machine can do at most, and an upstream that can hold
// thousands of sessions.
//
// Per request it costs one recv and one send, and a share of one epoll_wait; a pipeline that
// arrives in one piece is answered with one send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bench/socket.h"

namespace pgweir::bench {

struct EchoConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the kernel chooses
  std::size_t rows = 1;
  std::size_t value_bytes = 256;  // of the one text column, named body
};

// The canned replies and when to send which. Stateless; any thread.
class EchoProtocol {
 public:
  explicit EchoProtocol(const EchoConfig& config);

  // Appends the answers to all complete messages at the head of `in` to `out` and returns how many
  // bytes they took. kClosed: the client said goodbye. kInvalid: not the protocol.
  // `started` is the session's: false until its startup message has been answered.
  base::Result<std::size_t> answer(std::string_view in, bool& started, std::string& out) const;

 private:
  base::Result<std::size_t> answer_startup(std::string_view in, bool& started, std::string& out) const;
  base::Result<void> answer_message(char type, std::string_view body, std::string& out) const;

  std::string welcome_;
  std::string query_reply_;      // to Query
  std::string execute_reply_;    // to Execute
  std::string row_description_;  // to Describe of a portal
  std::string statement_reply_;  // to Describe of a statement
  std::string ready_;
};

// Level-triggered epoll; one thread.
class EchoServer {
 public:
  static base::Result<std::unique_ptr<EchoServer>> start(const EchoConfig& config);

  std::uint16_t port() const { return port_; }
  // Waits for events, at most wait_ms (-1: for ever), and answers them.
  base::Result<void> turn(int wait_ms);
  std::size_t sessions() const { return sessions_.size(); }

 private:
  struct Session {
    Fd fd;
    bool started = false;
    std::string unread;  // the beginning of a message that is not complete
    std::string unsent;  // while it holds anything, nothing is read
  };

  EchoServer(const EchoConfig& config, Fd listener, Fd epoll, std::uint16_t port);
  void accept_all();
  // These return false if the session is over.
  bool read(Session& session);
  bool send(Session& session, std::string_view bytes);
  bool resume_send(Session& session);
  bool watch(const Session& session, unsigned events);

  EchoProtocol protocol_;
  Fd listener_;
  Fd epoll_;
  std::uint16_t port_;
  std::unordered_map<const Session*, std::unique_ptr<Session>> sessions_;
  std::vector<char> received_;
  std::string answers_;
};

}  // namespace pgweir::bench
