#include "io/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>

namespace pgweir::io {
namespace {

constexpr unsigned char kAlpn[] = "\x0apostgresql";
constexpr unsigned kAlpnBytes = sizeof kAlpn - 1;

// As PostgreSQL 17 does it: a client that offers ALPN must offer "postgresql".
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kAlpn, kAlpnBytes, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

base::Result<void> load_certificate(SSL_CTX* context, const std::string& cert_file,
                                    const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1)
    return base::fail(base::ErrorCode::kInvalid,
                      "cannot load TLS certificate " + cert_file + ": " + tls_error());
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return base::fail(base::ErrorCode::kInvalid, "cannot load TLS key " + key_file + ": " + tls_error());
  if (SSL_CTX_check_private_key(context) != 1)
    return base::fail(base::ErrorCode::kInvalid, "TLS key " + key_file + " does not belong to " + cert_file);
  return {};
}

void set_common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Buffers are given back while a connection is idle.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

bool is_ip_address(const std::string& host) {
  in6_addr ignored;
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 || inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

void SslDelete::operator()(SSL* ssl) const { SSL_free(ssl); }

std::string tls_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS error";
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  return "TLS error " + std::to_string(code);
}

base::Result<std::shared_ptr<const TlsContext>> TlsContext::server(const std::string& cert_file,
                                                                   const std::string& key_file) {
  std::shared_ptr<TlsContext> out(new TlsContext(SSL_CTX_new(TLS_server_method())));
  set_common(out->context_);
  SSL_CTX_set_alpn_select_cb(out->context_, select_alpn, nullptr);
  if (auto loaded = load_certificate(out->context_, cert_file, key_file); !loaded)
    return std::unexpected(loaded.error());
  return out;
}

base::Result<std::shared_ptr<const TlsContext>> TlsContext::client(const std::string& root_cert_file,
                                                                   const std::string& cert_file,
                                                                   const std::string& key_file) {
  std::shared_ptr<TlsContext> out(new TlsContext(SSL_CTX_new(TLS_client_method())));
  set_common(out->context_);
  const int roots = root_cert_file.empty()
                        ? SSL_CTX_set_default_verify_paths(out->context_)
                        : SSL_CTX_load_verify_locations(out->context_, root_cert_file.c_str(), nullptr);
  if (roots != 1)
    return base::fail(base::ErrorCode::kInvalid,
                      "cannot load root certificates " + root_cert_file + ": " + tls_error());
  if (!cert_file.empty())
    if (auto loaded = load_certificate(out->context_, cert_file, key_file); !loaded)
      return std::unexpected(loaded.error());
  return out;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

SslPtr TlsContext::accept(int fd) const {
  SslPtr ssl(SSL_new(context_));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

SslPtr TlsContext::connect(int fd, bool verify, const std::string& host) const {
  SslPtr ssl(SSL_new(context_));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  SSL_set_connect_state(ssl.get());
  SSL_set_alpn_protos(ssl.get(), kAlpn, kAlpnBytes);
  SSL_set_verify(ssl.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (host.empty()) return ssl;
  if (is_ip_address(host)) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) != 1) return nullptr;
  } else {
    // The macro SSL_set_tlsext_host_name hides a C cast; this is what it expands to.
    std::string name = host;
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl.get(), host.c_str()) != 1) return nullptr;
  }
  return ssl;
}

}  // namespace pgweir::io
