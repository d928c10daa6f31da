#include "pins/statements.h"

#include <utility>

namespace pgweir::pins {
namespace {

struct Table {
  std::string name;
  std::vector<std::pair<std::string, std::string>> columns;  // name, type
};

const std::vector<Table>& tables() {
  static const std::vector<Table> kTables = {
      {"t",
       {{"id", "int4"},
        {"a", "int4"},
        {"b", "text"},
        {"c", "int8"},
        {"v", "varchar"},
        {"f", "bool"},
        {"n", "numeric"},
        {"h", "bpchar"},
        {"ci", "text"},
        {"d", "float8"}}},
      {"u", {{"id", "int8"}, {"k", "int4"}, {"t_id", "int4"}, {"w", "text"}}},
      {"p", {{"id", "int4"}, {"r", "int4"}, {"x", "text"}}},
      {"m", {{"id", "int2"}, {"parent", "int2"}, {"note", "text"}}},
      {"p1", {{"id", "int4"}, {"r", "int4"}, {"x", "text"}}},
      {"vt", {{"id", "int4"}, {"a", "int4"}, {"b", "text"}}},
  };
  return kTables;
}
constexpr std::size_t kWritable = 5;

bool is_number(const std::string& type) {
  return type.starts_with("int") || type == "numeric" || type == "float8";
}

}  // namespace

std::string Statements::literal(const std::string& type) {
  static const std::vector<std::string> kNumbers = {
      "0",   "1",  "2",   "3",        "1",       "2",     "'1'",  "' 02 '",           "'+3'",
      "1.0", "-1", "1e0", "'1'::int", "int '2'", "$$2$$", "E'1'", "9007199254740993", "null",
      "(1)"};
  static const std::vector<std::string> kTexts = {
      "'a'",   "'b'",  "'a'",       "'A'",   "'a '",         "'ab'",         "''",
      "$$b$$", "E'a'", "'a'::text", "U&'b'", "'b'::varchar", "'a'::char(3)", "null"};
  static const std::vector<std::string> kBools = {"'t'",   "'f'",   "true", "false",
                                                  "'yes'", "'off'", "'1'",  "null"};
  if (type == "bool") return pick(kBools);
  return pick(is_number(type) ? kNumbers : kTexts);
}

std::string Statements::parameter(const std::string& type) {
  static const std::vector<std::string> kNumbers = {"1", "2", "3", " 1", "02", "9007199254740993"};
  static const std::vector<std::string> kTexts = {"a", "b", "A", "a ", "ab"};
  static const std::vector<std::uint32_t> kNumberTypes = {0, 0, 0, 21, 23, 20, 701, 1700};
  static const std::vector<std::uint32_t> kTextTypes = {0, 0, 25, 1043, 1042};
  if (!parameters_.empty() && chance(30)) return "$" + std::to_string(1 + below(parameters_.size()));
  Given given;
  if (type == "bool") {
    given.value = chance(50) ? "t" : "no";
  } else if (is_number(type)) {
    given = {kNumberTypes[below(kNumberTypes.size())], pick(kNumbers)};
  } else {
    given = {kTextTypes[below(kTextTypes.size())], pick(kTexts)};
  }
  parameters_.push_back(given);
  return "$" + std::to_string(parameters_.size());
}

std::string Statements::constant(std::size_t table, const std::string& column) {
  for (const auto& [name, type] : tables()[table].columns) {
    if (name == column) return chance(20) ? parameter(type) : literal(type);
  }
  return "null";
}

// Sometimes without its table's name.
std::string Statements::column(const Items& items, std::size_t& table, std::string& name) {
  const Item& item = items[below(items.size())];
  table = item.table;
  const auto& columns = tables()[table].columns;
  // Those at the front are the ones that are indexed most.
  name = columns[chance(70) ? below(3) / 2 : below(columns.size())].first;
  return chance(items.size() == 1 ? 50 : 3) ? name : item.alias + "." + name;
}

std::string Statements::atom(const Items& items, int depth) {
  std::size_t table = 0;
  std::size_t other_table = 0;
  std::string name;
  std::string other_name;
  const std::string left = column(items, table, name);
  const std::size_t kind = below(20);
  if (kind < 8) return left + " = " + constant(table, name);
  if (kind < 9) return constant(table, name) + " = " + left;
  if (kind < 13) {
    const std::string right = column(items, other_table, other_name);
    return left + " = " + right;
  }
  if (kind < 15) return left + " in (" + constant(table, name) + ", " + constant(table, name) + ")";
  if (kind < 16) return left + " = any (array[" + constant(table, name) + ", " + constant(table, name) + "])";
  if (kind < 17) return left + (chance(50) ? " is null" : " is not null");
  if (kind < 18) return left + " > " + constant(table, name);
  if (kind < 19 && depth > 0) {
    Items inner = items;
    const std::string list = from(inner, 0);
    return (chance(30) ? "not exists (select 1 from " : "exists (select 1 from ") + list + " where " +
           condition(inner, 0) + ")";
  }
  if (depth > 0) return "(" + atom(items, depth - 1) + " or " + atom(items, depth - 1) + ")";
  return "not (" + left + " = " + constant(table, name) + ")";
}

std::string Statements::condition(const Items& items, int depth) {
  std::string result = chance(50) ? "true" : atom(items, depth);
  if (chance(40)) {  // what applications ask for most
    const Item& item = items[below(items.size())];
    const std::string& key = tables()[item.table].columns.front().first;
    result += " and " + item.alias + "." + key + " = " + constant(item.table, key);
  }
  for (std::size_t more = below(2); more > 0; --more) result += " and " + atom(items, depth);
  return result;
}

// Appends the items to those in scope; what is there already may be referred to as an outer level's.
std::string Statements::from(Items& items, int depth) {
  static const std::vector<std::string> kJoins = {" join ", " left join ", " right join ", " full join ",
                                                  " left join "};
  if (depth > 0 && chance(60)) {
    Items mine;
    const std::string join = pick(kJoins);
    std::string left = from(mine, depth - 1);
    std::string right = from(mine, depth - (chance(50) ? 1 : 2));
    if (chance(20)) right = "(" + right + ")";
    const std::string on = condition(mine, 0);
    items.insert(items.end(), mine.begin(), mine.end());
    return left + join + right + " on " + on;
  }
  Item item{"x" + std::to_string(++aliases_), below(tables().size())};
  const std::string& name = tables()[item.table].name;
  items.push_back(item);
  read_tables_.push_back(item.table);
  if (chance(8)) return "(select * from " + name + ") " + item.alias;
  return name + " " + item.alias;
}

std::string Statements::select(int depth) {
  Items items;
  std::string list = from(items, chance(40) ? 0 : static_cast<int>(below(3)));
  if (chance(20)) list += ", " + from(items, 0);
  std::string columns = "*";
  if (chance(20))
    columns =
        "count(*), max(" + items.front().alias + "." + tables()[items.front().table].columns[1].first + ")";
  std::string sql = "select " + columns + " from " + list;
  if (chance(45)) sql += " where " + condition(items, depth);
  return sql;
}

Generated Statements::read() {
  read_tables_.clear();
  parameters_.clear();
  aliases_ = 0;
  std::string sql = select(1);
  if (chance(8))
    sql = "select count(*) from t where id = " + literal("int4") +
          " union all select count(*) from u where id = " + literal("int8");
  if (chance(8))
    sql = "with w as (" + sql +
          ") select (select count(*) from w), x.* from t x where x.id = " + literal("int4");
  return {std::move(sql), parameters_};
}

std::string Statements::insert() {
  const std::size_t table = below(kWritable);
  const bool all = chance(30);
  std::vector<std::string> columns;
  for (const auto& [name, type] : tables()[table].columns) {
    if (all || columns.size() < 2 || chance(60)) columns.push_back(name);
  }
  std::string list;
  for (const std::string& name : columns) list += (list.empty() ? "" : ", ") + name;
  std::string rows;
  for (std::size_t row = 0; row < 1 + below(2); ++row) {
    std::string values;
    for (const std::string& name : columns) {
      const std::string value = chance(5)                    ? "default"
                                : chance(10) && name == "id" ? "1 + 2"
                                                             : constant(table, name);
      values += (values.empty() ? "" : ", ") + value;
    }
    rows += (rows.empty() ? "(" : ", (") + values + ")";
  }
  std::string sql =
      "insert into " + tables()[table].name + (all ? "" : " (" + list + ")") + " values " + rows;
  static const std::vector<std::string> kKeys = {"(id)", "(id, k)", "(id, r)", "(id)", "(id, r)"};
  if (chance(20)) return sql + " on conflict do nothing";
  if (!chance(40)) return sql;
  const std::string& changed =
      tables()[table].columns[chance(25) ? 0 : below(tables()[table].columns.size())].first;
  const std::string value = chance(50) ? "excluded." + changed : constant(table, changed);
  return sql + " on conflict " + (table == 0 && chance(30) ? "(b)" : kKeys[table]) + " do update set " +
         changed + " = " + value;
}

std::string Statements::update() {
  Items items = {{chance(50) ? "y" : "", below(kWritable)}};
  const Table& table = tables()[items.front().table];
  std::string sql = "update " + table.name + (items.front().alias.empty() ? "" : " y") + " set ";
  if (items.front().alias.empty()) items.front().alias = table.name;
  const std::string& changed = table.columns[below(table.columns.size())].first;
  sql += changed + " = " +
         (chance(20) ? items.front().alias + "." + changed : constant(items.front().table, changed));
  if (chance(20)) sql += " from " + from(items, 1);
  return sql + (chance(95) ? " where " + condition(items, 1) : "");
}

std::string Statements::remove() {
  Items items = {{"y", below(kWritable)}};
  std::string sql = "delete from " + tables()[items.front().table].name + " y";
  if (chance(20)) sql += " using " + from(items, 1);
  return sql + " where " + condition(items, 1);
}

// One row by its key, of a table that was just read: what finds a pin that is too narrow soonest.
std::string Statements::plain_write() {
  const std::size_t table =
      read_tables_.empty() ? below(kWritable) : read_tables_[below(read_tables_.size())];
  const Table& target = tables()[table < kWritable ? table : 0];
  const std::string key = std::to_string(below(5));
  const auto& changed = target.columns[below(target.columns.size())];
  static const std::vector<std::string> kValues = {"'0'", "'1'", "'2'", "'3'", "'t'", "'a'", "'b'"};
  if (chance(40))
    return "update " + target.name + " set " + changed.first + " = " + pick(kValues) + " where id = " + key;
  if (chance(50)) return "delete from " + target.name + " where id = " + key;
  std::string sql =
      "insert into " + target.name + " (" + target.columns[0].first + ", " + target.columns[1].first;
  return sql + ") values (" + std::to_string(below(12)) + ", " + std::to_string(below(5)) + ")";
}

Generated Statements::write() {
  parameters_.clear();
  aliases_ = 0;
  if (chance(60)) return {plain_write(), {}};
  const std::size_t kind = below(10);
  std::string sql = kind < 4 ? insert() : kind < 8 ? update() : remove();
  return {std::move(sql), parameters_};
}

}  // namespace pgweir::pins
