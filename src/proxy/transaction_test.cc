#include "proxy/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "query/row_name.h"
#include "query/test_catalog.h"

namespace pgweir::proxy {
namespace {

using query::TransactionControl;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

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

constexpr query::Oid kInt4 = 23, kPinned = 7;

// A table with a primary key, among others that the catalog does not know.
std::shared_ptr<const query::Catalog> catalog_of(std::uint64_t version, bool second_index = false) {
  query::TestCatalog catalog(version);
  catalog.table({.oid = kPinned, .name = "pinned"})
      .indexed_column(kPinned, 1, "id", kInt4)
      .indexed_column(kPinned, 2, "owner", kInt4)
      .index(kPinned, "1");
  if (second_index) catalog.index(kPinned, "2", "odb");
  return catalog.build();
}

// A change of the rows with these ids.
query::Verdict write_rows(const std::vector<std::uint16_t>& parameters) {
  query::Verdict verdict = write({kPinned});
  query::PinnedColumn id{.column = 1, .type = kInt4, .alternatives = {}};
  for (const std::uint16_t number : parameters)
    id.alternatives.push_back({query::ValueSource::Kind::kParameter, true, number});
  verdict.effects.row_changes = {{kPinned, {{{id}}}}};
  return verdict;
}

class TransactionTest : public testing::Test {
 protected:
  TransactionTest() { publish(catalog_of(1)); }

  void publish(std::shared_ptr<const query::Catalog> next) {
    database.invalidate();
    const auto ticket = database.begin_load(clock.now());
    ASSERT_TRUE(ticket);
    database.publish(*ticket, {next, std::to_string(next->version())}, clock.now());
    catalog = std::move(next);
  }
  bool sent(const query::Verdict& verdict, const std::vector<query::Parameter>& parameters = {}) {
    return transaction.sent(
        {.verdict = verdict, .catalog = catalog.get(), .execution = {.sql = "", .parameters = parameters}},
        database);
  }
  std::vector<cache::Slot> slots() {
    const Fence fence = transaction.fence(database);
    return {fence.slots().begin(), fence.slots().end()};
  }
  cache::Slot row(std::string_view id) {
    const std::vector<query::Attnum> columns{1};
    const std::vector<std::string> values{*query::canonicalize(kInt4, {query::RawValue::Form::kText, id})};
    return database.slot_of_row(query::row_name(database.secret(), kPinned, columns, values));
  }
  cache::Slot any(query::Attnum column) {
    const std::vector<query::Attnum> columns{column};
    return database.slot_of_row(query::any_name(database.secret(), kPinned, columns));
  }

  base::ManualClock clock;
  cache::Generations generations{20};
  std::atomic<std::uint64_t> epoch{1};
  DatabaseCatalog database{"shop", generations, base::HashSecret{1, 2}, epoch, nullptr, nullptr, clock};
  std::shared_ptr<const query::Catalog> catalog;
  Transaction transaction;
};

TEST_F(TransactionTest, ReadsLeaveNoTrace) {
  EXPECT_FALSE(sent(read()));
  EXPECT_TRUE(transaction.only_read());
  EXPECT_THAT(slots(), IsEmpty());
}

TEST_F(TransactionTest, WritesAddUpUntilIdle) {
  EXPECT_TRUE(sent(write({1, 2})));
  transaction.ready('T', true);
  EXPECT_TRUE(sent(write({2, 3})));
  EXPECT_FALSE(transaction.only_read());
  EXPECT_THAT(slots(), UnorderedElementsAre(database.slot_of(1), database.slot_of(2), database.slot_of(3)));
  EXPECT_TRUE(sent(control(TransactionControl::kCommit))) << "COMMIT makes them visible";
  EXPECT_EQ(slots().size(), 3U);
  transaction.ready('I', true);
  EXPECT_TRUE(transaction.only_read());
  EXPECT_THAT(slots(), IsEmpty());
}

TEST_F(TransactionTest, NotIdleWhileMoreIsOnItsWay) {
  EXPECT_TRUE(sent(write({1})));
  transaction.ready('I', false);
  EXPECT_FALSE(transaction.only_read());
  EXPECT_EQ(slots().size(), 1U);
}

TEST_F(TransactionTest, AnUnknownWriteIsEverything) {
  query::Verdict verdict;
  verdict.effects.writes_everything = true;
  EXPECT_TRUE(sent(write({1})));
  EXPECT_TRUE(sent(verdict));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.everything()));
  EXPECT_TRUE(sent(write({2})));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.everything()));
}

