#include "config/upstream_url.h"

#include <gtest/gtest.h>

namespace pgweir::config {
namespace {

using proxy::TlsMode;
using proxy::UpstreamConfig;

// "host port, host port"
std::string addresses_of(const base::Result<UpstreamConfig>& upstream) {
  if (!upstream) return upstream.error().message;
  std::string text;
  for (const auto& [host, port] : upstream->addresses) {
    text += (text.empty() ? "" : ", ") + host + " " + std::to_string(port);
  }
  return text;
}

std::string refusal(std::string_view url) {
  const auto upstream = parse_upstream(url);
  return upstream ? "accepted" : upstream.error().message;
}

TEST(UpstreamUrl, ReadsAddresses) {
  EXPECT_EQ(addresses_of(parse_upstream("postgres://db")), "db 5432");
  EXPECT_EQ(addresses_of(parse_upstream("postgresql://db:5433/")), "db 5433");
  EXPECT_EQ(addresses_of(parse_upstream("postgres://[::1]:5433")), "::1 5433");
  EXPECT_EQ(addresses_of(parse_upstream("postgres://a:1,b,c:3")), "a 1, b 5432, c 3");
  EXPECT_EQ(addresses_of(parse_upstream("host=a,b port=6000")), "a 6000, b 6000");
  EXPECT_EQ(addresses_of(parse_upstream("postgres:///?host=/run/postgresql&port=5499")),
            "/run/postgresql 5499");
  EXPECT_EQ(addresses_of(parse_upstream("postgres://%2Frun%2Fpostgresql")), "/run/postgresql 5432");
}

TEST(UpstreamUrl, ReadsTlsAndTimeout) {
  const auto upstream = parse_upstream(
      "postgres://db?sslmode=verify-full&sslrootcert=/r&sslcert=/c&sslkey=/k&connect_timeout=7");
  ASSERT_TRUE(upstream.has_value()) << upstream.error().message;
  EXPECT_EQ(upstream->tls_mode, TlsMode::kVerifyFull);
  EXPECT_EQ(upstream->tls_root_cert, "/r");
  EXPECT_EQ(upstream->tls_cert, "/c");
  EXPECT_EQ(upstream->tls_key, "/k");
  EXPECT_EQ(upstream->connect_timeout, 7 * base::kSecond);
  EXPECT_EQ(parse_upstream("postgres://db?sslmode=verify-full&sslrootcert=system")->tls_root_cert, "");
}

TEST(UpstreamUrl, ReadsEveryTlsModeAndShowsIt) {
  for (const auto mode : {TlsMode::kDisable, TlsMode::kAllow, TlsMode::kPrefer, TlsMode::kRequire,
                          TlsMode::kVerifyCa, TlsMode::kVerifyFull}) {
    const auto upstream =
        parse_upstream("postgres://db?sslrootcert=/r&sslmode=" + std::string(format_tls_mode(mode)));
    ASSERT_TRUE(upstream.has_value()) << upstream.error().message;
    EXPECT_EQ(upstream->tls_mode, mode);
  }
  EXPECT_EQ(parse_tls_mode("Require"), std::nullopt);
}

TEST(UpstreamUrl, RefusesWhatClientsBring) {
  EXPECT_EQ(refusal("postgres://shop@db"), "the upstream URL must not have a user: clients bring their own");
  EXPECT_EQ(refusal("postgres://db/shop"),
            "the upstream URL must not have a dbname: clients bring their own");
  EXPECT_EQ(refusal("host=db password=x"),
            "the upstream URL must not have a password: clients bring their own");
  EXPECT_EQ(
      refusal("postgres://db?application_name=x"),
      "application_name means nothing in the upstream URL: allowed are host, port, sslmode, sslrootcert, "
      "sslcert, sslkey and connect_timeout; session settings come from clients");
  EXPECT_NE(refusal("postgres://db?target_session_attrs=read-write"), "accepted");
  EXPECT_NE(refusal("postgres://db?options=-csearch_path%3Dx"), "accepted");
  EXPECT_NE(refusal("service=x"), "accepted");
}

TEST(UpstreamUrl, RefusesHostsAndPortsThatCannotBe) {
  const std::string no_host =
      "the upstream URL names no host: write postgres://host:port (for a Unix socket "
      "postgres:///?host=/directory)";
  EXPECT_EQ(refusal(""), no_host);
  EXPECT_EQ(refusal("postgres://"), no_host);
  EXPECT_EQ(refusal("postgres://:5432"), no_host);
  EXPECT_EQ(refusal("postgres://a,,b"), no_host);
  EXPECT_EQ(refusal("postgres://db:0"), "the upstream port \"0\" is not a number from 1 to 65535");
  EXPECT_EQ(refusal("postgres://db:65536"), "the upstream port \"65536\" is not a number from 1 to 65535");
  EXPECT_EQ(refusal("postgres://db:x"), "the upstream port \"x\" is not a number from 1 to 65535");
  EXPECT_EQ(refusal("host=a,b,c port=1,2"),
            "the upstream URL names 2 ports for 3 hosts: give one port, or one for each host");
  EXPECT_EQ(refusal("host='a b'"),
            "the upstream host \"a b\" is neither a name nor an address nor a directory");
  EXPECT_EQ(refusal("host=@abstract"),
            "the upstream host \"@abstract\" is neither a name nor an address nor a directory");
  EXPECT_EQ(refusal("host=a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"),
            "the upstream URL names 17 hosts; at most 16 are allowed");
}

TEST(UpstreamUrl, RefusesTlsThatCannotBe) {
  EXPECT_EQ(refusal("postgres://db?sslmode=on"),
            "sslmode=\"on\" is not one of disable, allow, prefer, require, verify-ca, verify-full");
  EXPECT_EQ(
      refusal("postgres://db?sslcert=/c"),
      "the upstream's client certificate and its key (tls_cert and tls_key, in a URL sslcert and sslkey) go "
      "together: give both or neither");
  EXPECT_EQ(refusal("postgres://db?sslmode=verify-ca"),
            "verify-ca without tls_root_cert (in a URL sslrootcert) would trust anyone who holds a "
            "certificate that "
            "the system trusts: name the file, or use verify-full");
  EXPECT_EQ(refusal("postgres://db?connect_timeout=0"),
            "connect_timeout=\"0\" is not a number of seconds from 1 to 600");
}

TEST(UpstreamUrl, RefusesWhatIsNotAUrl) {
  EXPECT_EQ(refusal("db:5432"),
            "the upstream URL cannot be read: missing \"=\" after \"…\" in connection info string; write "
            "postgres://host:port");
  EXPECT_NE(refusal("mysql://db"), "accepted");
  EXPECT_NE(refusal("postgres://[::1"), "accepted");
  EXPECT_NE(refusal("postgres://db?x=%zz"), "accepted");
  EXPECT_EQ(refusal(std::string_view("host=a\0b", 8)), "the upstream URL holds a zero byte");
}

TEST(UpstreamUrl, NeverRepeatsAPassword) {
  for (const char* url : {"postgres://u:s3cret@db", "postgres://u:s3cret@[db", "postgres://u:s3cret@db?x=%zz",
                          "u:s3cret@db", "host=db password=s3cret x", "password='s3cret",
                          "postgres://db?password=s3cret&x", "postgresql:/u:s3cret@db"}) {
    EXPECT_EQ(refusal(url).find("s3cret"), std::string::npos) << refusal(url);
    EXPECT_NE(refusal(url), "accepted") << url;
  }
}

TEST(UpstreamUrl, OverlayChangesOnlyWhatIsNamed) {
  UpstreamConfig upstream;
  upstream.tls_mode = TlsMode::kVerifyFull;
  upstream.tls_root_cert = "/r";
  upstream.allow_passwordless_remote = true;
  ASSERT_TRUE(overlay_upstream("postgres://db:1?connect_timeout=9", upstream).has_value());
  EXPECT_EQ(upstream.addresses.at(0).host, "db");
  EXPECT_EQ(upstream.connect_timeout, 9 * base::kSecond);
  EXPECT_EQ(upstream.tls_mode, TlsMode::kVerifyFull);
  EXPECT_EQ(upstream.tls_root_cert, "/r");
  EXPECT_TRUE(upstream.allow_passwordless_remote);
  EXPECT_FALSE(overlay_upstream("postgres://other:2?sslmode=x", upstream).has_value());
  EXPECT_EQ(upstream.addresses.at(0).host, "db");
}

TEST(UpstreamUrl, WhatIsShownReadsBack) {
  for (const char* url :
       {"postgres://db:5432", "postgres://a:1,b:2", "postgres://[::1]:5432,a:2",
        "postgres:///?host=/run/postgresql&port=5432", "postgres:///?host=/a%2Bb,db&port=1,2"}) {
    const auto upstream = parse_upstream(url);
    ASSERT_TRUE(upstream.has_value()) << upstream.error().message;
    EXPECT_EQ(format_upstream(*upstream), url);
  }
  const auto scoped = parse_upstream("postgres://[fe80::1%25eth0]:1");
  ASSERT_TRUE(scoped.has_value()) << scoped.error().message;
  EXPECT_EQ(scoped->addresses.at(0).host, "fe80::1%eth0");
  EXPECT_EQ(format_upstream(*scoped), "postgres://[fe80::1%25eth0]:1");
}

}  // namespace
}  // namespace pgweir::config
