#include "config/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace pgweir::config {
namespace {

constexpr base::Nanos kLongest = std::numeric_limits<base::Nanos>::max();

TEST(Units, ReadsDurations) {
  EXPECT_EQ(parse_duration("0s"), 0);
  EXPECT_EQ(parse_duration("7ns"), 7);
  EXPECT_EQ(parse_duration("3us"), 3 * base::kMicrosecond);
  EXPECT_EQ(parse_duration("250ms"), 250 * base::kMillisecond);
  EXPECT_EQ(parse_duration("30s"), 30 * base::kSecond);
  EXPECT_EQ(parse_duration("5m"), 300 * base::kSecond);
  EXPECT_EQ(parse_duration("2h"), 7200 * base::kSecond);
  EXPECT_EQ(parse_duration("1d"), 86400 * base::kSecond);
  EXPECT_EQ(parse_duration("9223372036854775807ns"), kLongest);
}

TEST(Units, ReadsSizes) {
  EXPECT_EQ(parse_bytes("0B"), 0u);
  EXPECT_EQ(parse_bytes("17B"), 17u);
  EXPECT_EQ(parse_bytes("512kB"), 512'000u);
  EXPECT_EQ(parse_bytes("512KiB"), 512u * 1024);
  EXPECT_EQ(parse_bytes("64MB"), 64'000'000u);
  EXPECT_EQ(parse_bytes("64MiB"), 64u << 20);
  EXPECT_EQ(parse_bytes("1GB"), 1'000'000'000u);
  EXPECT_EQ(parse_bytes("1GiB"), 1u << 30);
  EXPECT_EQ(parse_bytes("1TB"), 1'000'000'000'000u);
  EXPECT_EQ(parse_bytes("1TiB"), std::uint64_t{1} << 40);
  EXPECT_EQ(parse_bytes("18446744073709551615B"), std::numeric_limits<std::uint64_t>::max());
}

TEST(Units, RefusesWhatIsNotADuration) {
  for (const char* text : {"", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "5.5s", "5S", "5min", "5mm",
                           "1m30s", "0x5s", "1e3s"}) {
    const auto value = parse_duration(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().code, base::ErrorCode::kInvalid);
    EXPECT_EQ(value.error().message,
              "\"" + std::string(text) +
                  "\" is not a duration: write a whole number and one of ns, us, ms, s, m, h, d, such as "
                  "\"250ms\" or \"5m\"");
  }
}

TEST(Units, RefusesWhatIsNotASize) {
  for (const char* text :
       {"", "5", "B", "5 MiB", "-1B", "1.5GiB", "5mb", "5mib", "5Mb", "5M", "5KB", "5PiB"}) {
    const auto value = parse_bytes(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(
        value.error().message,
        "\"" + std::string(text) +
            "\" is not a size: write a whole number and one of B, KiB, MiB, GiB, TiB (powers of 1024), kB, "
            "MB, GB, TB (powers of 1000), such as \"64MiB\"");
  }
}

TEST(Units, RefusesWhatDoesNotFit) {
  for (const char* text : {"9223372036854775808ns", "106752d", "99999999999999999999999d"}) {
    const auto value = parse_duration(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().message, "\"" + std::string(text) + "\" is too long");
  }
  for (const char* text : {"18446744073709551616B", "16777216TiB", "99999999999999999999999B"}) {
    const auto value = parse_bytes(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().message, "\"" + std::string(text) + "\" is too large");
  }
}

TEST(Units, MessagesHoldNoControlCharactersAndAreBounded) {
  const auto value = parse_duration("\x1b[2J\n" + std::string(10'000, 'x'));
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().message.find('\x1b'), std::string::npos);
  EXPECT_EQ(value.error().message.find('\n'), std::string::npos);
  EXPECT_LT(value.error().message.size(), 300u);
}

TEST(Units, ShowsTheLargestUnitThatDivides) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(90 * base::kSecond), "90s");
  EXPECT_EQ(format_duration(300 * base::kSecond), "5m");
  EXPECT_EQ(format_duration(86400 * base::kSecond), "1d");
  EXPECT_EQ(format_duration(1'500'000), "1500us");
  EXPECT_EQ(format_duration(1), "1ns");
  EXPECT_EQ(format_bytes(0), "0B");
  EXPECT_EQ(format_bytes(64u << 20), "64MiB");
  EXPECT_EQ(format_bytes(1536), "1536B");
  EXPECT_EQ(format_bytes(512'000), "500KiB");
  EXPECT_EQ(format_bytes(1'000'000), "1MB");
}

TEST(Units, WhatIsShownReadsBack) {
  for (base::Nanos value = 1; value > 0 && value < kLongest / 7; value = value * 7 + 3) {
    EXPECT_EQ(parse_duration(format_duration(value)), value);
    EXPECT_EQ(parse_duration(format_duration(value / 1000 * 1000)), value / 1000 * 1000);
    const auto bytes = static_cast<std::uint64_t>(value);
    EXPECT_EQ(parse_bytes(format_bytes(bytes)), bytes);
    EXPECT_EQ(parse_bytes(format_bytes(bytes / 1024 * 1024)), bytes / 1024 * 1024);
  }
}

}  // namespace
}  // namespace pgweir::config
