// TLS settings made once and shared by connections: certificates, verification, ALPN.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace pgweir::io {

struct SslDelete {
  void operator()(SSL* ssl) const;
};
using SslPtr = std::unique_ptr<SSL, SslDelete>;

// Immutable once made; shared by threads. A connection keeps its context alive, so a reload
// replaces the pointer and leaves open connections alone.
class TlsContext {
 public:
  // For connections from clients. Direct TLS is told by ALPN "postgresql".
  static base::Result<std::shared_ptr<const TlsContext>> server(const std::string& cert_file,
                                                                const std::string& key_file);
  // For connections to PostgreSQL. root_cert_file empty: the system's certificates.
  static base::Result<std::shared_ptr<const TlsContext>> client(const std::string& root_cert_file,
                                                                const std::string& cert_file,
                                                                const std::string& key_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A session on fd, ready for the handshake; nullptr if OpenSSL has no memory.
  SslPtr accept(int fd) const;
  // verify: the chain must be trusted. host: not empty means that the certificate must be for it.
  SslPtr connect(int fd, bool verify, const std::string& host) const;

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

// The first error of OpenSSL's queue in words; empties the queue.
std::string tls_error();

}  // namespace pgweir::io
