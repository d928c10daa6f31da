// A connected non-blocking byte stream: plain, or TLS on top of the same socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/socket.h"
#include "io/tls.h"

namespace pgweir::io {

// What to do next.
enum class IoStatus : std::uint8_t {
  kDone,        // bytes were moved, or the handshake is complete
  kWouldBlock,  // wait for readiness (Stream::wanted_to_read, wanted_to_write)
  kClosed,      // the peer has ended the stream in order
  kFailed,      // the stream is broken; error() says why
};

struct IoResult {
  IoStatus status;
  std::size_t bytes = 0;
};

// Lives on one event loop's thread. Closes its socket when destroyed.
class Stream {
 public:
  explicit Stream(Fd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  bool is_tls() const { return ssl_ != nullptr; }

  // At most the span's size; kDone means at least one byte, if there was any to move.
  IoResult read(std::span<char> into);
  IoResult write(std::string_view bytes);

  // From here on TLS; call handshake() until it is not kWouldBlock.
  void start_tls(SslPtr ssl, std::shared_ptr<const TlsContext> context);
  IoStatus handshake();

  // Whether the client named this protocol by ALPN. REQUIRES: is_tls().
  bool has_alpn() const;
  // Decrypted bytes wait inside OpenSSL: epoll will not announce them.
  bool has_buffered_input() const;
  // Events besides the owner's own interest that a TLS operation waits for; 0 for plain streams.
  std::uint32_t wanted_to_read() const { return read_wanted_; }
  std::uint32_t wanted_to_write() const { return write_wanted_; }
  const std::string& error() const { return error_; }
  // The peer reads the end of the stream, and may still send.
  void shutdown_write();
  // Says goodbye to the peer where TLS wants it; errors are of no interest any more.
  void shutdown();

 private:
  IoStatus tls_status(int result, std::uint32_t& wanted);

  Fd fd_;
  std::shared_ptr<const TlsContext> context_;
  SslPtr ssl_;
  std::uint32_t read_wanted_ = 0;  // also of the handshake
  std::uint32_t write_wanted_ = 0;
  std::string error_;
};

}  // namespace pgweir::io
