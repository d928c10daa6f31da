// PostgreSQL's rules for which message is answered by which ReadyForQuery.
#include "proxy/exchange.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace pgweir::proxy {
namespace {

// Plays both sides and tells groups apart by a number put into sent_at.
class ExchangeTest : public testing::Test {
 protected:
  void extended(base::Nanos number) { exchange.sent_extended().sent_at = number; }
  void query(base::Nanos number) { exchange.sent_query('Q').sent_at = number; }
  void error() { exchange.received_reply('E'); }
  // The number of the group that a ReadyForQuery ends, with a reply before it if the group has not failed.
  base::Nanos ready() {
    if (!exchange.empty() && exchange.front().replies && !exchange.front().failed)
      exchange.received_reply('C');
    return bare_ready();
  }
  // The same of the last group that is outstanding; -3: it was not the last.
  base::Nanos last_ready() {
    const base::Nanos number = ready();
    return exchange.empty() ? number : -3;
  }
  // A Sync sent before CopyInResponse, the copy's end, and a statement that holds slot 3.
  void copy_with_a_fence_behind() {
    const std::array<cache::Slot, 1> slots{3};
    extended(1);
    exchange.sent_sync();
    exchange.sent_copy_end();
    exchange.sent_extended().fence = Fence(cache::Hold(generations, slots));
    exchange.sent_sync();
    ASSERT_TRUE(exchange.received_copy_in());
  }
  base::Nanos bare_ready() {
    Exchange::Ended ended;
    switch (exchange.received_ready(ended)) {
      case Exchange::Ready::kGroup:
        return ended.front().sent_at;
      case Exchange::Ready::kStray:
        return kStray;
      case Exchange::Ready::kLost:
        break;
    }
    return kLost;
  }
  static constexpr base::Nanos kLost = -1;
  static constexpr base::Nanos kStray = -2;

  cache::Generations generations{10};
  Exchange exchange;
};

TEST_F(ExchangeTest, NothingSentNothingExpected) {
  EXPECT_TRUE(exchange.empty());
  EXPECT_FALSE(exchange.open());
  EXPECT_EQ(ready(), kLost);
  EXPECT_FALSE(exchange.received_copy_in());
  error();  // FATAL while idle
  EXPECT_TRUE(exchange.empty());
}

TEST_F(ExchangeTest, EachQueryHasItsReady) {
  query(1);
  query(2);
  exchange.sent_query('F').sent_at = 3;
  EXPECT_EQ(exchange.size(), 3U);
  EXPECT_FALSE(exchange.open());
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(ready(), 2);
  EXPECT_EQ(ready(), 3);
  EXPECT_EQ(ready(), kLost);
}

TEST_F(ExchangeTest, ExtendedMessagesUpToSyncAreOneGroup) {
  extended(1);
  EXPECT_TRUE(exchange.open());
  extended(1);
  exchange.sent_sync();
  EXPECT_FALSE(exchange.open());
  extended(2);
  exchange.sent_sync();
  EXPECT_EQ(exchange.size(), 2U);
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(last_ready(), 2);
}

TEST_F(ExchangeTest, SyncAloneIsAnswered) {
  exchange.sent_sync();
  exchange.sent_sync();
  EXPECT_EQ(exchange.size(), 2U);
  EXPECT_EQ(ready(), 0);
  EXPECT_EQ(ready(), 0);
  EXPECT_EQ(ready(), kLost);
}

TEST_F(ExchangeTest, QueryEndsTheExtendedMessagesBeforeIt) {
  extended(1);
  exchange.sent_query('Q');
  EXPECT_FALSE(exchange.open());
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, AnErrorEndsNothing) {
  extended(1);
  error();
  EXPECT_TRUE(exchange.open()) << "the server skips until Sync";
  exchange.sent_sync();
  EXPECT_EQ(ready(), 1);
}

TEST_F(ExchangeTest, CopyInASimpleQuery) {
  query(1);
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_TRUE(exchange.copying());
  exchange.sent_copy_data();
  exchange.sent_sync();  // ignored by the server
  EXPECT_EQ(exchange.size(), 1U);
  exchange.sent_copy_end();
  EXPECT_FALSE(exchange.copying());
  query(2);
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(ready(), 2);
}

TEST_F(ExchangeTest, TwoCopiesInOneQuery) {
  query(1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(exchange.received_copy_in());
    EXPECT_TRUE(exchange.copying());
    exchange.sent_copy_end();
    EXPECT_FALSE(exchange.copying());
  }
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, ExtendedCopyWithSyncBefore) {
  extended(1);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_TRUE(exchange.copying());
  EXPECT_TRUE(exchange.open()) << "the server has ignored that Sync";
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  exchange.sent_sync();
  EXPECT_EQ(exchange.size(), 1U);
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, ExtendedCopyWithSyncAfter) {
  extended(1);
  ASSERT_TRUE(exchange.received_copy_in());
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  EXPECT_TRUE(exchange.open());
  exchange.sent_sync();
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, CopyDoneSentBeforeCopyInResponse) {
  query(1);
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  query(2);
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_FALSE(exchange.copying()) << "its end was sent already";
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(last_ready(), 2);
}

TEST_F(ExchangeTest, AWholeExtendedCopyInOnePipeline) {
  extended(1);
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  exchange.sent_sync();
  extended(2);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_FALSE(exchange.copying());
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(last_ready(), 2);
}

TEST_F(ExchangeTest, AWholeExtendedCopyWithSyncBeforeAndAfter) {
  extended(1);
  exchange.sent_sync();
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_FALSE(exchange.copying());
  EXPECT_EQ(ready(), 1) << "the first Sync fell into the COPY";
  EXPECT_TRUE(exchange.empty());
}

TEST_F(ExchangeTest, TwoCopiesInOneExtendedPipeline) {
  for (int i = 0; i < 2; ++i) {
    extended(1);
    exchange.sent_copy_end();
  }
  exchange.sent_sync();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(exchange.received_copy_in());
    EXPECT_FALSE(exchange.copying()) << i;
  }
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, CopyThatFailsAtOnceInASimpleQuery) {
  query(1);
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  query(2);
  error();
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(ready(), 2) << "data and CopyDone were ignored";
  EXPECT_TRUE(exchange.empty());
}

