#include "wire/startup.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/backend.h"

namespace pgweir::wire {
namespace {

// A packet with the right length and any code and body.
std::string packet(std::uint32_t code, std::string_view body) {
  base::Buffer out;
  append_u32(out, static_cast<std::uint32_t>(8 + body.size()));
  append_u32(out, code);
  out.append(body);
  return std::string(out.view());
}

constexpr std::uint32_t kVersion30 = 3 << 16;

StartupMessage sample() {
  return {.version = {3, 2}, .parameters = {{"user", "ann"}, {"database", "shop"}, {"options", ""}}};
}

TEST(StartupTest, RoundTrip) {
  base::Buffer out;
  append_startup(out, sample());
  ASSERT_EQ(startup_packet_bytes(out.view()).value(), out.size());
  const auto parsed = parse_startup(out.view());
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  const auto& message = std::get<StartupMessage>(*parsed);
  EXPECT_EQ(message.version, (ProtocolVersion{3, 2}));
  EXPECT_EQ(message.parameters, sample().parameters);
  EXPECT_EQ(message.get("database"), "shop");
  EXPECT_EQ(message.get("options"), "");
  EXPECT_EQ(message.get("absent"), "");
}

TEST(StartupTest, EveryTruncationIsRefused) {
  base::Buffer out;
  append_startup(out, sample());
  for (std::size_t n = 8; n < out.size(); ++n) {
    const std::string cut = packet(kVersion30, out.view().substr(8, n - 8));
    EXPECT_FALSE(parse_startup(cut).has_value()) << n;
  }
}

TEST(StartupTest, WhatFollowsTheTerminatorIsRefused) {
  EXPECT_TRUE(parse_startup(packet(kVersion30, std::string_view("user\0a\0\0", 8))).has_value());
  EXPECT_FALSE(parse_startup(packet(kVersion30, std::string_view("user\0a\0\0x", 9))).has_value());
  EXPECT_FALSE(parse_startup(packet(kVersion30, std::string_view("user\0a\0\0\0", 9))).has_value());
}

TEST(StartupTest, NoParametersAtAll) {
  const auto parsed = parse_startup(packet(kVersion30, std::string_view("\0", 1)));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(std::get<StartupMessage>(*parsed).parameters.empty());
  EXPECT_FALSE(parse_startup(packet(kVersion30, "")).has_value());
}

TEST(StartupTest, OtherVersionsAreTheCallersToRefuse) {
  for (const std::uint32_t major : {2U, 4U, 0xffffU}) {
    const auto parsed = parse_startup(packet(major << 16, std::string_view("\0", 1)));
    ASSERT_TRUE(parsed.has_value()) << major;
    EXPECT_EQ(std::get<StartupMessage>(*parsed).version.major, major);
  }
}

TEST(StartupTest, LengthLimits) {
  const auto length_of = [](std::uint32_t length) {
    base::Buffer out;
    append_u32(out, length);
    return startup_packet_bytes(out.view());
  };
  for (std::size_t n = 0; n < 4; ++n) {
    const auto size = startup_packet_bytes(std::string(n, '\0'));
    ASSERT_TRUE(size.has_value());
    EXPECT_EQ(*size, std::nullopt);
  }
  EXPECT_FALSE(length_of(0).has_value());
  EXPECT_FALSE(length_of(7).has_value());
  EXPECT_EQ(length_of(8).value(), 8U);
  EXPECT_EQ(length_of(kStartupBytesMax).value(), kStartupBytesMax);
  EXPECT_FALSE(length_of(kStartupBytesMax + 1).has_value());
  EXPECT_FALSE(length_of(0xffffffffU).has_value());
  // A TLS ClientHello, an HTTP request.
  EXPECT_FALSE(startup_packet_bytes(std::string_view("\x16\x03\x01\x02\x00", 5)).has_value());
  EXPECT_FALSE(startup_packet_bytes("GET / HTTP/1.1").has_value());
}

TEST(StartupTest, SslAndGssRequests) {
  base::Buffer out;
  append_ssl_request(out);
  EXPECT_EQ(out.view(), std::string_view("\0\0\0\x08\x04\xd2\x16\x2f", 8));
  EXPECT_TRUE(std::holds_alternative<SslRequest>(parse_startup(out.view()).value()));
  const auto gss = parse_startup(std::string_view("\0\0\0\x08\x04\xd2\x16\x30", 8));
  EXPECT_TRUE(std::holds_alternative<GssRequest>(gss.value()));
  EXPECT_FALSE(parse_startup(std::string_view("\0\0\0\x08\x04\xd2\x16\x31", 8)).has_value());
}

TEST(StartupTest, CancelRequestsOfBothKeyLengths) {
  for (const std::size_t key_bytes : {std::size_t{4}, std::size_t{32}, kCancelKeyBytesMax}) {
    base::Buffer out;
    append_cancel_request(out, {.process_id = 77, .key = std::string(key_bytes, '\0')});
    ASSERT_EQ(startup_packet_bytes(out.view()).value(), out.size());
    const auto parsed = parse_startup(out.view());
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(std::get<CancelRequest>(*parsed).process_id, 77U);
    EXPECT_EQ(std::get<CancelRequest>(*parsed).key, std::string(key_bytes, '\0'));
  }
}

TEST(StartupTest, CancelRequestsOfImpossibleLength) {
  constexpr std::uint32_t kCancel = 1234U << 16 | 5678U;
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{7}, kCancelKeyBytesMax + 5})
    EXPECT_FALSE(parse_startup(packet(kCancel, std::string(size, 'k'))).has_value()) << size;
}

}  // namespace
}  // namespace pgweir::wire
