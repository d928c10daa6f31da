#include "query/pinner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "query/dependencies.h"
#include "query/judge.h"
#include "query/row_name.h"
#include "query/scan.h"
#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

constexpr base::HashSecret kSecret{5, 6};
constexpr Oid kInt8 = 20, kInt4 = 23, kText = 25, kVarchar = 1043, kBool = 16, kUuid = 2950;
constexpr Oid kItems = 20000, kOrders = 20001, kLines = 20002, kParted = 20010, kPart = 20011, kTree = 20020;

// items(1 id, 2 category, 3 code text, 4 flag, 5 name varchar, 6 key uuid); price, ci, pad are not
// canonical. orders(1 id int8, 2 customer). lines(1 order_id, 2 no, 3 item_id). parted(1 id, 2 region)
// with a partition that has them the other way round.
TestCatalog shop() {
  TestCatalog c;
  c.table({.oid = kItems, .name = "items"}).table({.oid = kOrders, .name = "orders"});
  c.indexed_column(kItems, 1, "id", kInt4).indexed_column(kItems, 2, "category", kInt4);
  c.indexed_column(kItems, 3, "code", kText).indexed_column(kItems, 4, "flag", kBool);
  c.indexed_column(kItems, 5, "name", kVarchar).indexed_column(kItems, 6, "key", kUuid);
  c.index(kItems, "1").index(kItems, "2 3", "odb").index(kItems, "4", "odb").index(kItems, "5", "odb");
  c.index(kItems, "6", "uodb");
  c.indexed_column(kOrders, 1, "id", kInt8).indexed_column(kOrders, 2, "customer", kInt4);
  c.index(kOrders, "1").index(kOrders, "2", "odb");
  c.table({.oid = kLines, .name = "lines"}).index(kLines, "1 2").index(kLines, "3", "odb");
  c.indexed_column(kLines, 1, "order_id", kInt8).indexed_column(kLines, 2, "no", kInt4);
  c.indexed_column(kLines, 3, "item_id", kInt4);
  c.table({.oid = kParted, .name = "parted", .kind = 'p'}).table({.oid = kPart, .name = "part"});
  c.inherits(kParted, kPart).index(kParted, "1").index(kPart, "2");
  c.indexed_column(kParted, 1, "id", kInt4).indexed_column(kPart, 2, "id", kInt4);
  c.table({.oid = kTree, .name = "tree"}).indexed_column(kTree, 1, "id", kInt4).index(kTree, "1");
  c.foreign_key(kTree, kTree, 'c', 'a');
  c.view(20030, "some_items", " SELECT items.id FROM public.items WHERE (items.id = 1);");
  c.table({.oid = 20031, .name = "secured", .row_security = true});
  c.indexed_column(20031, 1, "id", kInt4).index(20031, "1");
  c.function("generate_series", 'i');
  return c;
}

class Pins : public testing::Test {
 protected:
  using Strings = std::vector<std::string>;

  Verdict judge_sql(std::string_view sql) {
    const auto syntax = parse(sql);
    EXPECT_TRUE(syntax) << sql;
    return syntax ? judge(**syntax, *catalog_, SearchPath({"public"}), false) : Verdict{};
  }

  // The relations, and rows as "20000(1=7)" or "20000(1=*)" for any; sorted.
  Strings describe(const Names& names) {
    Strings result;
    for (const Oid relation : names.relations) result.push_back(std::to_string(relation));
    for (const std::uint64_t name : names.rows) result.push_back(row_text(name));
    std::ranges::sort(result);
    return result;
  }

  Strings reads(std::string_view sql, const std::vector<Parameter>& parameters = {}) {
    const Verdict verdict = judge_sql(sql);
    EXPECT_TRUE(verdict.cacheable()) << sql << ": " << reason_name(verdict.reason) << " " << verdict.detail;
    Names names;
    read_names(verdict, {.sql = sql, .parameters = parameters, .utf8 = true}, kSecret, names);
    return describe(names);
  }

  Strings writes(std::string_view sql, const std::vector<Parameter>& parameters = {}) {
    const Verdict verdict = judge_sql(sql);
    EXPECT_FALSE(verdict.effects.writes_everything) << sql;
    Names names;
    write_names(verdict, *catalog_, {.sql = sql, .parameters = parameters, .utf8 = true}, kSecret, names);
    return describe(names);
  }

