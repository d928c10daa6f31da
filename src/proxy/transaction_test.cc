#include "proxy/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::proxy {
namespace {

using query::TransactionControl;
using testing::ElementsAre;
using testing::IsEmpty;

query::Verdict read() {
  query::Verdict verdict;
  verdict.harmless = true;
  return verdict;
}

query::Verdict write(std::vector<query::Oid> relations) {
  query::Verdict verdict;
  verdict.effects.writes = std::move(relations);
  return verdict;
}

query::Verdict control(TransactionControl what) {
  query::Verdict verdict;
  verdict.transaction = what;
  return verdict;
}

class TransactionTest : public testing::Test {
 protected:
  bool sent(const query::Verdict& verdict) { return transaction.sent(verdict, database, false); }

  base::ManualClock clock;
  cache::Generations generations{20};
  std::atomic<std::uint64_t> epoch{1};
  DatabaseCatalog database{"shop", generations, base::HashSecret{1, 2}, epoch, nullptr, clock};
  Transaction transaction;
};

TEST_F(TransactionTest, ReadsLeaveNoTrace) {
  EXPECT_FALSE(sent(read()));
  EXPECT_TRUE(transaction.only_read());
  EXPECT_THAT(transaction.slots(), IsEmpty());
}

TEST_F(TransactionTest, WritesAddUpUntilIdle) {
  EXPECT_TRUE(sent(write({1, 2})));
  transaction.ready('T', true);
  EXPECT_TRUE(sent(write({2, 3})));
  EXPECT_FALSE(transaction.only_read());
  EXPECT_THAT(transaction.slots(),
              ElementsAre(database.slot_of(1), database.slot_of(2), database.slot_of(3)));
  EXPECT_TRUE(sent(control(TransactionControl::kCommit))) << "COMMIT makes them visible";
  EXPECT_EQ(transaction.slots().size(), 3U);
  transaction.ready('I', true);
  EXPECT_TRUE(transaction.only_read());
  EXPECT_THAT(transaction.slots(), IsEmpty());
}

TEST_F(TransactionTest, NotIdleWhileMoreIsOnItsWay) {
  EXPECT_TRUE(sent(write({1})));
  transaction.ready('I', false);
  EXPECT_FALSE(transaction.only_read());
  EXPECT_EQ(transaction.slots().size(), 1U);
}

TEST_F(TransactionTest, AnUnknownWriteIsEverything) {
  query::Verdict verdict;
  verdict.effects.writes_everything = true;
  EXPECT_TRUE(sent(write({1})));
  EXPECT_TRUE(sent(verdict));
  EXPECT_THAT(transaction.slots(), ElementsAre(database.everything()));
  EXPECT_TRUE(sent(write({2})));
  EXPECT_THAT(transaction.slots(), ElementsAre(database.everything()));
}

TEST_F(TransactionTest, TooManyRelationsAreEverything) {
  std::vector<query::Oid> many;
  for (query::Oid oid = 1; oid <= 300; ++oid) many.push_back(oid);
  EXPECT_TRUE(sent(write(many)));
  EXPECT_THAT(transaction.slots(), ElementsAre(database.everything()));
}

TEST_F(TransactionTest, BeginAndSavepointsKeepItReadOnly) {
  EXPECT_FALSE(sent(control(TransactionControl::kBegin)));
  EXPECT_FALSE(sent(control(TransactionControl::kSavepoint)));
  EXPECT_TRUE(transaction.only_read());
}

TEST_F(TransactionTest, BeginWithMoreInTheSameQuery) {
  query::Verdict verdict = control(TransactionControl::kBegin);
  verdict.effects.writes = {1};
  EXPECT_TRUE(sent(verdict));
  EXPECT_FALSE(transaction.only_read());
  EXPECT_THAT(transaction.slots(), ElementsAre(database.slot_of(1)));
}

TEST_F(TransactionTest, BeginThatChangesSettingsOrCatalog) {
  query::Verdict verdict = control(TransactionControl::kBegin);
  verdict.effects.changes_settings = true;
  EXPECT_TRUE(sent(verdict));
  transaction.ready('I', true);
  verdict = control(TransactionControl::kSavepoint);
  verdict.effects.changes_catalog = true;
  EXPECT_TRUE(sent(verdict));
  EXPECT_TRUE(transaction.has_changed_catalog());
}

TEST_F(TransactionTest, OtherControlsChangeTheRules) {
  for (const auto what :
       {TransactionControl::kBeginWithOptions, TransactionControl::kCommit, TransactionControl::kRollback,
        TransactionControl::kPrepare, TransactionControl::kOther, TransactionControl::kNone}) {
    Transaction fresh;
    EXPECT_TRUE(fresh.sent(control(what), database, false)) << static_cast<int>(what);
    EXPECT_FALSE(fresh.only_read());
  }
}

TEST_F(TransactionTest, FetchIsHarmlessAmongReadsOnly) {
  query::Verdict fetch;
  fetch.fetches_cursor = true;
  fetch.effects.writes_everything = true;
  EXPECT_FALSE(sent(fetch));
  EXPECT_TRUE(transaction.only_read());
  EXPECT_TRUE(sent(write({1})));
  EXPECT_TRUE(sent(fetch));
  EXPECT_THAT(transaction.slots(), ElementsAre(database.everything()));
}

TEST_F(TransactionTest, CatalogChangesLastUntilTheEnd) {
  query::Verdict ddl;
  ddl.effects.changes_catalog = true;
  EXPECT_TRUE(sent(ddl));
  transaction.ready('T', true);
  EXPECT_TRUE(transaction.has_changed_catalog());
  transaction.ready('I', true);
  EXPECT_FALSE(transaction.has_changed_catalog());
}

TEST_F(TransactionTest, StatusIsWhatWasToldLast) {
  EXPECT_EQ(transaction.status(), 'I');
  for (const char status : {'T', 'E', 'I'}) {
    transaction.ready(status, true);
    EXPECT_EQ(transaction.status(), status);
  }
}

TEST_F(TransactionTest, AFailedBlockKeepsWhatItWrote) {
  EXPECT_TRUE(sent(write({1})));
  transaction.ready('E', true);
  EXPECT_FALSE(transaction.only_read());
  EXPECT_EQ(transaction.slots().size(), 1U) << "ROLLBACK TO may bring it back to life";
}

}  // namespace
}  // namespace pgweir::proxy
