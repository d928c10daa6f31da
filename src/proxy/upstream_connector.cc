#include "proxy/upstream_connector.h"

#include <sys/epoll.h>

#include <utility>

#include "base/check.h"
#include "wire/startup.h"

namespace pgweir::proxy {

base::Result<std::shared_ptr<const UpstreamTarget>> UpstreamTarget::make(const UpstreamConfig& config) {
  auto target = std::make_shared<UpstreamTarget>();
  target->config = config;
  if (config.tls_mode != TlsMode::kDisable) {
    const bool verifies = config.tls_mode == TlsMode::kVerifyCa || config.tls_mode == TlsMode::kVerifyFull;
    auto tls = io::TlsContext::client(verifies ? config.tls_root_cert : "", config.tls_cert, config.tls_key);
    if (!tls) return std::unexpected(tls.error());
    target->tls = std::move(*tls);
  }
  return target;
}

UpstreamConnector::UpstreamConnector(io::Loop& loop, io::Resolver& resolver,
                                     std::shared_ptr<const UpstreamTarget> target, Done done)
    : loop_(loop), resolver_(resolver), target_(std::move(target)), done_(std::move(done)) {}

UpstreamConnector::~UpstreamConnector() {
  *alive_ = false;
  loop_.cancel(timer_);
  drop_stream();
}

void UpstreamConnector::start() {
  loop_.post([this, alive = alive_] {
    if (*alive) next_host();
  });
}

void UpstreamConnector::start(const io::SocketAddress& address) {
  next_host_ = target_->config.addresses.size();
  addresses_ = {address};
  loop_.post([this, alive = alive_] {
    if (*alive) next_address();
  });
}

const std::string& UpstreamConnector::host() const {
  return target_->config.addresses[next_host_ == 0 ? 0 : next_host_ - 1].host;
}

void UpstreamConnector::next_host() {
  if (next_host_ == target_->config.addresses.size())
    return finish(base::fail(base::ErrorCode::kUnavailable, std::exchange(failures_, {})));
  const auto& address = target_->config.addresses[next_host_++];
  addresses_.clear();
  next_address_ = 0;
  if (auto numeric = io::resolve_numeric(address.host, address.port)) {
    addresses_ = std::move(*numeric);
    return next_address();
  }
  resolver_.resolve(address.host, address.port, loop_, [this, alive = alive_](auto resolved) {
    if (!*alive) return;
    if (!resolved) return attempt_failed(resolved.error().message);
    addresses_ = std::move(*resolved);
    next_address();
  });
}

void UpstreamConnector::next_address() {
  drop_stream();
  if (next_address_ == addresses_.size()) return next_host();
  auto fd = io::begin_connect(addresses_[next_address_++]);
  if (!fd) return attempt_failed(fd.error().message);
  stream_.emplace(std::move(*fd));
  phase_ = Phase::kConnecting;
  if (auto added = loop_.add(stream_->fd(), EPOLLOUT, this); !added)
    return attempt_failed(added.error().message);
  loop_.cancel(timer_);
  timer_ = loop_.after(target_->config.connect_timeout, [this] {
    attempt_failed(addresses_[next_address_ - 1].text() + ": no connection within connect_timeout");
  });
}

void UpstreamConnector::on_ready(std::uint32_t) {
  switch (phase_) {
    case Phase::kIdle:
      return;
    case Phase::kConnecting:
      return connected();
    case Phase::kAskingTls:
      return tls_answered();
    case Phase::kHandshake:
      return shake_hands();
  }
}

bool UpstreamConnector::wants_tls() const {
  if (target_->config.tls_mode == TlsMode::kDisable || plain_retry_) return false;
  return addresses_[next_address_ - 1].storage.ss_family != AF_UNIX;  // as libpq
}

// "allow" is taken as "prefer": both take either, and TLS first is the safer order.
bool UpstreamConnector::may_go_plain() const {
  return target_->config.tls_mode == TlsMode::kPrefer || target_->config.tls_mode == TlsMode::kAllow;
}

void UpstreamConnector::connected() {
  io::Fd fd(stream_->fd());
  const auto result = io::connect_result(fd, addresses_[next_address_ - 1]);
  fd.release();
  if (!result) return attempt_failed(result.error().message);
  if (!wants_tls()) return finish(UpstreamStream{std::move(*stream_), addresses_[next_address_ - 1]});
  base::Buffer request;
  wire::append_ssl_request(request);
  // Eight bytes into the empty buffer of a new connection.
  if (stream_->write(request.view()).bytes != request.size())
    return attempt_failed(addresses_[next_address_ - 1].text() + ": cannot send SSLRequest");
  phase_ = Phase::kAskingTls;
  loop_.modify(stream_->fd(), EPOLLIN, this);
}

void UpstreamConnector::tls_answered() {
  char answer = 0;
  const io::IoResult result = stream_->read({&answer, 1});  // not a byte more: the rest would be TLS
  if (result.status == io::IoStatus::kWouldBlock) return;
  const std::string place = addresses_[next_address_ - 1].text();
  if (result.status != io::IoStatus::kDone) return attempt_failed(place + ": connection closed before TLS");
  if (answer == 'S') return begin_handshake();
  if (answer == 'N' && may_go_plain())
    return finish(UpstreamStream{std::move(*stream_), addresses_[next_address_ - 1]});
  if (answer == 'N') return attempt_failed(place + ": the server has no TLS, but sslmode requires it");
  attempt_failed(place + ": unexpected answer to SSLRequest");
}

void UpstreamConnector::begin_handshake() {
  const TlsMode mode = target_->config.tls_mode;
  const bool verify = mode == TlsMode::kVerifyCa || mode == TlsMode::kVerifyFull;
  auto ssl =
      target_->tls->connect(stream_->fd(), verify, mode == TlsMode::kVerifyFull ? host() : std::string());
  if (ssl == nullptr) return attempt_failed(host() + ": " + io::tls_error());
  stream_->start_tls(std::move(ssl), target_->tls);
  phase_ = Phase::kHandshake;
  shake_hands();
}

void UpstreamConnector::shake_hands() {
  const io::IoStatus status = stream_->handshake();
  if (status == io::IoStatus::kWouldBlock)
    return loop_.modify(stream_->fd(), stream_->wanted_to_read(), this);
  if (status == io::IoStatus::kDone)
    return finish(UpstreamStream{std::move(*stream_), addresses_[next_address_ - 1]});
  if (may_go_plain()) {
    plain_retry_ = true;
    --next_address_;
    return next_address();
  }
  attempt_failed(addresses_[next_address_ - 1].text() + ": TLS: " + stream_->error());
}

void UpstreamConnector::attempt_failed(const std::string& why) {
  if (!failures_.empty()) failures_ += "; ";
  failures_ += why;
  plain_retry_ = false;
  next_address();
}

void UpstreamConnector::finish(base::Result<UpstreamStream> result) {
  loop_.cancel(timer_);
  phase_ = Phase::kIdle;
  if (result) {
    loop_.remove(result->stream.fd(), this);
    stream_.reset();
  }
  Done done = std::move(done_);
  done(std::move(result));
}

void UpstreamConnector::drop_stream() {
  phase_ = Phase::kIdle;
  if (!stream_) return;
  loop_.remove(stream_->fd(), this);
  stream_.reset();
}

}  // namespace pgweir::proxy
