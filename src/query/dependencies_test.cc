#include "query/dependencies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/row_name.h"
#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = ValueSource::Kind;

constexpr base::HashSecret kSecret{3, 4};
constexpr Oid kInt4 = 23, kText = 25, kItems = 20000, kOrders = 20001;
using Columns = std::vector<Attnum>;

std::string integer(std::int64_t value) {
  return *canonicalize(kInt4, {RawValue::Form::kText, std::to_string(value)});
}
std::uint64_t row(Oid relation, const Columns& columns, const std::vector<std::string>& values) {
  return row_name(kSecret, relation, columns, values);
}
std::uint64_t any(Oid relation, const Columns& columns) { return any_name(kSecret, relation, columns); }

PinnedColumn column(Attnum number, std::vector<ValueSource> alternatives, Oid type = kInt4) {
  return {.column = number, .type = type, .assigned = false, .alternatives = std::move(alternatives)};
}
constexpr ValueSource literal(std::uint16_t n) { return {Kind::kLiteral, false, n}; }
constexpr ValueSource parameter(std::uint16_t n, bool inferred = true) {
  return {Kind::kParameter, inferred, n};
}

Names read(const Verdict& verdict, const Execution& execution) {
  Names names;
  read_names(verdict, execution, kSecret, names);
  return names;
}

Verdict pinned_read(std::vector<Pin> pins) {
  Verdict verdict;
  verdict.reason = Reason::kNone;
  verdict.reads = {kItems, kOrders};
  verdict.pins = {{kItems, std::move(pins)}};
  return verdict;
}

TEST(ReadNames, RowAndAnyInsteadOfTheRelation) {
  const Verdict verdict = pinned_read({{{column(1, {literal(0)})}}});
  const Names names = read(verdict, {.sql = "select 7 + x from y where id = 8", .parameters = {}});
  EXPECT_THAT(names.relations, ElementsAre(kOrders));
  EXPECT_THAT(names.rows, UnorderedElementsAre(row(kItems, {1}, {integer(7)}), any(kItems, {1})));
}

TEST(ReadNames, LiteralsOfEveryKindAreCountedAndOnlyPlainOnesRead) {
  const Verdict verdict = pinned_read({{{column(1, {literal(2)})}}});
  const auto names = [&](std::string_view sql) { return read(verdict, {.sql = sql, .parameters = {}}); };
  const auto found = UnorderedElementsAre(row(kItems, {1}, {integer(42)}), any(kItems, {1}));
  for (const char* sql :
       {"'a' 1 42", "E'it\\'s' $$'5'$$ '042'", "/* 9 */ U&'x' b'1' $q$ 42$q$", "$1 x'1' 2.5 42"}) {
    EXPECT_THAT(names(sql).rows, found) << sql;
    EXPECT_THAT(names(sql).relations, ElementsAre(kOrders)) << sql;
  }
  for (const char* sql : {"1 2 E'42'", "1 2 U&'42'", "1 2 '4'\n'2'", "1 2 42.0", "1 2 '4''2'", "1 2",
                          "1 2 'open", "1 2 x'42'"}) {
    EXPECT_THAT(names(sql).rows, IsEmpty()) << sql;
    EXPECT_THAT(names(sql).relations, ElementsAre(kItems, kOrders)) << sql;
  }
}

TEST(ReadNames, AlternativesMultiply) {
  const Verdict verdict =
      pinned_read({{{column(1, {literal(0), literal(1)}), column(2, {literal(2), literal(3)})}}});
  EXPECT_THAT(read(verdict, {.sql = "1 2 3 4", .parameters = {}}).rows,
              UnorderedElementsAre(row(kItems, {1, 2}, {integer(1), integer(3)}),
                                   row(kItems, {1, 2}, {integer(1), integer(4)}),
                                   row(kItems, {1, 2}, {integer(2), integer(3)}),
                                   row(kItems, {1, 2}, {integer(2), integer(4)}), any(kItems, {1, 2})));
  EXPECT_EQ(read(verdict, {.sql = "1 1 3 4", .parameters = {}}).rows.size(), 3U);
  // One of them without a canonical value: the whole relation.
  EXPECT_THAT(read(verdict, {.sql = "1 2 3 4.0", .parameters = {}}).relations, ElementsAre(kItems, kOrders));
}