  void expect_unpinned(std::initializer_list<const char*> statements) {
    for (const char* sql : statements) {
      const Verdict verdict = judge_sql(sql);
      EXPECT_TRUE(verdict.cacheable()) << sql << ": " << reason_name(verdict.reason) << " " << verdict.detail;
      Names names;
      read_names(verdict, {.sql = sql, .parameters = {}, .utf8 = true}, kSecret, names);
      EXPECT_EQ(names.relations, verdict.reads) << sql;
    }
  }

  std::shared_ptr<const Catalog> catalog_ = shop().build();

 private:
  // Tries the values that the tests use.
  std::string row_text(std::uint64_t name) {
    for (const Oid oid : {kItems, kOrders, kLines, kParted, kPart, kTree}) {
      const Relation& relation = *catalog_->relation(oid);
      for (const ColumnSet& set : relation.column_sets) {
        const std::string found = row_text(name, relation, set);
        if (!found.empty()) return found;
      }
    }
    return "?";
  }

  std::string row_text(std::uint64_t name, const Relation& relation, const ColumnSet& set) {
    if (name == any_name(kSecret, relation.oid, set.columns))
      return text(relation, set, Strings(set.columns.size(), "*"));
    static const Strings kValues = {"1", "2", "3", "7", "a", "b", "t", "00000000000000000000000000000001"};
    std::vector<std::size_t> digits(set.columns.size(), 0);
    while (true) {
      Strings plain;
      Strings canonical;
      for (std::size_t i = 0; i < digits.size(); ++i) {
        const auto value =
            canonicalize(relation.column(set.columns[i])->type, {RawValue::Form::kText, kValues[digits[i]]});
        plain.push_back(kValues[digits[i]]);
        canonical.push_back(value.value_or("none"));
      }
      if (name == row_name(kSecret, relation.oid, set.columns, canonical)) return text(relation, set, plain);
      std::size_t place = 0;
      while (place < digits.size() && ++digits[place] == kValues.size()) digits[place++] = 0;
      if (place == digits.size()) return {};
    }
  }

  static std::string text(const Relation& relation, const ColumnSet& set, const Strings& values) {
    std::string result = std::to_string(relation.oid) + "(";
    for (std::size_t i = 0; i < values.size(); ++i)
      result += (i == 0 ? "" : ",") + std::to_string(set.columns[i]) + "=" + values[i];
    return result + ")";
  }
};

using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST_F(Pins, OneRow) {
  for (const char* sql : {"select * from items where id = 7", "select * from items where 7 = id",
                          "select * from items i where i.id = 7", "select * from items where id = '7'",
                          "select * from items where id = '007'", "select * from items where id = ' +7 '",
                          "select price from items where (price > 1 or code = 'a') and id = 7 and not flag",
                          "select * from public.items where id = 7", "select * from items where id in (7)",
                          "select * from items where items.id = $$7$$",
                          "select count(*), max(price) from items where id = 7 group by code having count(*) "
                          "> 1 order by 1 limit 3",
                          "select * from items where id = any (array[7])"}) {
    EXPECT_THAT(reads(sql), ElementsAre("20000(1=*)", "20000(1=7)")) << sql;
  }
  EXPECT_THAT(reads("select * from items where key = '00000000-0000-0000-0000-000000000001'"),
              ElementsAre("20000(6=*)", "20000(6=00000000000000000000000000000001)"));
  EXPECT_THAT(reads("select * from items where name = 'a'"), ElementsAre("20000(5=*)", "20000(5=a)"));
}

TEST_F(Pins, NotPlainEnough) {
  expect_unpinned({"select * from items",
                   "select * from items where id = -7",
                   "select * from items where id = +7",
                   "select * from items where id = 7::int4",
                   "select * from items where id = int4 '7'",
                   "select * from items where id = 7.0",
                   "select * from items where id = 7e0",
                   "select * from items where id = E'7'",
                   "select * from items where id = U&'7'",
                   "select * from items where id = '0x7'",
                   "select * from items where id = null",
                   "select * from items where id in (7, null)",
                   "select * from items where id = 7 + 0",
                   "select * from items where id <> 7",
                   "select * from items where id >= 7",
                   "select * from items where not (id = 7)",
                   "select * from items where id = 7 or code = 'a'",
                   "select * from items where id not in (7)",
                   "select * from items where id is not distinct from 7",
                   "select * from items where (id = 7) = true",
                   "select * from items where id operator(pg_catalog.=) 7",
                   "select * from items where id = all (array[7])",
                   "select * from items where (id, flag) = (7, true)",
                   "select * from items where case when id = 7 then true end",
                   "select * from items where price = 7",
                   "select * from items where ci = 'a'",
                   "select * from items where pad = 'a'",
                   "select * from items where code = 'a'",
                   "select * from items where category = 7 collate \"C\"",
                   "select * from items where id = '7'\n'7'",
                   "select id = 7 from items",
                   "select * from items group by id having id = 7",
                   "select * from items where id between 7 and 7",
                   "select * from items where name = 7::text",
                   "select * from items i(a, b) where a = 7",
                   "select * from items where id = 99999999999999999999",
                   "select * from items where id in (7, 2.5)",
                   "select * from items where id = (select 7)",
                   "select * from items where public.items.id = 7"});
}