TEST_F(ExchangeTest, CopyThatFailsAtOnceInAnExtendedPipeline) {
  extended(1);
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  exchange.sent_sync();
  extended(2);
  exchange.sent_sync();
  error();
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(last_ready(), 2);
}

TEST_F(ExchangeTest, CopyThatFailsAtOnceWithSyncBeforeAndAfter) {
  extended(1);
  exchange.sent_sync();
  exchange.sent_copy_end();
  exchange.sent_sync();
  error();
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ(ready(), 0) << "outside of a COPY each Sync is answered";
  EXPECT_TRUE(exchange.empty());
}

TEST_F(ExchangeTest, CopyEndAmidExtendedMessagesThatDoNotCopy) {
  extended(1);
  exchange.sent_copy_end();
  extended(1);
  exchange.sent_sync();
  EXPECT_EQ(exchange.size(), 1U);
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, CopyFailsWhileTheClientStillSends) {
  extended(1);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  exchange.sent_copy_data();
  error();
  EXPECT_FALSE(exchange.copying());
  exchange.sent_copy_data();
  exchange.sent_copy_end();  // sent before the error was seen
  exchange.sent_sync();
  EXPECT_EQ(exchange.size(), 1U);
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, SimpleCopyFailsWhileTheClientStillSends) {
  query(1);
  ASSERT_TRUE(exchange.received_copy_in());
  exchange.sent_copy_data();
  error();
  exchange.sent_copy_end();
  EXPECT_EQ(last_ready(), 1);
}

TEST_F(ExchangeTest, ErrorBeforeAnyDataWithSyncBefore) {
  extended(1);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  error();
  EXPECT_TRUE(exchange.in_doubt() || exchange.open()) << "the Sync may have been read, or not";
  EXPECT_EQ(ready(), 1);
}

TEST_F(ExchangeTest, CopyFailWithoutDataWithSyncBefore) {
  extended(1);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  exchange.sent_copy_end();
  error();
  EXPECT_TRUE(exchange.open()) << "the error answers CopyFail, which the server read behind that Sync";
  exchange.sent_sync();
  EXPECT_EQ(exchange.size(), 1U);
  EXPECT_EQ(ready(), 1);
}

// P B E S d c S, all at once.
class CopyAtOnceTest : public ExchangeTest {
 protected:
  void send(base::Nanos number) {
    extended(number);
    exchange.sent_sync();
    exchange.sent_copy_data();
    exchange.sent_copy_end();
    exchange.sent_sync();
  }
};