TEST(ReadNames, AllPinsOfARelationMustHold) {
  const Verdict verdict = pinned_read({{{column(1, {literal(0)})}}, {{column(2, {literal(1)})}}});
  EXPECT_THAT(read(verdict, {.sql = "1 2", .parameters = {}}).rows,
              UnorderedElementsAre(row(kItems, {1}, {integer(1)}), any(kItems, {1}),
                                   row(kItems, {2}, {integer(2)}), any(kItems, {2})));
  const Names fallen = read(verdict, {.sql = "1 2.5", .parameters = {}});
  EXPECT_THAT(fallen.rows, IsEmpty());
  EXPECT_THAT(fallen.relations, ElementsAre(kItems, kOrders));
}

TEST(ReadNames, Parameters) {
  const auto names = [](const ValueSource& source, const Parameter& value) {
    const Parameter parameters[] = {{}, value};
    return read(pinned_read({{{column(1, {source})}}}), {.sql = "", .parameters = parameters}).rows;
  };
  const auto found = UnorderedElementsAre(row(kItems, {1}, {integer(42)}), any(kItems, {1}));
  const std::string_view binary("\0\0\0\x2a", 4);
  EXPECT_THAT(names(parameter(2), {.type = 0, .binary = false, .value = "42"}), found);
  EXPECT_THAT(names(parameter(2), {.type = 0, .binary = true, .value = binary}), found);
  EXPECT_THAT(names(parameter(2, false), {.type = 20, .binary = false, .value = " 42"}), found);
  // PostgreSQL may have found another type for it.
  EXPECT_THAT(names(parameter(2, false), {.type = 0, .binary = false, .value = "42"}), IsEmpty());
  EXPECT_THAT(names(parameter(2), {.type = 1700, .binary = false, .value = "42"}), IsEmpty());
  EXPECT_THAT(names(parameter(3), {.type = 0, .binary = false, .value = "42"}), IsEmpty());
  // Nothing equals NULL.
  EXPECT_THAT(names(parameter(2), {.type = 0, .binary = false, .value = {}}), ElementsAre(any(kItems, {1})));
}

TEST(ReadNames, TextOutsideAsciiNeedsUtf8) {
  const Verdict verdict = pinned_read({{{column(1, {literal(0)}, kText)}}});
  const auto count = [&](std::string_view sql, bool utf8) {
    return read(verdict, {.sql = sql, .parameters = {}, .utf8 = utf8}).rows.size();
  };
  EXPECT_EQ(count("'\u00e4'", true), 2U);
  EXPECT_EQ(count("'\u00e4'", false), 0U);
  EXPECT_EQ(count("'a'", false), 2U);
}

// items(1 id primary key, 2 parent, 3 code text), indexes on each and on (parent, code).
std::shared_ptr<const Catalog> catalog() {
  return TestCatalog()
      .table({.oid = kItems, .name = "items"})
      .table({.oid = kOrders, .name = "orders"})
      .indexed_column(kItems, 1, "id", kInt4)
      .indexed_column(kItems, 2, "parent", kInt4)
      .indexed_column(kItems, 3, "code", kText)
      .index(kItems, "1")
      .index(kItems, "2 3", "o")
      .indexed_column(kOrders, 1, "id", kInt4)
      .index(kOrders, "1")
      .build();
}

Names written(std::vector<Pin> pins, const Execution& execution) {
  Verdict verdict;
  verdict.effects.writes = {kItems, kOrders};
  verdict.effects.row_changes = {{kItems, std::move(pins)}};
  Names names;
  write_names(verdict, *catalog(), execution, kSecret, names);
  return names;
}

TEST(WriteNames, KnownRowsAndAnyForTheRest) {
  const Names names = written({{{column(1, {literal(0)})}}}, {.sql = "7", .parameters = {}});
  EXPECT_THAT(names.relations, ElementsAre(kItems, kOrders));
  EXPECT_THAT(names.rows, UnorderedElementsAre(row(kItems, {1}, {integer(7)}), any(kItems, {2}),
                                               any(kItems, {2, 3}), any(kOrders, {1})));
}

