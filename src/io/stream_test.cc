#include "io/stream.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace pgweir::io {
namespace {

// A self-signed certificate for localhost and 127.0.0.1, made when it is asked for.
class Certificate {
 public:
  Certificate() {
    std::string name = std::filesystem::temp_directory_path() / "pgweir_tls_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
    X509_set_version(cert.get(), 2);
    X509_set_pubkey(cert.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(cert.get());
    const std::array<unsigned char, 9> host{'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't'};
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, host.data(), 9, -1, 0);
    X509_set_issuer_name(cert.get(), subject);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(cert.get(), names, -1);
    X509_EXTENSION_free(names);
    EXPECT_NE(X509_sign(cert.get(), key.get(), EVP_sha256()), 0);
    write(cert_file(), [&](FILE* file) { PEM_write_X509(file, cert.get()); });
    write(key_file(),
          [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  ~Certificate() { std::filesystem::remove_all(directory_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  std::string cert_file() const { return directory_ + "/cert.pem"; }
  std::string key_file() const { return directory_ + "/key.pem"; }

 private:
  template <class F>
  static void write(const std::string& path, F print) {
    FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    print(file);
    std::fclose(file);
  }

  std::string directory_;
};

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    a = std::make_unique<Stream>(Fd(ends[0]));
    b = std::make_unique<Stream>(Fd(ends[1]));
  }
  std::unique_ptr<Stream> a, b;
};

// Reads until it would block, or the end.
std::string drain(Stream& stream, IoStatus& last) {
  std::string out;
  std::array<char, 4096> buffer;
  for (;;) {
    const IoResult result = stream.read(buffer);
    last = result.status;
    if (result.status != IoStatus::kDone) return out;
    out.append(buffer.data(), result.bytes);
  }
}

// Moves bytes between two streams until all has arrived.
std::string transfer(Stream& from, Stream& to, std::string_view bytes) {
  std::string out;
  IoStatus last = IoStatus::kWouldBlock;
  while (out.size() < bytes.size() || !bytes.empty()) {
    if (!bytes.empty()) {
      const IoResult result = from.write(bytes);
      if (result.status == IoStatus::kDone) bytes.remove_prefix(result.bytes);
      if (result.status == IoStatus::kFailed || result.status == IoStatus::kClosed) break;
    }
    const std::string part = drain(to, last);
    out += part;
    if (last != IoStatus::kWouldBlock || (bytes.empty() && part.empty())) break;
  }
  return out;
}

class TlsTest : public testing::Test {
 protected:
  std::shared_ptr<const TlsContext> server_context() const {
    return TlsContext::server(certificate.cert_file(), certificate.key_file()).value();
  }
  std::shared_ptr<const TlsContext> client_context() const {
    return TlsContext::client(certificate.cert_file(), "", "").value();
  }
  // a is the client, b the server. True: both are through.
  bool shake_hands(Pair& pair, bool verify, const std::string& host) {
    const auto client = client_context(), server = server_context();
    pair.a->start_tls(client->connect(pair.a->fd(), verify, host), client);
    pair.b->start_tls(server->accept(pair.b->fd()), server);
    IoStatus a = IoStatus::kWouldBlock, b = IoStatus::kWouldBlock;
    for (int i = 0; i < 20 && (a == IoStatus::kWouldBlock || b == IoStatus::kWouldBlock); ++i) {
      if (a == IoStatus::kWouldBlock) a = pair.a->handshake();
      if (a == IoStatus::kFailed) break;
      if (b == IoStatus::kWouldBlock) b = pair.b->handshake();
      if (b == IoStatus::kFailed) break;
    }
    return a == IoStatus::kDone && b == IoStatus::kDone;
  }

  Certificate certificate;
};

TEST(StreamTest, ReadWriteAndEnd) {
  Pair pair;
  std::array<char, 16> buffer;
  EXPECT_EQ(pair.b->read(buffer).status, IoStatus::kWouldBlock);
  EXPECT_EQ(pair.a->write("hello").bytes, 5U);
  const IoResult got = pair.b->read(buffer);
  EXPECT_EQ(got.status, IoStatus::kDone);
  EXPECT_EQ(std::string_view(buffer.data(), got.bytes), "hello");
  EXPECT_FALSE(pair.b->is_tls());
  EXPECT_FALSE(pair.b->has_buffered_input());
  EXPECT_EQ(pair.b->wanted_to_read(), 0U);
  pair.a.reset();
  EXPECT_EQ(pair.b->read(buffer).status, IoStatus::kClosed);
  EXPECT_EQ(pair.b->write("x").status, IoStatus::kFailed);
  EXPECT_FALSE(pair.b->error().empty());
}

TEST(StreamTest, AFullSocketWouldBlock) {
  Pair pair;
  const std::string chunk(64 * 1024, 'x');
  std::size_t written = 0;
  IoResult result{IoStatus::kDone};
  while ((result = pair.a->write(chunk)).status == IoStatus::kDone) written += result.bytes;
  EXPECT_EQ(result.status, IoStatus::kWouldBlock);
  IoStatus last;
  EXPECT_EQ(drain(*pair.b, last).size(), written);
}

TEST_F(TlsTest, LargeTransfersBothWays) {
  Pair pair;
  ASSERT_TRUE(shake_hands(pair, true, "localhost")) << pair.a->error() << pair.b->error();
  EXPECT_TRUE(pair.a->is_tls());
  EXPECT_TRUE(pair.b->has_alpn());
  std::string bytes(1 << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
  EXPECT_EQ(transfer(*pair.a, *pair.b, bytes), bytes);
  EXPECT_EQ(transfer(*pair.b, *pair.a, bytes), bytes);
}

TEST_F(TlsTest, NothingToWriteIsNoFailure) {
  Pair pair;
  EXPECT_EQ(pair.a->write("").status, IoStatus::kDone);
  ASSERT_TRUE(shake_hands(pair, true, "localhost"));
  EXPECT_EQ(pair.a->write("").status, IoStatus::kDone);
  EXPECT_EQ(transfer(*pair.a, *pair.b, "still there"), "still there");
}

TEST_F(TlsTest, BytesMayWaitInsideOpenSsl) {
  Pair pair;
  ASSERT_TRUE(shake_hands(pair, true, "localhost"));
  ASSERT_EQ(pair.a->write("0123456789").status, IoStatus::kDone);
  std::array<char, 4> buffer;
  ASSERT_EQ(pair.b->read(buffer).bytes, 4U);
  EXPECT_TRUE(pair.b->has_buffered_input());
  IoStatus last;
  EXPECT_EQ(drain(*pair.b, last), "456789");
  EXPECT_FALSE(pair.b->has_buffered_input());
}

TEST_F(TlsTest, AnOrderlyEnd) {
  Pair pair;
  ASSERT_TRUE(shake_hands(pair, true, "localhost"));
  pair.a->shutdown();
  pair.a.reset();
  std::array<char, 16> buffer;
  EXPECT_EQ(pair.b->read(buffer).status, IoStatus::kClosed);
}

TEST_F(TlsTest, APeerThatJustGoesAwayHasClosed) {
  Pair pair;
  ASSERT_TRUE(shake_hands(pair, true, "localhost"));
  IoStatus last;
  EXPECT_EQ(drain(*pair.a, last), "") << "unread bytes would make it a reset";
  pair.a.reset();
  std::array<char, 16> buffer;
  EXPECT_EQ(pair.b->read(buffer).status, IoStatus::kClosed);
}

TEST_F(TlsTest, AHandshakeWaitsForThePeer) {
  Pair pair;
  const auto client = client_context();
  pair.a->start_tls(client->connect(pair.a->fd(), true, "localhost"), client);
  EXPECT_EQ(pair.a->handshake(), IoStatus::kWouldBlock);
  EXPECT_NE(pair.a->wanted_to_read() | pair.a->wanted_to_write(), 0U);
}

TEST_F(TlsTest, GarbageInsteadOfAHandshake) {
  Pair pair;
  const auto server = server_context();
  pair.b->start_tls(server->accept(pair.b->fd()), server);
  ASSERT_EQ(pair.a->write("GET / HTTP/1.1\r\n\r\n").status, IoStatus::kDone);
  EXPECT_EQ(pair.b->handshake(), IoStatus::kFailed);
  EXPECT_FALSE(pair.b->error().empty());
}

TEST_F(TlsTest, HostNamesAndAddresses) {
  for (const std::string host : {"localhost", "127.0.0.1", ""}) {
    Pair pair;
    EXPECT_TRUE(shake_hands(pair, true, host)) << host;
  }
  for (const std::string host : {"example.org", "127.0.0.2", "::1"}) {
    Pair pair;
    EXPECT_FALSE(shake_hands(pair, true, host)) << host;
    EXPECT_FALSE(pair.a->error().empty());
  }
}

TEST_F(TlsTest, AnUntrustedCertificate) {
  const Certificate other;
  const auto client = TlsContext::client(other.cert_file(), "", "").value();
  for (const bool verify : {true, false}) {
    Pair pair;
    const auto server = server_context();
    pair.a->start_tls(client->connect(pair.a->fd(), verify, ""), client);
    pair.b->start_tls(server->accept(pair.b->fd()), server);
    IoStatus status = IoStatus::kWouldBlock;
    for (int i = 0; i < 10 && status == IoStatus::kWouldBlock; ++i) {
      status = pair.a->handshake();
      if (status == IoStatus::kWouldBlock) pair.b->handshake();
    }
    EXPECT_EQ(status, verify ? IoStatus::kFailed : IoStatus::kDone);
    EXPECT_EQ(pair.a->error().empty(), !verify) << pair.a->error();
  }
}

// As PostgreSQL 17: who offers protocols must offer PostgreSQL's.
TEST_F(TlsTest, AnotherApplicationsProtocolIsRefused) {
  Pair pair;
  const auto client = client_context(), server = server_context();
  SslPtr ssl = client->connect(pair.a->fd(), false, "");
  const std::array<unsigned char, 9> http{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  ASSERT_EQ(SSL_set_alpn_protos(ssl.get(), http.data(), http.size()), 0);
  pair.a->start_tls(std::move(ssl), client);
  pair.b->start_tls(server->accept(pair.b->fd()), server);
  EXPECT_EQ(pair.a->handshake(), IoStatus::kWouldBlock);
  EXPECT_EQ(pair.b->handshake(), IoStatus::kFailed);
}

TEST_F(TlsTest, FilesThatCannotBeLoadedAreNamed) {
  const auto missing = TlsContext::server("/nonexistent/cert.pem", certificate.key_file());
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().message.find("/nonexistent/cert.pem"), std::string::npos);
  const Certificate other;
  const auto mismatch = TlsContext::server(certificate.cert_file(), other.key_file());
  ASSERT_FALSE(mismatch.has_value());
  EXPECT_NE(mismatch.error().message.find(other.key_file()), std::string::npos);
  EXPECT_FALSE(TlsContext::client("/nonexistent/root.pem", "", "").has_value());
}

}  // namespace
}  // namespace pgweir::io