TEST_F(Pins, TheBestColumnSet) {
  EXPECT_THAT(reads("select * from items where category = 1 and code = 'a'"),
              ElementsAre("20000(2=*,3=*)", "20000(2=1,3=a)"));
  EXPECT_THAT(reads("select * from items where category = 1 and code = 'a' and id = 7"),
              ElementsAre("20000(1=*)", "20000(1=7)"));
  EXPECT_THAT(reads("select * from items where category = 1 and code > 'a'"),
              ElementsAre("20000(2=*)", "20000(2=1)"));
  EXPECT_THAT(reads("select * from items where id in (1, 2, 3) and id = 7"),
              ElementsAre("20000(1=*)", "20000(1=7)"));
  EXPECT_THAT(reads("select * from items where category in (1, 2) and code in ('a', 'b')"),
              UnorderedElementsAre("20000(2=*,3=*)", "20000(2=1,3=a)", "20000(2=1,3=b)", "20000(2=2,3=a)",
                                   "20000(2=2,3=b)"));
}

TEST_F(Pins, Parameters) {
  const auto read = [&](std::string_view sql, Oid type, std::string_view value) {
    return reads(sql, {{.type = type, .binary = false, .value = value}});
  };
  const auto pinned = ElementsAre("20000(1=*)", "20000(1=7)");
  const auto whole = ElementsAre("20000");
  const std::string_view sql = "select * from items where id = $1";
  for (const Oid type : {0U, 20U, 21U, 23U}) EXPECT_THAT(read(sql, type, "7"), pinned) << type;
  for (const Oid type : {25U, 700U, 701U, 1700U, 705U, 1042U})
    EXPECT_THAT(read(sql, type, "7"), whole) << type;
  EXPECT_THAT(reads(sql, {{.type = 0, .binary = false, .value = {}}}), ElementsAre("20000(1=*)"));
  EXPECT_THAT(reads(sql), whole);
  // Its other use may make it a double precision, in which other ids are equal to it.
  EXPECT_THAT(read("select * from items where price = $1 and id = $1", 0, "7"), whole);
  EXPECT_THAT(read("select * from items where price = $1 and id = $1", 23, "7"), pinned);
  EXPECT_THAT(read("select $1 from items where id = $1", 0, "7"), whole);
  EXPECT_THAT(read("select * from items where id = $1 or (code = 'a' and category = $1)", 0, "7"), whole);
  EXPECT_THAT(read("select * from items i, orders o where i.id = $1 and o.id = $1", 0, "7"),
              ElementsAre("20000(1=*)", "20000(1=7)", "20001(1=*)", "20001(1=7)"));
  EXPECT_THAT(reads("select * from items where id in ($1, 7)", {{.type = 701, .binary = false, .value = {}}}),
              whole);
}