TEST_F(CopyAtOnceTest, FailsBeforeItReads) {
  send(1);
  query(2);
  ASSERT_TRUE(exchange.received_copy_in());
  error();
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_TRUE(exchange.in_doubt());
  EXPECT_EQ(bare_ready(), kStray) << "the second Sync is answered too";
  EXPECT_EQ(exchange.size(), 1U) << "the query is not";
  EXPECT_EQ(ready(), 2);
  EXPECT_FALSE(exchange.in_doubt());
}

TEST_F(CopyAtOnceTest, FailsAfterReadingTheSync) {
  send(1);
  query(2);
  ASSERT_TRUE(exchange.received_copy_in());
  error();
  EXPECT_EQ(bare_ready(), 1);
  exchange.received_reply('T');
  EXPECT_FALSE(exchange.in_doubt()) << "no other ReadyForQuery can come any more";
  EXPECT_EQ(ready(), 2);
  query(3);
  EXPECT_EQ(bare_ready(), kLost) << "and none does without a reply";
}

TEST_F(CopyAtOnceTest, FailsWithNothingBehindIt) {
  send(1);
  ASSERT_TRUE(exchange.received_copy_in());
  error();
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_TRUE(exchange.empty());
  EXPECT_TRUE(exchange.in_doubt()) << "nothing may be answered from the cache before the next reply";
  query(2);
  EXPECT_EQ(bare_ready(), kStray);
  EXPECT_EQ(ready(), 2);
}

TEST_F(CopyAtOnceTest, Succeeds) {
  send(1);
  query(2);
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_TRUE(exchange.in_doubt());
  exchange.received_reply('C');
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_FALSE(exchange.in_doubt());
  EXPECT_EQ(bare_ready(), kLost);
}

TEST_F(CopyAtOnceTest, BareSyncsBehindItAreTakenForThemselvesFirst) {
  send(1);
  exchange.sent_sync();
  query(2);
  ASSERT_TRUE(exchange.received_copy_in());
  error();
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(bare_ready(), 0);
  EXPECT_EQ(bare_ready(), kStray);
  EXPECT_EQ(ready(), 2);
}

TEST_F(ExchangeTest, StatementsBetweenTheEndOfACopyAndASyncInDoubtCannotBeMatched) {
  copy_with_a_fence_behind();
  error();
  EXPECT_EQ(bare_ready(), kLost);
  EXPECT_TRUE(cache::Generations::is_held(generations.observe(3))) << "it may not have run yet";
}

TEST_F(ExchangeTest, StatementsBehindASyncAndDataCannotBeMatched) {
  extended(1);
  exchange.sent_sync();
  exchange.sent_copy_data();
  extended(2);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  error();
  EXPECT_EQ(bare_ready(), kLost);
}

TEST_F(ExchangeTest, StatementsBehindACopyWithoutData) {
  extended(1);
  exchange.sent_sync();
  extended(2);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  error();  // not because of what it read: that would have ended the session
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(ready(), 2);
}

TEST_F(ExchangeTest, StatementsSentWhileACopyWaits) {
  extended(1);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  exchange.sent_sync();
  extended(2);
  exchange.sent_sync();
  EXPECT_FALSE(exchange.copying());
  error();
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(bare_ready(), 0);
  EXPECT_EQ(ready(), 2);
}

TEST_F(ExchangeTest, StatementsSentWhileACopyWaitsForMoreData) {
  extended(1);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  exchange.sent_copy_data();
  extended(2);
  error();
  EXPECT_EQ(bare_ready(), kLost);
}

TEST_F(ExchangeTest, SyncsInASimpleCopyThatFails) {
  query(1);
  exchange.sent_sync();
  ASSERT_TRUE(exchange.received_copy_in());
  exchange.sent_sync();
  exchange.sent_copy_end();
  query(2);
  error();
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(bare_ready(), kStray);
  EXPECT_EQ(bare_ready(), kStray);
  EXPECT_EQ(bare_ready(), kLost);
}

TEST_F(ExchangeTest, AQueryBehindACopyIsItsOwnGroup) {
  query(1);
  query(2);
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_FALSE(exchange.copying());
  error();
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(ready(), 2);
}

TEST_F(ExchangeTest, ASyncThatACopyHasReadIsNotAnswered) {
  query(1);
  exchange.sent_sync();
  exchange.sent_copy_data();
  query(2);
  ASSERT_TRUE(exchange.received_copy_in());
  error();  // because of the data, which it reads behind the Sync
  EXPECT_EQ(bare_ready(), 1);
  exchange.received_reply('C');
  EXPECT_EQ(bare_ready(), 2);
}

