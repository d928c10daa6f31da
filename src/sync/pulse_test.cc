#include "sync/pulse.h"

#include <gtest/gtest.h>

#include "sync/test_stream.h"

namespace pgweir::sync {
namespace {

using base::kMillisecond;
using base::kSecond;

class PulseTest : public testing::Test {
 protected:
  PulseTest() { freshness.set_state(StreamState::kFollowing, ""); }

  void come_back(std::uint64_t beat) {
    for (const std::string& message :
         {begin_message(50), logical_message("pgweir.heartbeat", "me:" + std::to_string(beat)),
          commit_message(100)})
      EXPECT_TRUE(applier.apply(message).has_value());
    pulse.advance(0);
  }
  // One whole beat, sent now.
  void beat(const Polled& polled = {.definitions = "d", .settings = "s", .complete = true}) {
    EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
    pulse.on_beat(polled);
    come_back(pulse.beat());
    mend(0);
  }
  void mend(std::uint64_t tables_left) {
    if (pulse.next(clock.now()) == Question::kMend) pulse.on_mend(tables_left);
  }
  cache::Hold hold(cache::Slot slot) { return {generations, std::vector<cache::Slot>{slot}}; }

  base::ManualClock clock;
  cache::Generations generations{16};
  DatabaseSlots names{generations, {1, 2}, "shop"};
  ChangeSlots slots{names, [] { return nullptr; }};
  Applier applier{slots, [] {}, "me"};
  int woken = 0, first = 0, definitions = 0, settings = 0;
  std::uint64_t xmin = 0;
  Barriers barriers{[this] { ++woken; }};
  Freshness freshness;
  Pulse pulse{{.lag_max = 2 * kSecond},
              applier,
              barriers,
              freshness,
              {.polled_first = [this] { ++first; },
               .definitions_changed = [this] { ++definitions; },
               .settings_changed = [this] { ++settings; },
               .ended_below = [this](std::uint64_t below) { xmin = below; }}};
};

TEST_F(PulseTest, FreshFromWhenTheBeatWasSentForTheLagAllowed) {
  EXPECT_FALSE(freshness.is_fresh(clock.now()));
  EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
  const base::Nanos sent = clock.now();
  clock.advance(kSecond);
  pulse.on_beat({.complete = true});
  EXPECT_FALSE(freshness.is_fresh(clock.now())) << "not come back yet";
  come_back(1);
  EXPECT_TRUE(freshness.is_fresh(clock.now()));
  EXPECT_TRUE(freshness.is_fresh(sent + 2 * kSecond - 1));
  EXPECT_FALSE(freshness.is_fresh(sent + 2 * kSecond));
}

// What ran when it began has ended in it, or will.
TEST_F(PulseTest, AStreamThatGoesOnHasEverything) {
  const std::uint64_t before = generations.observe(names.stream());
  for (const bool goes_on : {true, false}) {
    Applier own{slots, [] {}, "me"};
    Pulse other{{.goes_on = goes_on}, own, barriers, freshness, {[] {}, [] {}, [] {}, [](std::uint64_t) {}}};
    EXPECT_EQ(other.next(clock.now()), Question::kBeat);
    other.on_beat({.complete = true, .snapshot = *Snapshot::parse("50:52:50"), .xid = 52});
    EXPECT_EQ(own.is_told_all(), goes_on);
    own.take(*Snapshot::parse("52:52:"));
    EXPECT_TRUE(own.is_told_all());
    EXPECT_EQ(generations.observe(names.stream()) == before, goes_on);
  }
}

TEST_F(PulseTest, ABeatThatComesBackBeforeItsAnswerWaitsForIt) {
  EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
  come_back(1);
  EXPECT_FALSE(freshness.is_fresh(clock.now())) << "what was polled with it is not known";
  pulse.on_beat({.complete = true});
  pulse.advance(0);
  EXPECT_TRUE(freshness.is_fresh(clock.now()));
}

TEST_F(PulseTest, BeatsComeFourTimesInTheLagAllowed) {
  beat();
  EXPECT_EQ(pulse.next(clock.now()), Question::kNone);
  EXPECT_EQ(pulse.due_at(), clock.now() + kSecond / 2);
  clock.advance(kSecond / 2);
  EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
}

TEST_F(PulseTest, ABarrierIsReleasedUnmovedByABeatSentAfterIt) {
  beat();
  EXPECT_EQ(pulse.next(clock.now()), Question::kNone);
  const std::uint64_t before = generations.observe(5);
  barriers.add(hold(5));
  EXPECT_EQ(woken, 1);
  come_back(pulse.beat());  // an earlier one says nothing
  EXPECT_TRUE(cache::Generations::is_held(generations.observe(5)));
  beat();
  EXPECT_EQ(generations.observe(5), before);
}

TEST_F(PulseTest, WhileABeatIsOnItsWayBarriersWaitForTheNext) {
  EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
  barriers.add(hold(5));
  pulse.on_beat({.complete = true});
  come_back(1);
  EXPECT_TRUE(cache::Generations::is_held(generations.observe(5)));
  beat();
  EXPECT_FALSE(cache::Generations::is_held(generations.observe(5)));
}

TEST_F(PulseTest, WhatIsPolledIsToldWhenItDiffers) {
  beat();
  EXPECT_EQ(definitions + settings, 0) << "the first is what the others are compared with";
  EXPECT_EQ(first, 1) << "and what was looked at before may differ from it";
  clock.advance(kSecond);
  beat({.definitions = "other", .settings = "s", .complete = true});
  EXPECT_EQ(definitions, 1);
  clock.advance(kSecond);
  beat({.definitions = "other",
        .settings = "other",
        .complete = true,
        .snapshot = *Snapshot::parse("77:80:")});
  EXPECT_EQ(definitions, 1);
  EXPECT_EQ(settings, 1);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(xmin, 77U);
}

TEST_F(PulseTest, AMissingTriggerEndsTheStream) {
  beat();
  EXPECT_TRUE(pulse.check(clock.now()).has_value());
  clock.advance(kSecond);
  beat({.complete = false});
  EXPECT_FALSE(pulse.check(clock.now()).has_value());
}

TEST_F(PulseTest, AnAnswerOrABeatThatIsOverdueEndsTheStream) {
  EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
  EXPECT_TRUE(pulse.check(clock.now()).has_value());
  clock.advance(10 * kSecond);
  EXPECT_FALSE(pulse.check(clock.now()).has_value());
  pulse.on_beat({.complete = true});
  EXPECT_FALSE(pulse.check(clock.now()).has_value()) << "it has not come back";
  come_back(1);
  EXPECT_TRUE(pulse.check(clock.now()).has_value());
}

TEST_F(PulseTest, SnapshotsThatShowNothingNewComeEverLater) {
  beat();
  for (const std::string& message :
       {begin_message(60), relation_message(7, {"id"}), "I" + u32(7) + "N" + row({"1"}), commit_message(200)})
    ASSERT_TRUE(applier.apply(message).has_value());
  ASSERT_EQ(pulse.next(clock.now()), Question::kSnapshot);
  pulse.on_snapshot(*Snapshot::parse("60:61:60"), clock.now());
  EXPECT_EQ(pulse.next(clock.now()), Question::kNone);
  clock.advance(50 * kMillisecond);
  ASSERT_EQ(pulse.next(clock.now()), Question::kSnapshot);
  pulse.on_snapshot(*Snapshot::parse("61:61:"), clock.now());
  EXPECT_EQ(pulse.next(clock.now()), Question::kNone) << "nothing waits";
}

TEST_F(PulseTest, TablesAreMendedAtFirstAndAfterDdl) {
  EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
  pulse.on_beat({.complete = true});
  EXPECT_EQ(pulse.next(clock.now()), Question::kMend);
  pulse.on_mend(0);
  EXPECT_EQ(pulse.next(clock.now()), Question::kNone);
  for (const std::string& message :
       {begin_message(60), logical_message("pgweir.ddl", "DROP TABLE"), commit_message(200)})
    ASSERT_TRUE(applier.apply(message).has_value());
  EXPECT_EQ(pulse.next(clock.now()), Question::kSnapshot) << "readers must see it first";
  pulse.on_snapshot(*Snapshot::parse("61:61:"), clock.now());
  EXPECT_EQ(pulse.next(clock.now()), Question::kMend);
  pulse.on_mend(200);
  EXPECT_EQ(pulse.next(clock.now()), Question::kNone) << "in use: not before the next beat";
  clock.advance(kSecond);
  EXPECT_EQ(pulse.next(clock.now()), Question::kBeat);
  pulse.on_beat({.complete = true});
  EXPECT_EQ(pulse.next(clock.now()), Question::kMend);
  pulse.on_mend(100);
  EXPECT_EQ(pulse.next(clock.now()), Question::kMend) << "there is progress";
}

TEST(FreshnessTest, EveryOtherStateEndsIt) {
  Freshness freshness;
  freshness.applied(10, 100, 0);
  EXPECT_FALSE(freshness.is_fresh(20)) << "not followed";
  freshness.set_state(StreamState::kFollowing, "");
  freshness.applied(10, 100, 0);
  EXPECT_TRUE(freshness.is_fresh(20));
  freshness.set_state(StreamState::kLost, "why");
  EXPECT_FALSE(freshness.is_fresh(20));
  EXPECT_EQ(freshness.report().reason, "why");
  EXPECT_EQ(freshness.report().losses, 1U);
}

}  // namespace
}  // namespace pgweir::sync
