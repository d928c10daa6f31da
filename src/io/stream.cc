#include "io/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace pgweir::io {
namespace {

int clamp_size(std::size_t n) { return static_cast<int>(std::min<std::size_t>(n, INT_MAX)); }

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// Of recv() or send(), which must not seem to have nothing to do because of a signal.
template <class Call>
ssize_t uninterrupted(const Call& call) {
  ssize_t n;
  do n = call();
  while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace

IoResult Stream::read(std::span<char> into) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    read_wanted_ = 0;
    const int n = SSL_read(ssl_.get(), into.data(), clamp_size(into.size()));
    if (n > 0) return {IoStatus::kDone, static_cast<std::size_t>(n)};
    return {tls_status(n, read_wanted_)};
  }
  const ssize_t n = uninterrupted([&] { return recv(fd_.get(), into.data(), into.size(), 0); });
  if (n > 0) return {IoStatus::kDone, static_cast<std::size_t>(n)};
  if (n == 0) return {IoStatus::kClosed};
  if (would_block(errno)) return {IoStatus::kWouldBlock};
  error_ = std::strerror(errno);
  return {IoStatus::kFailed};
}

IoResult Stream::write(std::string_view bytes) {
  if (bytes.empty()) return {IoStatus::kDone};  // SSL_write takes it for an error
  if (ssl_ != nullptr) {
    ERR_clear_error();
    write_wanted_ = 0;
    const int n = SSL_write(ssl_.get(), bytes.data(), clamp_size(bytes.size()));
    if (n > 0) return {IoStatus::kDone, static_cast<std::size_t>(n)};
    return {tls_status(n, write_wanted_)};
  }
  const ssize_t n = uninterrupted([&] { return send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
  if (n >= 0) return {IoStatus::kDone, static_cast<std::size_t>(n)};
  if (would_block(errno)) return {IoStatus::kWouldBlock};
  error_ = std::strerror(errno);
  return {IoStatus::kFailed};
}

void Stream::start_tls(SslPtr ssl, std::shared_ptr<const TlsContext> context) {
  ssl_ = std::move(ssl);
  context_ = std::move(context);
}

IoStatus Stream::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    read_wanted_ = 0;
    return IoStatus::kDone;
  }
  const long verify = SSL_get_verify_result(ssl_.get());
  const IoStatus status = tls_status(result, read_wanted_);
  if (status == IoStatus::kFailed && verify != X509_V_OK) error_ = X509_verify_cert_error_string(verify);
  return status;
}

bool Stream::has_buffered_input() const { return ssl_ != nullptr && SSL_pending(ssl_.get()) > 0; }

void Stream::shutdown_write() {
  shutdown();
  ::shutdown(fd_.get(), SHUT_WR);
}

void Stream::shutdown() {
  if (ssl_ == nullptr || !error_.empty()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

bool Stream::has_alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return size != 0;
}

IoStatus Stream::tls_status(int result, std::uint32_t& wanted) {
  wanted = 0;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      wanted = EPOLLIN;
      return IoStatus::kWouldBlock;
    case SSL_ERROR_WANT_WRITE:
      wanted = EPOLLOUT;
      return IoStatus::kWouldBlock;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::kClosed;
    case SSL_ERROR_SYSCALL:
      error_ = errno == 0 ? "connection closed during TLS" : std::strerror(errno);
      return IoStatus::kFailed;
    default:
      error_ = tls_error();
      return IoStatus::kFailed;
  }
}

}  // namespace pgweir::io
