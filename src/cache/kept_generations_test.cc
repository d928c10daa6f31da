#include "cache/kept_generations.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <fstream>
#include <sstream>

#include "cache/test_disk.h"

namespace pgweir::cache {
namespace {

constexpr base::Hash128 kRun{.lo = 7, .hi = 8};

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

struct KeptGenerationsTest : testing::Test {
  // What somebody has counted.
  KeptGenerationsTest() {
    for (int i = 0; i < 5; ++i) kept->generations().bump(9);
    kept->add_run(kRun);
    kept->words(77)->words[2] = 5;
  }
  void expect_continued() {
    EXPECT_TRUE(kept->is_continued());
    EXPECT_EQ(kept->generations().observe(9), 5 * Generations::kBump);
    EXPECT_TRUE(kept->knows_run(kRun));
    EXPECT_EQ(kept->words(77)->words[2], 5U);
  }
  void expect_anew() {
    EXPECT_FALSE(kept->is_continued());
    EXPECT_EQ(kept->generations().observe(9), 0U);
    EXPECT_FALSE(kept->knows_run(kRun));
    EXPECT_EQ(kept->words(77)->words[2], 0U);
  }
  TestKept kept;
};

TEST_F(KeptGenerationsTest, AllOfItIsThereAfterAKill) {
  kept.reopen();
  expect_continued();
  EXPECT_FALSE(kept->knows_run({.lo = 7, .hi = 9}));
  EXPECT_FALSE(kept->knows_run({}));
}

TEST_F(KeptGenerationsTest, WhatWasHeldHasMoved) {
  kept->generations().hold(9);
  kept->generations().hold(9);
  kept.reopen();
  EXPECT_EQ(kept->generations().observe(9), 6 * Generations::kBump);
}

TEST_F(KeptGenerationsTest, ACleanEndOutlivesTheMachine) {
  ASSERT_TRUE(kept->save().has_value());
  EXPECT_FALSE(exists(kept.config.path));
  struct stat facts{};
  ASSERT_EQ(stat(kept.config.saved.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  kept.reopen();
  expect_continued();
  EXPECT_FALSE(exists(kept.config.saved)) << "it would be out of date";
}

TEST_F(KeptGenerationsTest, ACopyThatComesLateIsNotBelieved) {
  const std::string earlier = text_of(kept.config.path);
  kept->generations().bump(9);
  std::ofstream(kept.config.saved, std::ios::binary) << earlier;
  kept.reopen();
  EXPECT_EQ(kept->generations().observe(9), 6 * Generations::kBump);
}

// Put back from a backup, say: whoever wrote meanwhile is unknown to it.
TEST_F(KeptGenerationsTest, AnOldCopyDoesNotKnowLaterRuns) {
  ASSERT_TRUE(kept->save().has_value());
  const std::string old = text_of(kept.config.saved);
  kept.reopen();
  const base::Hash128 later{.lo = 70, .hi = 80};
  kept->add_run(later);
  ASSERT_TRUE(kept->save().has_value());
  std::ofstream(kept.config.saved, std::ios::binary) << old;
  kept.reopen();
  EXPECT_TRUE(kept->is_continued());
  EXPECT_FALSE(kept->knows_run(later));
}

TEST_F(KeptGenerationsTest, AnewWhereItMeansSomethingElse) {
  kept.config.meaning.hi = 5;
  kept.reopen();
  expect_anew();
}

TEST_F(KeptGenerationsTest, AnewWithAnotherNumberOfSlots) {
  kept.config.slots_log2 = 11;
  kept.reopen();
  expect_anew();
}

TEST_F(KeptGenerationsTest, AnewIfTheClockHasGoneBack) {
  kept.clock.advance(2 * base::kSecond);
  kept->tick();
  kept.clock.advance(-base::kSecond);
  kept.reopen();
  expect_anew();
}

TEST_F(KeptGenerationsTest, AnewBeforeACounterComesRound) {
  TurnedGenerations::set_bumps(kept->generations(), 3, (std::uint64_t{1} << 39) - 1);
  kept.reopen();
  EXPECT_TRUE(kept->is_continued());
  kept->generations().bump(3);
  kept.reopen();
  expect_anew();
}

TEST_F(KeptGenerationsTest, AnewIfTheFileIsAnother) {
  ASSERT_EQ(truncate(kept.config.path.c_str(), 100), 0);
  kept.reopen();
  expect_anew();
}

TEST_F(KeptGenerationsTest, OnlyTheLastRunsAreKnown) {
  for (std::uint64_t i = 1; i < KeptGenerations::kRunsMax; ++i) kept->add_run({.lo = 100 + i, .hi = i});
  EXPECT_TRUE(kept->knows_run(kRun));
  kept->add_run({.lo = 100, .hi = 0});
  EXPECT_FALSE(kept->knows_run(kRun));
  EXPECT_TRUE(kept->knows_run({.lo = 101, .hi = 1}));
}

TEST_F(KeptGenerationsTest, NamesHaveALimit) {
  KeptWords* const first = kept->words(77);
  for (std::uint64_t name = 1001; kept->words(name) != nullptr; name += 2) ASSERT_LT(name, 5000U);
  EXPECT_EQ(kept->words(77), first);
  EXPECT_EQ(kept->words(999), nullptr);
}

TEST_F(KeptGenerationsTest, OneProcessAtATime) {
  const auto second = KeptGenerations::open(kept.config, kept.clock);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::ErrorCode::kUnavailable);
}

TEST_F(KeptGenerationsTest, NotWhereOthersMayWrite) {
  ASSERT_EQ(chmod(kept.config.path.c_str(), 0644), 0);
  EXPECT_FALSE(KeptGenerations::open(kept.config, kept.clock).has_value());
}

TEST_F(KeptGenerationsTest, OnlyInMemory) {
  KeptGenerationsConfig config = kept.config;
  config.path += ".other";
  config.wants_tmpfs = true;
  struct statfs system{};
  ASSERT_EQ(statfs(testing::TempDir().c_str(), &system), 0);
  EXPECT_EQ(KeptGenerations::open(config, kept.clock).has_value(), system.f_type == TMPFS_MAGIC);
  unlink(config.path.c_str());
}

}  // namespace
}  // namespace pgweir::cache