TEST_F(ExchangeTest, AQueryBehindAFailedMessageIsSkippedUpToSync) {
  extended(1);
  query(1);
  query(2);
  extended(3);
  exchange.sent_sync();
  query(4);
  error();
  EXPECT_EQ(exchange.size(), 2U);
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(ready(), 4);
}

TEST_F(ExchangeTest, WhatIsSentBehindASkippedQueryIsSkippedToo) {
  extended(1);
  query(1);
  error();
  EXPECT_TRUE(exchange.skipping());
  query(1);
  extended(1);
  EXPECT_EQ(exchange.size(), 1U);
  exchange.sent_sync();
  EXPECT_FALSE(exchange.skipping());
  query(2);
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(ready(), 2);
}

TEST_F(ExchangeTest, SettledOnceAllIsAnsweredOrSkipped) {
  EXPECT_TRUE(exchange.settled());
  extended(1);
  extended(1);
  exchange.received_reply('2');
  EXPECT_FALSE(exchange.settled());
  exchange.received_reply('C');
  EXPECT_TRUE(exchange.settled());  // PostgreSQL waits for the Sync
  exchange.sent_sync();
  EXPECT_FALSE(exchange.settled());  // which commits
  EXPECT_EQ(bare_ready(), 1);
  query(2);
  EXPECT_FALSE(exchange.settled());
  EXPECT_EQ(ready(), 2);
  extended(3);
  extended(3);
  query(3);
  EXPECT_FALSE(exchange.settled());
  error();
  EXPECT_TRUE(exchange.settled());  // the Query is skipped too
  exchange.sent_sync();
  EXPECT_FALSE(exchange.settled());
}

TEST_F(ExchangeTest, NotSettledAmidACopy) {
  extended(1);
  exchange.sent_sync();
  exchange.sent_query('Q');
  ASSERT_TRUE(exchange.received_copy_in());
  EXPECT_FALSE(exchange.settled());
}

TEST_F(ExchangeTest, NotSettledWhileACopyMayHaveLeftASync) {
  copy_with_a_fence_behind();
  error();
  EXPECT_FALSE(exchange.settled());
}

TEST_F(ExchangeTest, AQueryThatFailsBehindAnsweredMessagesSkipsNothing) {
  extended(1);
  extended(1);
  query(1);
  query(2);
  exchange.received_reply('1');
  exchange.received_reply('2');
  error();
  EXPECT_FALSE(exchange.skipping());
  EXPECT_EQ(exchange.size(), 2U);
  EXPECT_EQ(bare_ready(), 1);
  EXPECT_EQ(ready(), 2);
}

TEST_F(ExchangeTest, StrayCopyEndAtIdleIsIgnored) {
  exchange.sent_copy_data();
  exchange.sent_copy_end();
  EXPECT_TRUE(exchange.empty());
  query(1);
  EXPECT_EQ(exchange.size(), 1U);
  EXPECT_EQ(ready(), 1);
}

TEST_F(ExchangeTest, TheFenceOfWhatIsAbsorbedIsKept) {
  copy_with_a_fence_behind();
  EXPECT_TRUE(cache::Generations::is_held(generations.observe(3)));
  Exchange::Ended ended;
  exchange.received_reply('C');
  ASSERT_EQ(exchange.received_ready(ended), Exchange::Ready::kGroup);
  EXPECT_FALSE(ended.front().fence.empty());
  EXPECT_TRUE(cache::Generations::is_held(generations.observe(3)));
}

TEST_F(ExchangeTest, DropFrontGivesTheFenceBack) {
  const std::array<cache::Slot, 1> slots{3};
  exchange.sent_query('Q').fence = Fence(cache::Hold(generations, slots));
  query(2);
  EXPECT_TRUE(exchange.is_fenced());
  const Fence fence = exchange.drop_front();
  EXPECT_FALSE(exchange.is_fenced());
  EXPECT_EQ(fence.slots().size(), 1U);
  EXPECT_TRUE(cache::Generations::is_held(generations.observe(3)));
  EXPECT_TRUE(exchange.drop_front().empty());
  EXPECT_TRUE(exchange.empty());
}

}  // namespace
}  // namespace pgweir::proxy
