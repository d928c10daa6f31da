#include "proxy/capture.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "wire/backend.h"

namespace pgweir::proxy {
namespace {

constexpr std::uint64_t kBytesMax = 100, kAllBytesMax = 10'000;

std::string message(char type, std::string_view body) {
  base::Buffer out;
  out.push_back(type);
  wire::append_u32(out, static_cast<std::uint32_t>(body.size() + 4));
  out.append(body);
  return std::string(out.view());
}

std::string error(std::string_view code) {
  base::Buffer out;
  wire::append_error(out, {.code = code, .message = "m"});
  return std::string(out.view());
}

class CaptureTest : public testing::Test {
 protected:
  static constexpr cache::Key kKey{.lo = 1, .hi = 2};

  // A capture for a key that nobody has filled yet.
  std::unique_ptr<Capture> begin() {
    cache::Lookup lookup = cache.lookup(kKey, nullptr);
    EXPECT_EQ(lookup.outcome, cache::Outcome::kMiss);
    return std::make_unique<Capture>(std::move(lookup.fill), std::vector{generations.depend(3)},
                                     Capture::Limits{kBytesMax, all_bytes, kAllBytesMax}, clock.now());
  }
  // What the next to ask gets: the bytes kept, or "miss", or "uncacheable".
  std::string next() {
    const cache::Lookup lookup = cache.lookup(kKey, nullptr);
    if (lookup.outcome == cache::Outcome::kHit) return std::string(lookup.entry.bytes());
    if (lookup.outcome == cache::Outcome::kMiss) return "miss";
    return std::string(cache::name(lookup.pass_why));
  }
  void finish(Capture& capture) { capture.finish(base::kSecond, clock.now(), compression); }
  // What is left after a reply of these messages.
  std::string after(std::initializer_list<std::string> messages) {
    const auto capture = begin();
    for (const std::string& raw : messages) capture->add(raw[0], raw);
    finish(*capture);
    return next();
  }

  static cache::CacheConfig config() {
    cache::CacheConfig config;
    config.early_refresh = 0;
    config.memory_bytes = 1 << 20;
    config.shards = 1;
    config.ttl_jitter = 0;
    return config;
  }