TEST_F(Pins, InnerJoins) {
  const auto both = ElementsAre("20001(1=*)", "20001(1=7)", "20002(1=*)", "20002(1=7)");
  for (const char* sql : {"select * from orders o join lines l on l.order_id = o.id where o.id = 7",
                          "select * from orders o join lines l on l.order_id = o.id where l.order_id = 7",
                          "select * from orders o, lines l where l.order_id = o.id and o.id = 7",
                          "select * from orders o join lines l on l.order_id = o.id and o.id = 7",
                          "select * from orders o cross join lines where o.id = 7 and order_id = o.id",
                          "select * from orders o join (lines l cross join lines m) on l.order_id = 7 and "
                          "m.order_id = l.order_id where o.id = m.order_id"})
    EXPECT_THAT(reads(sql), both) << sql;
  EXPECT_THAT(
      reads("select * from lines l join orders o on o.id = l.order_id join items i on i.id = l.item_id "
            "where o.id = 7 and l.no = 1"),
      UnorderedElementsAre("20000", "20001(1=*)", "20001(1=7)", "20002(1=*,2=*)", "20002(1=7,2=1)"));
  // Only what is on both sides of the same ON can be meant there.
  EXPECT_THAT(reads("select * from items i join orders o on id = 7"), ElementsAre("20000", "20001"));
  EXPECT_THAT(reads("select * from orders o join lines using (id) where id = 7"),
              ElementsAre("20001", "20002"));
  EXPECT_THAT(reads("select * from orders o natural join lines where o.id = 7"),
              ElementsAre("20001", "20002"));
  EXPECT_THAT(reads("select * from (orders o join lines l on o.id = 7) as j"), ElementsAre("20001", "20002"));
}

TEST_F(Pins, OuterJoins) {
  const auto both = ElementsAre("20001(1=*)", "20001(1=7)", "20002(1=*)", "20002(1=7)");
  const auto orders = ElementsAre("20001(1=*)", "20001(1=7)", "20002");
  const auto lines = ElementsAre("20001", "20002(1=*)", "20002(1=7)");
  const auto none = ElementsAre("20001", "20002");
  EXPECT_THAT(reads("select * from orders o left join lines l on l.order_id = o.id where o.id = 7"), both);
  EXPECT_THAT(reads("select * from lines l right join orders o on l.order_id = o.id where o.id = 7"), both);
  EXPECT_THAT(reads("select * from orders o left join lines l on l.order_id = o.id and o.id = 7"), lines);
  EXPECT_THAT(reads("select * from orders o left join lines l on l.order_id = 7"), lines);
  EXPECT_THAT(reads("select * from orders o left join lines l on l.order_id = 7 and o.id = 7"), lines);
  EXPECT_THAT(reads("select * from orders o left join lines l on l.no > 1 where o.id = 7"), orders);
  EXPECT_THAT(reads("select * from orders o left join lines l on true where l.order_id = 7"), lines);
  EXPECT_THAT(reads("select * from orders o left join lines l on l.order_id = o.id where l.order_id = 7"),
              both);
  EXPECT_THAT(reads("select * from orders o right join lines l on l.order_id = o.id and o.id = 7"), orders);
  EXPECT_THAT(reads("select * from orders o right join lines l on l.order_id = o.id and l.order_id = 7"),
              orders);
  EXPECT_THAT(reads("select * from orders o full join lines l on l.order_id = o.id and o.id = 7"), none);
  EXPECT_THAT(reads("select * from orders o full join lines l on l.order_id = o.id where o.id = 7"), both);
  EXPECT_THAT(
      reads("select * from orders o full join lines l on l.order_id = o.id where l.order_id = 7 or o.id = 7"),
      none);
  // The rows on the right come filled with nulls too: nothing is known of them above.
  EXPECT_THAT(reads("select * from items i left join (orders o join lines l on o.id = l.order_id and o.id = "
                    "7) on true"),
              UnorderedElementsAre("20000", "20001(1=*)", "20001(1=7)", "20002(1=*)", "20002(1=7)"));
  EXPECT_THAT(
      reads("select * from items i left join orders o on o.id = 7 left join lines l on l.order_id = o.id"),
      UnorderedElementsAre("20000", "20001(1=*)", "20001(1=7)", "20002"));
  EXPECT_THAT(reads("select * from items i left join orders o on o.id = 7 join lines l on l.order_id = o.id"),
              UnorderedElementsAre("20000", "20001(1=*)", "20001(1=7)", "20002"));
}

TEST_F(Pins, EveryAppearanceMustBePinned) {
  EXPECT_THAT(reads("select * from items a, items b where a.id = 1 and b.id = 2"),
              ElementsAre("20000(1=*)", "20000(1=1)", "20000(1=2)"));
  EXPECT_THAT(reads("select * from items where id = 1 union all select * from items where category = 2"),
              ElementsAre("20000(1=*)", "20000(1=1)", "20000(2=*)", "20000(2=2)"));
  EXPECT_THAT(reads("with x as (select * from items where id = 1) select * from x join items i on i.id = 2"),
              ElementsAre("20000(1=*)", "20000(1=1)", "20000(1=2)"));
  EXPECT_THAT(reads("select (select count(*) from orders where id = 7) from items where id = 7"),
              ElementsAre("20000(1=*)", "20000(1=7)", "20001(1=*)", "20001(1=7)"));
  expect_unpinned({"select * from items a, items b where a.id = 1 and b.id > a.id",
                   "select * from items where id = 1 union all select * from items",
                   "select * from items where id = 1 and exists (select 1 from items)",
                   "select (select max(id) from items) from items where id = 1",
                   "with x as (select * from items) select * from x, items where items.id = 1",
                   "select * from items, some_items where items.id = 1",
                   "select * from items order by (select max(id) from items where id = 1)"});
}

