#include "sync/change_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/row_name.h"
#include "query/test_catalog.h"

namespace pgweir::sync {
namespace {

using testing::UnorderedElementsAre;
using Kind = ColumnValue::Kind;

constexpr query::Oid kTable = 7, kInt4 = 23, kText = 25;

// A table (id primary key, ref indexed, note) as the stream tells of its changes: (note, ref, id).
class ChangeSlotsTest : public testing::Test {
 protected:
  ChangeSlotsTest() {
    load(1);
    describe();
    slots.begin();
  }

  void load(std::uint64_t version) {
    catalog = query::TestCatalog(version)
                  .table({.oid = kTable, .name = "t"})
                  .indexed_column(kTable, 1, "id", kInt4)
                  .indexed_column(kTable, 2, "ref", kText)
                  .index(kTable, "1")
                  .index(kTable, "2", "odb")
                  .build();
  }
  void describe(bool ref_in_identity = false, std::string_view ref = "ref") {
    slots.describe({.oid = kTable,
                    .schema = "public",
                    .name = "t",
                    .columns = {{"note", kText, false}, {ref, kText, ref_in_identity}, {"id", kInt4, true}}});
  }

  static Row row(std::string_view ref, std::string_view id) {
    return {{Kind::kNull, {}}, {Kind::kText, ref}, {Kind::kText, id}};
  }
  void add(const Change& change) { EXPECT_TRUE(slots.add(change)); }
  void insert(std::string_view ref, std::string_view id) {
    add({.kind = Change::Kind::kInsert, .relation = kTable, .old_row = {}, .row = row(ref, id)});
  }

  cache::Slot named(query::Attnum column, query::Oid type, std::string_view value) const {
    const std::vector<query::Attnum> columns{column};
    const std::vector<std::string> values{*query::canonicalize(type, {query::RawValue::Form::kText, value})};
    return names.named(query::row_name(names.secret(), kTable, columns, values));
  }
  cache::Slot id(std::string_view value) const { return named(1, kInt4, value); }
  cache::Slot ref(std::string_view value) const { return named(2, kText, value); }
  cache::Slot any(query::Attnum column) const {
    const std::vector<query::Attnum> columns{column};
    return names.named(query::any_name(names.secret(), kTable, columns));
  }

  cache::Generations generations{20};
  DatabaseSlots names{generations, {1, 2}, "shop"};
  std::shared_ptr<const query::Catalog> catalog;
  ChangeSlots slots{names, [this] { return catalog; }};
  const cache::Slot relation = names.relation(kTable);
};

TEST_F(ChangeSlotsTest, AnInsertNamesTheNewRow) {
  insert("a", "5");
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("5"), ref("a")));
}

TEST_F(ChangeSlotsTest, AnUpdateThatLeavesTheKeyTellsTheKeyOnly) {
  add({.kind = Change::Kind::kUpdate, .relation = kTable, .old_row = {}, .row = row("b", "5")});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("5"), ref("b"), any(2)))
      << "what ref was is not told";
}

TEST_F(ChangeSlotsTest, AnUpdateOfTheKeyTellsBothKeys) {
  const Row key{{Kind::kNull, {}}, {Kind::kNull, {}}, {Kind::kText, "4"}};
  add({.kind = Change::Kind::kUpdate, .relation = kTable, .old_row = key, .row = row("b", "5")});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("4"), id("5"), ref("b"), any(2)))
      << "the nulls of a key are not values";
}

TEST_F(ChangeSlotsTest, AWholeOldRowTellsAll) {
  add({.kind = Change::Kind::kUpdate,
       .relation = kTable,
       .old_row = row("a", "5"),
       .old_is_whole = true,
       .row = row("b", "5")});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("5"), ref("a"), ref("b")));
}

TEST_F(ChangeSlotsTest, AnUnchangedLargeValueIsTheOldOne) {
  const Row fresh{{Kind::kNull, {}}, {Kind::kUnchanged, {}}, {Kind::kText, "5"}};
  add({.kind = Change::Kind::kUpdate,
       .relation = kTable,
       .old_row = row("a", "5"),
       .old_is_whole = true,
       .row = fresh});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("5"), ref("a")));
  add({.kind = Change::Kind::kUpdate, .relation = kTable, .old_row = {}, .row = fresh});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("5"), any(2))) << "and unknown without it";
}

TEST_F(ChangeSlotsTest, ADeleteTellsTheKey) {
  const Row key{{Kind::kNull, {}}, {Kind::kNull, {}}, {Kind::kText, "4"}};
  add({.kind = Change::Kind::kDelete, .relation = kTable, .old_row = key, .row = {}});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("4"), any(2)));
  describe(true);
  const Row both{{Kind::kNull, {}}, {Kind::kText, "a"}, {Kind::kText, "4"}};
  add({.kind = Change::Kind::kDelete, .relation = kTable, .old_row = both, .row = {}});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("4"), ref("a")));
}

TEST_F(ChangeSlotsTest, WhatTheStreamCallsOtherwiseIsUnknown) {
  describe(false, "renamed");
  insert("a", "5");
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, id("5"), any(2)));
}

TEST_F(ChangeSlotsTest, ColumnsAreLookedUpAgainInAnotherCatalog) {
  insert("a", "5");
  catalog = query::TestCatalog(2)
                .table({.oid = kTable, .name = "t"})
                .indexed_column(kTable, 2, "ref", kText)
                .index(kTable, "2", "odb")
                .build();
  slots.begin();
  insert("b", "5");
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, ref("b")));
}

TEST_F(ChangeSlotsTest, ShortRowsAreUnknownAndHarmless) {
  add({.kind = Change::Kind::kInsert, .relation = kTable, .old_row = {}, .row = {}});
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, any(1), any(2)));
}

TEST_F(ChangeSlotsTest, TooManyRowsAreAllRows) {
  // Some names share a slot.
  for (std::size_t i = 0; i < 2 * ChangeSlots::kRowSlotsMax; ++i) insert("a", std::to_string(i));
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, any(1), any(2)));
}

TEST_F(ChangeSlotsTest, ATruncateIsAllRows) {
  insert("a", "5");
  slots.add_truncated(kTable);
  insert("a", "6");
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, any(1), any(2)));
}

TEST_F(ChangeSlotsTest, WithoutACatalogThereAreNoRows) {
  catalog = nullptr;
  slots.begin();
  insert("a", "5");
  EXPECT_THAT(slots.take(), UnorderedElementsAre(relation, names.stream()))
      << "and nobody knows which of them replies are pinned to";
}

}  // namespace
}  // namespace pgweir::sync
