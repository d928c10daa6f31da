#include "guard/fair_queue.h"

#include <gmock/gmock.h>

#include <deque>
#include <string>
#include <vector>

namespace pgweir::guard {
namespace {

using base::kMillisecond;
using testing::ElementsAre;
using Order = FairQueue::Order;

struct Named : Queued {
  std::string name;
};

class FairQueueTest : public testing::Test {
 protected:
  void add(const std::string& name, std::uint64_t template_hash, std::uint64_t client,
           base::Nanos cost = kMillisecond) {
    Named& named = all_.emplace_back();
    named.template_hash = template_hash;
    named.client = client;
    named.name = name;
    queue_.add(named, cost);
  }
  std::string take(Order order = Order::kOldestFirst) { return static_cast<Named&>(queue_.take(order)).name; }
  std::vector<std::string> take_all() {
    std::vector<std::string> names;
    while (!queue_.empty()) names.push_back(take());
    return names;
  }

  std::deque<Named> all_;
  FairQueue queue_;
};

TEST_F(FairQueueTest, OneFlowIsFirstComeFirstServed) {
  for (const char* name : {"a", "b", "c"}) add(name, 1, 1);
  EXPECT_THAT(take_all(), ElementsAre("a", "b", "c"));
}

TEST_F(FairQueueTest, AHotTemplateOfTheSameClientDoesNotStarveAnother) {
  for (int i = 0; i < 1000; ++i) add("hot", 1, 1);
  add("rare", 2, 1);
  unsigned before = 0;
  while (take() != "rare") ++before;
  EXPECT_LE(before, 2);
}

TEST_F(FairQueueTest, AHotTemplateOfManyClientsDoesNotStarveAnother) {
  for (std::uint64_t i = 0; i < 500; ++i) add("hot", 1, 100 + i);
  add("rare", 2, 1);
  unsigned before = 0;
  while (take() != "rare") ++before;
  EXPECT_LE(before, 2);
}

TEST_F(FairQueueTest, AClientWithManyTemplatesDoesNotStarveAnother) {
  for (std::uint64_t i = 0; i < 500; ++i) add("many", 100 + i, 1);
  add("one", 1, 2);
  unsigned before = 0;
  while (take() != "one") ++before;
  EXPECT_LE(before, 2);
}

TEST_F(FairQueueTest, DearStatementsTakeTurnsByWhatTheyCost) {
  for (int i = 0; i < 20; ++i) add("dear", 1, 1, 10 * kMillisecond);
  for (int i = 0; i < 20; ++i) add("cheap", 2, 2, kMillisecond);
  unsigned cheap = 0, dear = 0;
  while (cheap < 20) ++(take() == "cheap" ? cheap : dear);
  EXPECT_LE(dear, 3);
}

TEST_F(FairQueueTest, WhoHasHadManyTurnsDoesNotGoFirstAgain) {
  for (int i = 0; i < 10; ++i) add("hot", 1, 1);
  add("other", 2, 1);
  for (int i = 0; i < 5; ++i) take();
  add("hot again", 1, 1);
  add("new", 3, 1);
  EXPECT_THAT(take_all(), testing::AllOf(testing::Contains("new"), testing::Contains("hot again")));
}

TEST_F(FairQueueTest, FirstAndLastArePlaces) {
  add("a", 1, 1);
  add("b", 1, 1);
  Named urgent;
  urgent.name = "urgent";
  queue_.add_first(urgent);
  queue_.put_last(all_[0]);
  EXPECT_THAT(take_all(), ElementsAre("urgent", "b", "a"));
}

TEST_F(FairQueueTest, TheNewestOfAFlowHasItsTurn) {
  for (const char* name : {"a", "b", "c"}) add(name, 1, 1);
  add("other", 2, 1);
  EXPECT_EQ(take(Order::kNewestFirst), "c");
  EXPECT_EQ(take(Order::kNewestFirst), "b");
  EXPECT_EQ(take(Order::kNewestFirst), "other") << "flows take turns all the same";
  EXPECT_EQ(take(Order::kNewestFirst), "a");
}

TEST_F(FairQueueTest, NobodyPaysForTurnsThatWereNotTaken) {
  add("stays", 9, 9, 10 * base::kSecond);
  for (int i = 0; i < 1000; ++i) {
    add("gives up", 1, 1, base::kSecond);
    queue_.remove(all_.back());
  }
  add("again", 1, 1);
  EXPECT_EQ(take(), "again");
}

TEST_F(FairQueueTest, WhoMakesRoomIsTheOneWhoseTurnIsFarthest) {
  add("gone", 3, 1);
  for (const char* name : {"a", "b", "c"}) add(name, 1, 1);
  add("other", 2, 1);
  queue_.put_last(all_[0]);
  const auto take_last = [&](Order order) { return static_cast<Named&>(queue_.take_last(order)).name; };
  EXPECT_EQ(take_last(Order::kOldestFirst), "gone");
  EXPECT_EQ(take_last(Order::kOldestFirst), "c");
  EXPECT_EQ(take_last(Order::kNewestFirst), "a");
  EXPECT_THAT(take_all(), testing::UnorderedElementsAre("b", "other"));
}

TEST_F(FairQueueTest, WhatLeavesIsNotGivenATurn) {
  add("a", 1, 1);
  add("b", 2, 1);
  add("c", 1, 1);
  queue_.remove(all_[0]);
  EXPECT_EQ(queue_.size(), 2);
  EXPECT_THAT(take_all(), testing::UnorderedElementsAre("b", "c"));
}

TEST_F(FairQueueTest, FlowsThatHaveNothingToStandBehindAreForgotten) {
  add("stays", 0, 0, 10 * base::kSecond);
  for (std::uint64_t i = 1; i < 20'000; ++i) {
    add("passes", i, i);
    take();
    ASSERT_LE(queue_.flows(), 4100);
  }
}

}  // namespace
}  // namespace pgweir::guard
