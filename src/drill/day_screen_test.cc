#include "drill/day_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace pgweir::drill {
namespace {

using base::kMicrosecond;
using base::kMillisecond;
using testing::HasSubstr;
using testing::Not;

DaySecond example() {
  return {.elapsed_s = 7,
          .requests_per_s = 1234.4,
          .hit_ratio = 0.873,
          .database_queries_per_s = 412,
          .through = {.p50 = 310 * kMicrosecond, .p99 = 2100 * kMicrosecond},
          .direct = {.p50 = 420 * kMicrosecond, .p99 = std::nullopt},
          .failed = 2};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Numbers, AreGroupedByThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999.4), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567.8), "1,234,568");
  EXPECT_EQ(grouped(-1234), "-1,234");
}

TEST(Numbers, WhatIsNotThereIsADash) {
  EXPECT_EQ(milliseconds(std::nullopt), "-");
  EXPECT_EQ(percent(std::nullopt), "-");
  EXPECT_EQ(milliseconds(1500 * kMicrosecond), "1.50");
  EXPECT_EQ(percent(0.5), "50.0 %");
}

TEST(Sparkline, IsScaledToTheLargest) {
  EXPECT_EQ(sparkline({0, 5, 10}, true), "▁▅█");
  EXPECT_EQ(sparkline({0, 0}, false), "__");
  EXPECT_EQ(sparkline({}, true), "");
}

TEST(Start, SaysHowMuchOfTheTrafficWrites) {
  EXPECT_THAT(DayScreen({}).start({}), HasSubstr("10 % of them writes"));
}

TEST(Lines, HaveAHeadingThatFitsTheColumns) {
  DayScreen screen({});
  const auto lines = lines_of(screen.second(example()));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].size(), lines[2].size());
  EXPECT_EQ(lines[1].size(), lines[2].size());
  EXPECT_EQ(lines[2],
            "       7       1,234     87.3 %         412      0.31      2.10      0.42         -        2");
}

TEST(Lines, RepeatTheHeadingNowAndThen) {
  DayScreen screen({});
  std::string text;
  for (int i = 0; i < 21; ++i) text += screen.second(example());
  EXPECT_EQ(lines_of(text).size(), 21u + 2 * 2);
}

TEST(Lines, HaveNoEscapes) {
  DayScreen screen({});
  EXPECT_THAT(screen.start({}) + screen.second(example()) + screen.summary({}), Not(HasSubstr("\033")));
}

TEST(Panel, GoesBackOverWhatItDrewBefore) {
  DayScreen screen({.style = ScreenStyle::kPanel});
  const std::string first = screen.second(example()), second = screen.second(example());
  const auto drawn = std::ranges::count(first, '\n');
  EXPECT_TRUE(first.starts_with("\r"));
  EXPECT_TRUE(second.starts_with("\033[" + std::to_string(drawn) + "A"));
}

TEST(Panel, NoLineIsWiderThanTheTerminal) {
  DayScreen screen({.style = ScreenStyle::kPanel, .colour = true, .unicode = true, .width_columns = 30});
  for (const std::string& line : lines_of(screen.second(example()))) {
    std::size_t columns = 0;
    bool in_escape = false;
    for (const char c : line) {
      if (c == '\033') in_escape = true;
      const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
      if (!in_escape && !continues && c != '\r') ++columns;
      if (in_escape && (c == 'm' || c == 'K')) in_escape = false;
    }
    EXPECT_LE(columns, 30u) << line;
  }
}

TEST(Panel, ColoursOnlyIfAsked) {
  DayScreen plain({.style = ScreenStyle::kPanel}), coloured({.style = ScreenStyle::kPanel, .colour = true});
  EXPECT_THAT(plain.second(example()), Not(HasSubstr("\033[1m")));
  EXPECT_THAT(coloured.second(example()), HasSubstr("\033[1m"));
}

TEST(JsonLines, AreOneObjectEach) {
  DayScreen screen({.style = ScreenStyle::kJson});
  for (const std::string& text : {screen.start({}), screen.second(example()), screen.summary({})}) {
    EXPECT_EQ(std::ranges::count(text, '\n'), 1);
    EXPECT_TRUE(nlohmann::json::parse(text, nullptr, false).is_object()) << text;
  }
  const auto second = nlohmann::json::parse(screen.second(example()), nullptr, false);
  EXPECT_EQ(second["event"], "second");
  EXPECT_DOUBLE_EQ(second["through"]["p50_ms"].get<double>(), 0.31);
  EXPECT_TRUE(second["direct"]["p99_ms"].is_null());
}

TEST(Summary, SaysWhatTheDatabaseWasSpared) {
  DaySummary summary{.seconds = 10, .requests = 6000, .failed = 1, .cache = {}, .endpoints = {}, .reads = {}};
  summary.cache = {.hits = 9000, .misses = 1000, .bypasses = 500, .database_queries = 1500};
  summary.endpoints[0] = {
      .requests = 2000, .through = {.p50 = kMillisecond, .p99 = 2 * kMillisecond}, .direct = {}};
  const std::string text = DayScreen({}).summary(summary);
  EXPECT_THAT(text, HasSubstr("6,000 requests (600/s), 1 failed"));
  EXPECT_THAT(text, HasSubstr("9,000 of 10,000 cacheable reads hit (90.0 %)"));
  EXPECT_THAT(text, HasSubstr("1,500 queries through pgweir (150/s) instead of 10,500"));
}

TEST(Summary, SaysSoWhenNothingWasCounted) {
  EXPECT_THAT(DayScreen({}).summary({}), HasSubstr("had no counters"));
}

TEST(CacheCounts, DifferenceSurvivesARestart) {
  const CacheCounts gained = since({.hits = 5, .misses = 3, .bypasses = {}, .database_queries = 10},
                                   {.hits = 100, .misses = 1, .bypasses = 4, .database_queries = {}});
  EXPECT_EQ(gained.hits, 5);
  EXPECT_EQ(gained.misses, 2);
  EXPECT_EQ(gained.bypasses, std::nullopt);
  EXPECT_EQ(gained.database_queries, 10);
  EXPECT_DOUBLE_EQ(*hit_ratio(gained), 5.0 / 7);
  EXPECT_FALSE(hit_ratio({}));
}

}  // namespace
}  // namespace pgweir::drill
