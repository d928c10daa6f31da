#include "simulate/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pgweir::simulate {
namespace {

using testing::HasSubstr;

Point point_of(std::uint64_t hits) {
  return {.setup = {.policy = cache::PolicyKind::kCost, .capacity = 3 << 20},
          .requests = 10,
          .hits = hits,
          .bytes = 1000,
          .hit_bytes = 250,
          .cost_us = 400,
          .hit_cost_us = 300,
          .not_kept = 2,
          .evictions = {5, 6, 0}};
}

TEST(LimitTest, WhatItMayBe) {
  const auto limit = parse_limit("cost_saved>=0.75");
  ASSERT_TRUE(limit);
  EXPECT_TRUE(is_met(point_of(1), *limit));
  EXPECT_FALSE(is_met(point_of(1), *parse_limit("cost_saved>=0.76")));
  EXPECT_TRUE(is_met(point_of(1), *parse_limit("hit_ratio<=0.1")));
  EXPECT_FALSE(is_met(point_of(2), *parse_limit("hit_ratio<=0.1")));
  EXPECT_FALSE(is_met(point_of(1), *parse_limit("byte_hit_ratio>=1")));
  Point with_disk = point_of(1);
  with_disk.disk_written_bytes = 3 << 20;
  EXPECT_TRUE(is_met(with_disk, *parse_limit("disk_writes<=3MiB")));
  EXPECT_FALSE(is_met(with_disk, *parse_limit("disk_writes<=3145727")));
  for (const char* const text :
       {"", "hit_ratio", "hit_ratio=0.9", "hit_ratio>0.9", "hit_ratio>=", "hit_ratio>=x", "hit_ratio>=1.5",
        "hit_ratio>=-1", "hit_ratio>=nan", "hits>=0.9", ">=0.9"}) {
    const auto refused = parse_limit(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().message, HasSubstr("as in 'hit_ratio>=0.9'"));
  }
}

TEST(ReportTest, TextJsonAndJunit) {
  const std::vector<Point> points{point_of(1), point_of(9)};
  const std::vector<Limit> limits{*parse_limit("hit_ratio>=0.5")};
  const std::string text = report_text(points, limits);
  EXPECT_THAT(text, HasSubstr("cost              3MiB          10  0.1000     0.2500     0.7500"));
  EXPECT_THAT(text, HasSubstr("cost 3MiB: hit_ratio>=0.5 was missed: 0.1000"));

  const auto json = nlohmann::json::parse(report_json(points, limits));
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0]["policy"], "cost");
  EXPECT_EQ(json[0]["capacity"], 3 << 20);
  EXPECT_EQ(json[0]["requests"], 10);
  EXPECT_EQ(json[1]["hit_ratio"], 0.9);
  EXPECT_EQ(json[0]["evictions"]["expired"], 6);
  EXPECT_EQ(json[0]["limits_missed"].size(), 1U);
  EXPECT_EQ(json[1]["limits_missed"].size(), 0U);

  const std::string junit = report_junit(points, limits);
  EXPECT_THAT(junit, HasSubstr("tests=\"2\" failures=\"1\""));
  EXPECT_THAT(junit, HasSubstr("name=\"cost 3MiB hit_ratio&gt;=0.5\""));
}

}  // namespace
}  // namespace pgweir::simulate