TEST_F(Pins, LevelsAreTheirOwn) {
  // Conditions above say nothing of a subquery, and those below nothing of what is above.
  EXPECT_THAT(
      reads(
          "select * from orders o where exists (select 1 from lines l where l.order_id = o.id and o.id = 7)"),
      ElementsAre("20001", "20002"));
  EXPECT_THAT(
      reads(
          "select * from orders o where o.id = 7 and exists (select 1 from lines l where l.order_id = o.id)"),
      ElementsAre("20001(1=*)", "20001(1=7)", "20002"));
  EXPECT_THAT(reads("select * from (select * from items) i where i.id = 7"), ElementsAre("20000"));
  EXPECT_THAT(
      reads(
          "with items as (select 7 as id) select * from items, orders where items.id = 7 and orders.id = 7"),
      ElementsAre("20001(1=*)", "20001(1=7)"));
  // An inner name hides an outer one: this o is a subquery.
  EXPECT_THAT(
      reads("select * from orders o where exists (select 1 from (select * from lines) o where o.id = 7)"),
      ElementsAre("20001", "20002"));
  expect_unpinned({"select * from some_items where id = 1"});
}

TEST_F(Pins, PartitionsByTheirOwnColumns) {
  EXPECT_THAT(reads("select * from parted where id = 7"),
              ElementsAre("20010(1=*)", "20010(1=7)", "20011(2=*)", "20011(2=7)"));
  EXPECT_THAT(reads("select * from parted, part where parted.id = 7"),
              ElementsAre("20010(1=*)", "20010(1=7)", "20011"));
}

TEST_F(Pins, NotWhereEqualityMayBeAnyones) {
  for (const bool on_builtin : {true, false}) {
    catalog_ = shop().operators("=", 'i', on_builtin, false, false, !on_builtin).build();
    const Verdict read = judge_sql("select * from items where id = '7'");
    EXPECT_TRUE(read.pins.empty());
    const Verdict write = judge_sql("delete from items where id = '7'");
    EXPECT_TRUE(write.effects.row_changes.empty());
  }
  EXPECT_TRUE(judge_sql("select * from items, secured where items.id = 7").pins.empty());
}

constexpr const char* kAnyItem[] = {"20000(2=*)", "20000(2=*,3=*)", "20000(4=*)", "20000(5=*)", "20000(6=*)"};

std::vector<std::string> with_any_items(std::vector<std::string> names) {
  names.insert(names.end(), std::begin(kAnyItem), std::end(kAnyItem));
  return names;
}

using testing::UnorderedElementsAreArray;

TEST_F(Pins, DeletesAndUpdates) {
  const auto expected = UnorderedElementsAreArray(with_any_items({"20000", "20000(1=7)"}));
  EXPECT_THAT(writes("delete from items where id = 7"), expected);
  EXPECT_THAT(writes("update items set price = 3, id = 7 where id = 7"), expected);
  EXPECT_THAT(writes("update items i set price = price + 1 where i.id = 7 and price > 2 returning *"),
              expected);
  EXPECT_THAT(writes("update items set code = upper(code) from orders o where items.id = o.id and o.id = 7"),
              expected);
  EXPECT_THAT(writes("with x as (update items set price = 1 where id = 7 returning *) select * from x"),
              expected);
  const auto unknown = UnorderedElementsAreArray(with_any_items({"20000", "20000(1=*)"}));
  for (const char* sql :
       {"delete from items", "update items set price = 1 where id > 7",
        "update items set id = id + 1 where id = 7", "update items set id = 1.0 where id = 7",
        "update items set (id, code) = (select 1, 'a') where id = 7",
        "delete from items where id = 7 or price > 1", "update items set id = default where id = 7",
        "with x as (delete from items where id = 1) update items set price = 1 where id = 7"})
    EXPECT_THAT(writes(sql), unknown) << sql;
}

