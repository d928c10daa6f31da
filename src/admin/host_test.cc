#include "admin/host.h"

#include <gtest/gtest.h>

namespace pgweir::admin {
namespace {

TEST(Host, IsTakenFromItsField) {
  EXPECT_EQ(host_of("localhost"), "localhost");
  EXPECT_EQ(host_of("LocalHost.:6433"), "localhost");
  EXPECT_EQ(host_of("127.0.0.1:6433"), "127.0.0.1");
  EXPECT_EQ(host_of("[::1]:6433"), "::1");
  EXPECT_EQ(host_of("[::1]"), "::1");
  EXPECT_EQ(host_of(""), "");
  EXPECT_EQ(host_of("[::1"), "");
  EXPECT_EQ(host_of("[::1]x"), "");
  EXPECT_EQ(host_of("localhost:x"), "");
  EXPECT_EQ(host_of("localhost:1:2"), "");
  EXPECT_EQ(host_of("::1"), "");
}

TEST(Host, OwnNamesAreTheLoopbackTheListeningNameAndTheAddressReached) {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_own_host(host, "0.0.0.0", "10.0.0.5")) << host;
  }
  EXPECT_TRUE(is_own_host("10.0.0.5", "0.0.0.0", "10.0.0.5"));
  EXPECT_TRUE(is_own_host("10.0.0.5", "::", "::ffff:10.0.0.5"));
  EXPECT_TRUE(is_own_host("cache.internal", "Cache.Internal", "10.0.0.5"));
}

TEST(Host, OthersAreNot) {
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.6",
                           "2130706433", "0x7f.1", "127.1", "127.0.0.1 "}) {
    EXPECT_FALSE(is_own_host(host, "0.0.0.0", "10.0.0.5")) << host;
  }
}

TEST(Host, OriginIsTheSameOnlyWithTheSamePort) {
  EXPECT_TRUE(is_same_origin("http://127.0.0.1:6433", "127.0.0.1:6433"));
  EXPECT_TRUE(is_same_origin("https://Admin.internal", "admin.Internal"));
  EXPECT_FALSE(is_same_origin("http://127.0.0.1:80", "127.0.0.1:6433"));
  EXPECT_FALSE(is_same_origin("http://127.0.0.1", "127.0.0.1:6433"));
  EXPECT_FALSE(is_same_origin("http://evil.example", "127.0.0.1:6433"));
  EXPECT_FALSE(is_same_origin("null", "127.0.0.1:6433"));
  EXPECT_FALSE(is_same_origin("", "127.0.0.1:6433"));
  EXPECT_FALSE(is_same_origin("http://", ""));
}

}  // namespace
}  // namespace pgweir::admin
