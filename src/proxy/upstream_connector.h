// Connects a session to PostgreSQL: tries the configured addresses in order, TLS as sslmode asks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/resolver.h"
#include "io/stream.h"
#include "proxy/config.h"

namespace pgweir::proxy {

// Settings and what was made of them; replaced as a whole when the configuration is read again.
struct UpstreamTarget {
  UpstreamConfig config;
  std::shared_ptr<const io::TlsContext> tls;  // null: sslmode=disable

  static base::Result<std::shared_ptr<const UpstreamTarget>> make(const UpstreamConfig& config);
};

struct UpstreamStream {
  io::Stream stream;
  io::SocketAddress address;
};

// One attempt; lives on its worker's thread. Destroying it gives up silently.
class UpstreamConnector final : public io::Handler {
 public:
  // Called once, never from start() itself. The callee may destroy the connector.
  using Done = std::function<void(base::Result<UpstreamStream>)>;

  UpstreamConnector(io::Loop& loop, io::Resolver& resolver, std::shared_ptr<const UpstreamTarget> target,
                    Done done);
  ~UpstreamConnector() override;

  void start();
  // Straight to one address, as a cancel request needs it.
  void start(const io::SocketAddress& address);

  void on_ready(std::uint32_t events) override;

 private:
  enum class Phase : std::uint8_t { kIdle, kConnecting, kAskingTls, kHandshake };

  void next_host();
  void next_address();
  void connected();
  void tls_answered();
  void begin_handshake();
  void shake_hands();
  void attempt_failed(const std::string& why);
  void finish(base::Result<UpstreamStream> result);
  void drop_stream();
  bool wants_tls() const;
  bool may_go_plain() const;
  const std::string& host() const;

  io::Loop& loop_;
  io::Resolver& resolver_;
  std::shared_ptr<const UpstreamTarget> target_;
  Done done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for answers that come after our end
  std::size_t next_host_ = 0;
  std::vector<io::SocketAddress> addresses_;
  std::size_t next_address_ = 0;
  bool plain_retry_ = false;  // sslmode=prefer: TLS has failed, try without
  Phase phase_ = Phase::kIdle;
  std::optional<io::Stream> stream_;
  io::TimerId timer_ = 0;
  std::string failures_;
};

}  // namespace pgweir::proxy