TEST_F(Pins, UpdatesOfPinnedColumns) {
  EXPECT_THAT(writes("update items set id = 3 where id = 7"),
              UnorderedElementsAreArray(with_any_items({"20000", "20000(1=3)", "20000(1=7)"})));
  EXPECT_THAT(writes("update items set category = 3 where category = 1 and code = 'a'"),
              UnorderedElementsAre("20000", "20000(1=*)", "20000(2=1)", "20000(2=3)", "20000(2=1,3=a)",
                                   "20000(2=3,3=a)", "20000(4=*)", "20000(5=*)", "20000(6=*)"));
  EXPECT_THAT(writes("update items set id = $1 where id = $2", {{.type = 0, .binary = false, .value = "3"},
                                                                {.type = 0, .binary = false, .value = "7"}}),
              UnorderedElementsAreArray(with_any_items({"20000", "20000(1=3)", "20000(1=7)"})));
}

TEST_F(Pins, Inserts) {
  EXPECT_THAT(
      writes("insert into items (id, category, code, price) values (7, 1, 'a', 2), (3, null, 'b', 2)"),
      UnorderedElementsAre("20000", "20000(1=7)", "20000(1=3)", "20000(2=1)", "20000(2=1,3=a)", "20000(4=*)",
                           "20000(5=*)", "20000(6=*)"));
  EXPECT_THAT(writes("insert into items values (7, 1)"),
              UnorderedElementsAre("20000", "20000(1=7)", "20000(2=1)", "20000(2=*,3=*)", "20000(4=*)",
                                   "20000(5=*)", "20000(6=*)"));
  EXPECT_THAT(
      writes("insert into orders values ($1, $2) on conflict do nothing",
             {{.type = 20, .binary = false, .value = "7"}, {.type = 0, .binary = false, .value = "1"}}),
      UnorderedElementsAre("20001", "20001(1=7)", "20001(2=1)"));
  const auto unknown = UnorderedElementsAre("20001", "20001(1=*)", "20001(2=*)");
  for (const char* sql :
       {"insert into orders select 7, 1", "insert into orders values (default, default)",
        "insert into orders default values", "insert into orders overriding user value values (7, 1)",
        "insert into orders values (7.5, 1 + 1)"})
    EXPECT_THAT(writes(sql), unknown) << sql;
}

TEST_F(Pins, Upserts) {
  EXPECT_THAT(writes("insert into orders values (7, 1) on conflict (id) do update set total = 5"),
              UnorderedElementsAre("20001", "20001(1=7)", "20001(2=*)"));
  const auto unknown = UnorderedElementsAre("20001", "20001(1=*)", "20001(2=*)");
  for (const char* sql :
       {"insert into orders values (7, 1) on conflict (id) do update set id = 3",
        "insert into orders values (7, 1) on conflict (customer) do update set total = 5",
        "insert into orders values (7, 1) on conflict on constraint orders_pkey do update set total = 5",
        "insert into orders values (7, 1) on conflict (id collate \"C\") do update set total = 5"})
    EXPECT_THAT(writes(sql), unknown) << sql;
}

TEST_F(Pins, CascadesChangeUnknownRows) {
  EXPECT_THAT(writes("delete from tree where id = 7"), UnorderedElementsAre("20020", "20020(1=*)"));
  EXPECT_THAT(writes("update tree set x = 1 where id = 7"), UnorderedElementsAre("20020", "20020(1=7)"));
  EXPECT_THAT(writes("delete from parted where id = 7"),
              UnorderedElementsAre("20010", "20011", "20010(1=7)", "20011(2=7)"));
  EXPECT_THAT(writes("delete from items where id = 7; delete from items where id = 1"),
              UnorderedElementsAreArray(with_any_items({"20000", "20000(1=*)"})));
}

TEST_F(Pins, EveryTextOfAShapeHasItsOwnValues) {
  const auto syntax = parse("select 'x' from items where code = 'a' and category = 1");
  const Verdict verdict = judge(**syntax, *catalog_, SearchPath({"public"}), false);
  Names names;
  read_names(verdict,
             {.sql = "select $$7$$ /* 5 */ from items where code = 'b' and category = 2", .parameters = {}},
             kSecret, names);
  EXPECT_THAT(describe(names), ElementsAre("20000(2=*,3=*)", "20000(2=2,3=b)"));
}

}  // namespace
}  // namespace pgweir::query
