#include "sync/snapshot.h"

#include <gtest/gtest.h>

namespace pgweir::sync {
namespace {

TEST(SnapshotTest, WhatRunsAndWhatComesLaterHasNotEnded) {
  const auto snapshot = Snapshot::parse("100:110:100,105");
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->xmin(), 100U);
  EXPECT_TRUE(snapshot->has_ended(99));
  EXPECT_FALSE(snapshot->has_ended(100));
  EXPECT_TRUE(snapshot->has_ended(101));
  EXPECT_FALSE(snapshot->has_ended(105));
  EXPECT_TRUE(snapshot->has_ended(109));
  EXPECT_FALSE(snapshot->has_ended(110));
  EXPECT_FALSE(snapshot->has_ended(500));
}

TEST(SnapshotTest, IdsOf32BitsAreTakenForTheNearest) {
  const auto snapshot = Snapshot::parse("4294967290:4294967300:4294967291");
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_TRUE(snapshot->has_ended(4294967280U));
  EXPECT_FALSE(snapshot->has_ended(4294967291U));
  EXPECT_TRUE(snapshot->has_ended(2)) << "4294967298";
  EXPECT_FALSE(snapshot->has_ended(4)) << "4294967300";
}

TEST(SnapshotTest, WhatHasBegunSinceTheLastThatEndedRunsToo) {
  const auto snapshot = Snapshot::parse("100:105:100,103");
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->running(107), (std::vector<std::uint64_t>{100, 103, 105, 106}));
  EXPECT_EQ(snapshot->running(104), (std::vector<std::uint64_t>{100, 103}));
}

TEST(SnapshotTest, OtherTextsAreRefused) {
  for (const char* text : {"", "1", "1:", ":", "a:b:", "1:2", "3:2:", "1:2:x", "1:2:1;", "-1:2:"})
    EXPECT_FALSE(Snapshot::parse(text).has_value()) << text;
  EXPECT_TRUE(Snapshot::parse("1:2:").has_value());
}

}  // namespace
}  // namespace pgweir::sync