TEST(WriteNames, OldAndNewRows) {
  const Names names =
      written({{{column(1, {literal(0)})}}, {{column(1, {literal(1)})}}}, {.sql = "7 8", .parameters = {}});
  EXPECT_THAT(names.rows, UnorderedElementsAre(row(kItems, {1}, {integer(7)}), row(kItems, {1}, {integer(8)}),
                                               any(kItems, {2}), any(kItems, {2, 3}), any(kOrders, {1})));
  const Names unknown =
      written({{{column(1, {literal(0)})}}, {{column(1, {literal(1)})}}}, {.sql = "7 8.5", .parameters = {}});
  EXPECT_THAT(unknown.rows, UnorderedElementsAre(any(kItems, {1}), any(kItems, {2}), any(kItems, {2, 3}),
                                                 any(kOrders, {1})));
}

TEST(WriteNames, NoNameForNull) {
  const Names names = written({{{column(2, {{Kind::kNull, false, 0}})}}}, {.sql = "", .parameters = {}});
  EXPECT_THAT(names.rows, UnorderedElementsAre(any(kItems, {1}), any(kItems, {2, 3}), any(kOrders, {1})));
}

TEST(WriteNames, StoredTextMayLoseBlanks) {
  PinnedColumn stored = column(3, {literal(1)}, kText);
  stored.assigned = true;
  const auto names = [&](std::string_view sql) {
    return written({{{column(2, {literal(0)}), stored}}}, {.sql = sql, .parameters = {}}).rows;
  };
  EXPECT_THAT(names("1 'ab'"), testing::Contains(row(kItems, {2, 3}, {integer(1), "ab"})));
  EXPECT_THAT(names("1 'ab '"), testing::Contains(any(kItems, {2, 3})));
}

using Image = ColumnImage;
constexpr Image text(std::string_view s) { return {Image::Kind::kText, s}; }
constexpr Image kNull{Image::Kind::kNull, {}};
constexpr Image kUnknown{};

std::vector<std::uint64_t> changed(const std::vector<Image>& before, const std::vector<Image>& after) {
  std::vector<std::uint64_t> names;
  const auto snapshot = catalog();
  append_change_names(*snapshot->relation(kItems), before, after, kSecret, names);
  return names;
}

TEST(ChangeNames, InsertUpdateDelete) {
  EXPECT_THAT(changed({}, {text("1"), text("2"), text("x")}),
              UnorderedElementsAre(row(kItems, {1}, {integer(1)}), row(kItems, {2}, {integer(2)}),
                                   row(kItems, {2, 3}, {integer(2), "x"})));
  EXPECT_THAT(
      changed({text("1"), kUnknown, kUnknown}, {text("1"), text("2"), text("x")}),
      testing::IsSupersetOf({row(kItems, {1}, {integer(1)}), row(kItems, {2}, {integer(2)}),
                             row(kItems, {2, 3}, {integer(2), "x"}), any(kItems, {2}), any(kItems, {2, 3})}));
  EXPECT_THAT(changed({text("1"), text("2"), text("x")}, {}),
              UnorderedElementsAre(row(kItems, {1}, {integer(1)}), row(kItems, {2}, {integer(2)}),
                                   row(kItems, {2, 3}, {integer(2), "x"})));
}

TEST(ChangeNames, NullsUnknownsAndWhatCannotBeRead) {
  // No reply is pinned by NULL, whatever the other columns are.
  EXPECT_THAT(changed({}, {text("1"), kNull, kUnknown}),
              UnorderedElementsAre(row(kItems, {1}, {integer(1)})));
  // An unchanged TOAST value.
  EXPECT_THAT(changed({}, {text("1"), text("2"), kUnknown}),
              UnorderedElementsAre(row(kItems, {1}, {integer(1)}), row(kItems, {2}, {integer(2)}),
                                   any(kItems, {2, 3})));
  EXPECT_THAT(changed({text("odd"), kNull, kNull}, {}), UnorderedElementsAre(any(kItems, {1})));
}

TEST(ChangeNames, AnyOfEverySet) {
  std::vector<std::uint64_t> names;
  const auto snapshot = catalog();
  append_any_names(*snapshot->relation(kItems), kSecret, names);
  EXPECT_THAT(names, UnorderedElementsAre(any(kItems, {1}), any(kItems, {2}), any(kItems, {2, 3})));
}

}  // namespace
}  // namespace pgweir::query