  base::ManualClock clock;
  cache::Generations generations{10};
  cache::Cache cache{config(), clock, generations};
  base::ManualClock cpu_clock;
  CompressionStats compression_stats;
  Compression compression{clock, cpu_clock, compression_stats};
  base::Level all_bytes;
  const std::string row_description = message('T', "columns");
  const std::string row = message('D', "row");
  const std::string complete = message('C', std::string_view("SELECT 1\0", 9));
};

TEST_F(CaptureTest, KeepsRowsAndCompletion) {
  EXPECT_EQ(after({row_description, row, row, complete}), row_description + row + row + complete);
}

TEST_F(CaptureTest, TheMessagesMadeAfreshAreLeftOut) {
  EXPECT_EQ(after({std::string(wire::kParseComplete), std::string(wire::kBindComplete), row_description, row,
                   complete, std::string(wire::kCloseComplete)}),
            row_description + row + complete);
}

TEST_F(CaptureTest, NotificationsAreNotPartOfIt) {
  EXPECT_EQ(after({row_description, message('A', "notify"), row, complete}),
            row_description + row + complete);
}

TEST_F(CaptureTest, PartsOfAMessage) {
  const auto capture = begin();
  capture->add('D', std::string_view(row).substr(0, 6));
  capture->add('D', std::string_view(row).substr(6));
  capture->add('C', complete);
  finish(*capture);
  EXPECT_EQ(next(), row + complete);
}

TEST_F(CaptureTest, TheTtlCountsFromTheLookup) {
  const auto capture = begin();
  capture->add('C', complete);
  clock.advance(base::kSecond / 2);
  finish(*capture);
  clock.advance(base::kSecond / 2 - 1);
  EXPECT_EQ(next(), complete);
  clock.advance(1);
  EXPECT_EQ(next(), "miss");
}

TEST_F(CaptureTest, WhatIsIncompleteIsNotKept) {
  EXPECT_EQ(after({row_description, row}), "miss");
  EXPECT_EQ(after({}), "miss");
}

TEST_F(CaptureTest, AnythingUnexpectedIsRefused) {
  for (const char type : {'N', 'S', 's', 'I', 'G', 'H', 'd', 'n', '\0'}) {
    EXPECT_EQ(after({row_description, row, message(type, "x"), complete}), "uncacheable") << type;
    clock.advance(cache.config().uncacheable_ttl);
  }
}

TEST_F(CaptureTest, AReplyOfExactlyTheLimit) {
  const std::string large = message('D', std::string(kBytesMax - complete.size() - 5, 'x'));
  ASSERT_EQ(large.size() + complete.size(), kBytesMax);
  EXPECT_EQ(after({large, complete}), large + complete);
}

TEST_F(CaptureTest, OneByteMoreIsTooLarge) {
  const std::string large = message('D', std::string(kBytesMax - complete.size() - 4, 'x'));
  EXPECT_EQ(after({large, complete, row, complete}), "uncacheable");
}

TEST_F(CaptureTest, WhereAllTakeTooMuchNoneGrows) {
  base::Held others(all_bytes, kAllBytesMax - row.size());
  const auto capture = begin();
  capture->add('D', row);
  EXPECT_GT(all_bytes.get(), kAllBytesMax - row.size()) << "it counts";
  capture->add('D', row);
  EXPECT_EQ(all_bytes.get(), kAllBytesMax - row.size()) << "and gives back";
  capture->add('C', complete);
  finish(*capture);
  EXPECT_EQ(next(), "uncacheable");
  EXPECT_EQ(cache.stats().abandons[static_cast<std::size_t>(cache::FillEnd::kNoMemory)], 1U);
}

TEST_F(CaptureTest, ErrorsOfTheStatementItselfAreRemembered) {
  for (const char* code : {"42P01", "22012", "23505", "42501"}) {
    EXPECT_EQ(after({error(code)}), "uncacheable") << code;
    clock.advance(cache.config().uncacheable_ttl);
  }
}

TEST_F(CaptureTest, PassingErrorsAreNot) {
  for (const char* code :
       {"57014", "40001", "40P01", "53200", "53300", "55P03", "08006", "57P01", "58030", "XX000"})
    EXPECT_EQ(after({error(code)}), "miss") << code;
}

TEST_F(CaptureTest, ErrorsThatCannotBeReadAreNot) {
  EXPECT_EQ(after({message('E', "")}), "miss");
  EXPECT_EQ(after({message('E', "C42")}), "miss");
  EXPECT_EQ(after({message('E', std::string(1, '\0'))}), "miss");
  EXPECT_EQ(after({"E"}), "miss");
}

TEST_F(CaptureTest, AnErrorBehindRows) {
  EXPECT_EQ(after({row_description, row, error("22012")}), "uncacheable");
  clock.advance(cache.config().uncacheable_ttl);
  EXPECT_EQ(after({row_description, row, error("57014"), complete}), "miss");
}

TEST_F(CaptureTest, AMovedGenerationIsNotKept) {
  const auto capture = begin();
  capture->add('C', complete);
  generations.bump(3);
  finish(*capture);
  EXPECT_EQ(next(), "miss");
}

TEST_F(CaptureTest, AHeldGenerationIsNotKept) {
  const auto capture = begin();
  capture->add('C', complete);
  const std::array<cache::Slot, 1> slots{3};
  {
    const cache::Hold hold(generations, slots);
    finish(*capture);
  }
  EXPECT_EQ(next(), "miss");
}

TEST_F(CaptureTest, ACaptureThatIsDroppedFails) {
  auto capture = begin();
  capture->add('C', complete);
  capture.reset();
  EXPECT_EQ(next(), "miss");
}

TEST_F(CaptureTest, FailIsFinal) {
  const auto capture = begin();
  capture->add('D', row);
  capture->fail();
  capture->add('C', complete);
  finish(*capture);
  EXPECT_EQ(next(), "miss");
}

}  // namespace
}  // namespace pgweir::proxy
