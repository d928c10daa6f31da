#include "query/column_sets.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

namespace pgweir::query {
namespace {

// Whether old values of the column are in every change that the stream sends.
bool is_identity(const std::vector<Index>& indexes, const Relation& relation, Attnum column) {
  if (relation.replica_identity == 'f') return true;
  return std::ranges::any_of(indexes, [&](const Index& index) {
    const bool chosen = relation.replica_identity == 'd'
                            ? index.primary && index.immediate
                            : relation.replica_identity == 'i' && index.replica_identity;
    return chosen && std::ranges::find(index.keys, column) != index.keys.end();
  });
}

using Sets = std::map<std::vector<Attnum>, ColumnSet>;

void add_prefixes(const Index& index, const Relation& relation, Sets& sets) {
  std::vector<Attnum> columns;
  for (const Attnum key : index.keys) {
    if (relation.column(key) == nullptr) return;
    // The same column twice says nothing new.
    const auto place = std::ranges::lower_bound(columns, key);
    if (place == columns.end() || *place != key) columns.insert(place, key);
    sets[columns].columns = columns;
  }
  ColumnSet& whole = sets[columns];
  if (columns.empty() || !index.unique) return;
  whole.unique = whole.unique || index.all_rows;
}

// Whether every unique index on exactly these columns compares as default equality does.
bool is_arbiter(const std::vector<Index>& indexes, const std::vector<Attnum>& columns) {
  bool found = false;
  for (const Index& index : indexes) {
    std::vector<Attnum> keys = index.keys;
    std::ranges::sort(keys);
    if (!index.unique || keys != columns) continue;
    if (!index.builtin) return false;
    found = true;
  }
  return found;
}

void keep_used_columns(Relation& relation) {
  std::erase_if(relation.columns, [&relation](const Column& column) {
    return std::ranges::none_of(relation.column_sets, [&column](const ColumnSet& set) {
      return std::ranges::find(set.columns, column.number) != set.columns.end();
    });
  });
  relation.columns.shrink_to_fit();
}

}  // namespace

Index read_index(std::string_view keys, std::string_view flags) {
  Index index;
  while (!keys.empty()) {
    Attnum key = 0;
    const auto [end, error] = std::from_chars(keys.data(), keys.data() + keys.size(), key);
    index.keys.push_back(error == std::errc{} ? key : Attnum{0});
    if (error != std::errc{}) break;
    keys.remove_prefix(static_cast<std::size_t>(end - keys.data()));
    keys.remove_prefix(keys.starts_with(' ') ? 1 : 0);
  }
  const auto has = [flags](char letter) { return flags.find(letter) != std::string_view::npos; };
  index.unique = has('u');
  index.primary = has('p');
  index.all_rows = has('o');
  index.immediate = has('d');
  index.replica_identity = has('r');
  index.builtin = has('b');
  return index;
}

void add_column_sets(const std::vector<Index>& indexes, Relation& relation) {
  std::ranges::sort(relation.columns, {}, &Column::number);
  for (Column& column : relation.columns) column.identity = is_identity(indexes, relation, column.number);
  Sets sets;
  for (const Index& index : indexes) add_prefixes(index, relation, sets);
  sets.erase(std::vector<Attnum>{});
  for (auto& [columns, set] : sets) {
    set.arbiter = is_arbiter(indexes, columns);
    set.identity = std::ranges::all_of(
        columns, [&relation](Attnum number) { return relation.column(number)->identity; });
    relation.column_sets.push_back(std::move(set));
  }
  std::ranges::stable_sort(relation.column_sets, {},
                           [](const ColumnSet& set) { return std::tuple(!set.unique, set.columns.size()); });
  if (relation.column_sets.size() > Relation::kColumnSetsMax)
    relation.column_sets.resize(Relation::kColumnSetsMax);
  relation.column_sets.shrink_to_fit();
  keep_used_columns(relation);
}

}  // namespace pgweir::query
