// One client connection and its own connection to PostgreSQL, from accept to close.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/channel.h"
#include "proxy/login.h"
#include "proxy/query_path.h"
#include "proxy/reply_path.h"
#include "proxy/services.h"

namespace pgweir::proxy {

// Lives on its worker's thread, owned by the worker until it says ended().
class Session final : public ChannelOwner, public std::enable_shared_from_this<Session> {
 public:
  // What the worker is told.
  class Host {
   public:
    virtual ~Host() = default;
    // Whether one more session may log in; else the limit that is reached, in words.
    virtual base::Result<void> admit() = 0;
    // An upstream connection was made, or could not be.
    virtual void upstream_answered(bool reached, const std::string& why) = 0;
    // The session is over; delete it later, not from within this call.
    virtual void ended(Session& session) = 0;
  };

  Session(Services& services, Host& host);
  ~Session() override;

  // address: the other end of it.
  void start(io::Fd client, const io::SocketAddress& address);
  // pgweir shuts down: end as soon as the client is between transactions.
  void drain();
  // End now.
  void cut();
  // The client's cancel request; true: nothing runs upstream, it is dealt with.
  bool cancel();
  // What the session waited for elsewhere has ended.
  void woken();
  // Whether the client has logged in and counts against the limit.
  bool admitted() const { return admitted_; }

  void on_channel(Channel& channel, std::uint32_t events) override;

 private:
  enum class Phase : std::uint8_t {
    kHandshake,   // TLS with the client
    kStartup,     // before the startup message
    kConnecting,  // to PostgreSQL
    kLogin,
    kServing,
    kConsole,    // the client talks to pgweir itself
    kOpaque,     // replication: bytes are passed on unread
    kLingering,  // the client has gone; outcomes of its writes are still to come
    kClosing,    // the last words are being written
    kEnded,
  };

  void on_client(std::uint32_t events);
  void on_upstream(std::uint32_t events);
  void read_client();
  bool read_upstream();
  void take_client(std::string_view chunk);
  std::size_t consume_client(std::string_view input);
  void take_upstream(std::string_view chunk);
  std::size_t consume_upstream(std::string_view input);
  void client_closed();
  void client_said_eof();
  bool all_answered() const;
  bool eof_is_next() const;
  void upstream_closed(const std::string& why);

  void shake_hands();
  bool direct_tls_offered();
  void start_tls();
  std::size_t startup(std::string_view input);
  std::size_t startup_message(wire::StartupMessage message, std::size_t size);
  void relay_cancel(const wire::CancelRequest& request);
  void send_cancel(const io::SocketAddress& upstream, const wire::CancelRequest& request);
  void connect();
  void connected(base::Result<UpstreamStream> result);
  std::size_t login_from_client(std::string_view input);
  std::size_t login_from_upstream(std::string_view input);
  std::uint64_t peer_id() const;
  void logged_in();

  void open_console();
  std::size_t serve_console(std::string_view input);
  std::size_t serve_client(std::string_view input);
  std::size_t serve_upstream(std::string_view input);
  std::size_t hear_out(std::string_view input);
  void resume_soon();
  void resume();

  void refuse(const wire::Complaint& complaint);
  void close_when_written();
  void last_words_said();
  bool backend_is_gone() const;
  void linger();
  void drop_upstream();
  void say_eof_upstream();
  void end();
  void settle();

  Services& services_;
  Host& host_;
  std::shared_ptr<const LiveSettings> live_;
  // An idle session, as bench/run.py measures it; each end of TLS on top.
  static constexpr std::uint64_t kBytes = 6 << 10, kTlsBytes = 16 << 10;

  Channel client_;
  Channel upstream_;
  base::Held held_;
  Phase phase_ = Phase::kStartup;
  bool admitted_ = false;
  bool draining_ = false;
  bool resume_planned_ = false;
  bool first_read_ = true;
  bool direct_tls_ = false;          // the client began with TLS, without SSLRequest
  std::uint64_t unheard_bytes_ = 0;  // of replies, read since the client has gone
  bool client_eof_ = false;          // the client sends no more, but may read
  bool eof_said_ = false;            // PostgreSQL knows that no more will come
  io::SocketAddress client_address_;
  io::SocketAddress upstream_address_;
  io::TimerId timer_ = 0;
  std::unique_ptr<UpstreamConnector> connector_;
  std::optional<wire::CancelRequest> cancel_to_send_;
  std::unique_ptr<Login> login_;
  std::vector<std::pair<std::string, std::string>> reported_;  // ParameterStatus seen while logging in
  std::unique_ptr<ConsoleSession> console_;
  std::unique_ptr<QueryPath> query_path_;
  std::unique_ptr<ReplyPath> reply_path_;
};

}  // namespace pgweir::proxy
