#include "config/address.h"

#include <gtest/gtest.h>

namespace pgweir::config {
namespace {

TEST(ListenAddress, ReadsHostsAndPorts) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:6432"), (ListenAddress{"127.0.0.1", 6432}));
  EXPECT_EQ(parse_listen_address("localhost:0"), (ListenAddress{"localhost", 0}));
  EXPECT_EQ(parse_listen_address("[::1]:65535"), (ListenAddress{"::1", 65535}));
  EXPECT_EQ(parse_listen_address("[fe80::1%eth0]:1"), (ListenAddress{"fe80::1%eth0", 1}));
}

TEST(ListenAddress, RefusesTheRest) {
  const std::string fix = ": write host:port, such as \"127.0.0.1:6432\" or \"[::1]:6432\"";
  const auto message = [](const char* text) {
    const auto address = parse_listen_address(text);
    return address ? "accepted" : address.error().message;
  };
  EXPECT_EQ(message(""), "\"\" has no port" + fix);
  EXPECT_EQ(message("localhost"), "\"localhost\" has no port" + fix);
  EXPECT_EQ(message("localhost:"), "\"localhost:\" has no port from 0 to 65535" + fix);
  EXPECT_EQ(message("localhost:65536"), "\"localhost:65536\" has no port from 0 to 65535" + fix);
  EXPECT_EQ(message("localhost:-1"), "\"localhost:-1\" has no port from 0 to 65535" + fix);
  EXPECT_EQ(message("localhost:80x"), "\"localhost:80x\" has no port from 0 to 65535" + fix);
  EXPECT_EQ(message(":6432"), "\":6432\" has no valid host" + fix);
  EXPECT_EQ(message("::1:6432"), "\"::1:6432\" has no valid host" + fix);
  EXPECT_EQ(message("[]:6432"), "\"[]:6432\" has no valid host" + fix);
  EXPECT_EQ(message("a b:6432"), "\"a b:6432\" has no valid host" + fix);
  EXPECT_EQ(message("http://a:6432"), "\"http://a:6432\" has no valid host" + fix);
}

TEST(ListenAddress, ReadsLists) {
  const auto addresses = parse_listen_addresses("127.0.0.1:6432,[::1]:6432");
  ASSERT_TRUE(addresses.has_value());
  EXPECT_EQ(*addresses, (std::vector<ListenAddress>{{"127.0.0.1", 6432}, {"::1", 6432}}));
  EXPECT_FALSE(parse_listen_addresses("").has_value());
  EXPECT_FALSE(parse_listen_addresses("a:1,").has_value());
  EXPECT_FALSE(parse_listen_addresses("a:1, b:1").has_value());
  const auto twice = parse_listen_addresses("a:1,b:1,a:1");
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().message, "\"a:1\" is there twice");
  EXPECT_TRUE(parse_listen_addresses("a:0,a:0").has_value());
}

}  // namespace
}  // namespace pgweir::config
