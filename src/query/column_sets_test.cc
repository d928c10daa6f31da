#include "query/column_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Columns = std::vector<Attnum>;

constexpr Oid kTable = 20000, kInt4 = 23;

Relation relation(int columns, char identity = 'd') {
  Relation result;
  result.replica_identity = identity;
  for (int i = 1; i <= columns; ++i) {
    const auto number = static_cast<Attnum>(i);
    result.columns.push_back({.number = number,
                              .position = number,
                              .type = kInt4,
                              .identity = false,
                              .name = "c" + std::to_string(i)});
  }
  return result;
}

Relation with(Relation relation, const std::vector<std::pair<std::string, std::string>>& indexes) {
  std::vector<Index> read;
  for (const auto& [keys, flags] : indexes) read.push_back(read_index(keys, flags));
  add_column_sets(read, relation);
  return relation;
}

std::vector<Columns> sets_of(const Relation& relation) {
  std::vector<Columns> sets;
  for (const ColumnSet& set : relation.column_sets) sets.push_back(set.columns);
  return sets;
}

std::vector<Attnum> columns_of(const Relation& relation) {
  std::vector<Attnum> numbers;
  for (const Column& column : relation.columns) numbers.push_back(column.number);
  return numbers;
}

TEST(ColumnSets, EveryBeginningOfAnIndex) {
  EXPECT_THAT(sets_of(with(relation(3), {{"3 1 2", "odb"}})),
              ElementsAre(Columns{3}, Columns{1, 3}, Columns{1, 2, 3}));
  EXPECT_THAT(sets_of(with(relation(2), {{"1 2", ""}, {"1", ""}})), ElementsAre(Columns{1}, Columns{1, 2}));
  EXPECT_THAT(sets_of(with(relation(2), {{"2 2 1", ""}})), ElementsAre(Columns{2}, Columns{1, 2}));
  EXPECT_THAT(sets_of(with(relation(2), {})), IsEmpty());
}

TEST(ColumnSets, EndBeforeWhatCannotBePinned) {
  // 9 is no canonical column, 0 an expression.
  const Relation r = with(relation(3), {{"1 9 2", "uodb"}, {"0 1", "uodb"}, {"3 0", ""}});
  EXPECT_THAT(sets_of(r), ElementsAre(Columns{1}, Columns{3}));
  EXPECT_FALSE(r.column_sets.front().unique);
  EXPECT_FALSE(r.column_sets.front().arbiter);
  EXPECT_THAT(columns_of(r), ElementsAre(1, 3));
}

TEST(ColumnSets, UniqueOnesFirstThenShortOnesAndAtMostEight) {
  const Relation r = with(relation(9), {{"9", ""}, {"8", ""}, {"7 6", ""}, {"5 4 3 2", "uodb"}, {"1 6", ""}});
  EXPECT_THAT(sets_of(r), ElementsAre(Columns{2, 3, 4, 5}, Columns{1}, Columns{5}, Columns{7}, Columns{8},
                                      Columns{9}, Columns{1, 6}, Columns{4, 5}));
  EXPECT_THAT(columns_of(r), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(columns_of(with(relation(9), {{"1 2 3 4 5 6 7 8 9", ""}})),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(ColumnSets, UniqueAndArbiter) {
  const auto set = [](const std::vector<std::pair<std::string, std::string>>& indexes) {
    return with(relation(2), indexes).column_sets.front();
  };
  EXPECT_TRUE(set({{"1", "uodb"}}).unique);
  EXPECT_TRUE(set({{"1", "uodb"}}).arbiter);
  EXPECT_FALSE(set({{"1", "udb"}}).unique);  // partial
  EXPECT_TRUE(set({{"1", "udb"}}).arbiter);
  EXPECT_FALSE(set({{"1", "odb"}}).arbiter);
  EXPECT_FALSE(set({{"1", "uod"}}).arbiter);
  EXPECT_FALSE(set({{"1", "uodb"}, {"1", "uod"}}).arbiter);
  EXPECT_FALSE(set({{"1 2", "uodb"}, {"2 1", "uod"}}).arbiter);
  EXPECT_TRUE(set({{"2 1", "uodb"}}).arbiter);
}

TEST(ColumnSets, IdentityIsWhatTheStreamAlwaysKnows) {
  const std::vector<std::pair<std::string, std::string>> indexes = {
      {"1", "upodb"}, {"2", "uodrb"}, {"3", ""}};
  const auto known = [&](char identity, const std::vector<std::pair<std::string, std::string>>& of) {
    std::vector<bool> result;
    for (const ColumnSet& set : with(relation(3, identity), of).column_sets) result.push_back(set.identity);
    return result;
  };
  EXPECT_THAT(known('d', indexes), ElementsAre(true, false, false));
  EXPECT_THAT(known('i', indexes), ElementsAre(false, true, false));
  EXPECT_THAT(known('f', indexes), ElementsAre(true, true, true));
  EXPECT_THAT(known('n', indexes), ElementsAre(false, false, false));
  // A deferrable primary key identifies nothing.
  EXPECT_THAT(known('d', {{"1", "upob"}}), ElementsAre(false));
}

TEST(ColumnSets, ComeWithTheCatalog) {
  const auto catalog = TestCatalog()
                           .table({.oid = kTable, .name = "t", .replica_identity = 'f'})
                           .indexed_column(kTable, 4, "code", kInt4)
                           .indexed_column(kTable, 1, "id", kInt4)
                           .index(kTable, "1")
                           .index(kTable, "4 1", "odb")
                           .build();
  const Relation& r = *catalog->relation(kTable);
  EXPECT_EQ(r.replica_identity, 'f');
  EXPECT_THAT(sets_of(r), ElementsAre(Columns{1}, Columns{4}, Columns{1, 4}));
  EXPECT_EQ(r.column("code")->number, 4);
  EXPECT_EQ(r.column(Attnum{1})->name, "id");
  EXPECT_EQ(r.column("price"), nullptr);
  EXPECT_TRUE(r.column("id")->identity);
}

}  // namespace
}  // namespace pgweir::query