TEST_F(TransactionTest, TooManyRelationsAreEverything) {
  std::vector<query::Oid> many;
  for (query::Oid oid = 1; oid <= 300; ++oid) many.push_back(oid);
  EXPECT_TRUE(sent(write(many)));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.everything()));
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
  EXPECT_THAT(slots(), UnorderedElementsAre(database.slot_of(1)));
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
    EXPECT_TRUE(fresh.sent({.verdict = control(what)}, database)) << static_cast<int>(what);
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
  EXPECT_THAT(slots(), UnorderedElementsAre(database.everything()));
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
  EXPECT_EQ(slots().size(), 1U) << "ROLLBACK TO may bring it back to life";
}

TEST_F(TransactionTest, AWriteOfKnownRowsHoldsTheirNames) {
  EXPECT_TRUE(sent(write_rows({1, 2}), {{.value = "5"}, {.value = "6"}}));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.slot_of(kPinned), row("5"), row("6")));
  EXPECT_TRUE(sent(write({kPinned})));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.slot_of(kPinned), row("5"), row("6"), any(1)));
}

TEST_F(TransactionTest, TooManyRowsAreAllRows) {
  for (int id = 0; id < 300; ++id) {
    const std::string value = std::to_string(id);
    EXPECT_TRUE(sent(write_rows({1}), {{.value = value}}));
  }
  EXPECT_LT(slots().size(), 60U);
  EXPECT_THAT(slots(), testing::IsSupersetOf({database.slot_of(kPinned), any(1)}));
}

TEST_F(TransactionTest, AnotherLayoutTurnsRowsIntoAllRowsOfIt) {
  EXPECT_TRUE(sent(write_rows({1}), {{.value = "5"}}));
  publish(catalog_of(2, true));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.slot_of(kPinned), any(1), any(2)));
}

TEST_F(TransactionTest, WritesBeforeAndAfterAnotherLayout) {
  EXPECT_TRUE(sent(write_rows({1}), {{.value = "5"}}));
  publish(catalog_of(2, true));
  EXPECT_TRUE(sent(write_rows({1}), {{.value = "6"}}));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.slot_of(kPinned), any(1), any(2), row("6")));
}

TEST_F(TransactionTest, ACatalogThatIsGoneTellsNothing) {
  EXPECT_TRUE(transaction.sent({.verdict = write({1}), .catalog = nullptr}, database));
  EXPECT_THAT(slots(), UnorderedElementsAre(database.everything()));
}

TEST_F(TransactionTest, FencesByAnOlderLayoutAreCounted) {
  EXPECT_TRUE(sent(write_rows({1}), {{.value = "5"}}));
  Fence older = transaction.fence(database);
  EXPECT_TRUE(database.layouts()->is_sole(1));
  publish(catalog_of(2));
  EXPECT_FALSE(database.layouts()->is_current(1));
  EXPECT_TRUE(database.layouts()->is_current(2));
  EXPECT_FALSE(database.layouts()->is_sole(2)) << "nothing may depend on rows by the new layout yet";
  const Fence newer = transaction.fence(database);
  Fence moved = std::move(older);
  EXPECT_FALSE(database.layouts()->is_sole(2));
  moved.release();
  EXPECT_TRUE(database.layouts()->is_sole(2));
}

}  // namespace
}  // namespace pgweir::proxy
