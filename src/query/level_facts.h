// What the conditions of one query level say about its FROM items: see pinner.h for the reasons.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "query/catalog.h"
#include "query/predicates.h"

namespace pgweir::query {

// A column of a FROM item of the level. The column belongs to the catalog.
struct ItemColumn {
  std::size_t item = 0;
  const Column* column = nullptr;
  friend bool operator==(const ItemColumn&, const ItemColumn&) = default;
};

// column = one of values, or column = other. The values belong to the Predicates.
struct Fact {
  ItemColumn column;
  const std::vector<ValueSource>* values = nullptr;
  ItemColumn other;
  friend bool operator==(const Fact&, const Fact&) = default;
};

// What holds for the rows of one item that matter: a column, and the values it is one of.
using PinnedBy = std::vector<std::pair<const Column*, const std::vector<ValueSource>*>>;

// REQUIRES: level and catalog outlive it. On one stack.
class LevelFacts {
 public:
  LevelFacts(const QueryLevel& level, const Catalog& catalog, const SearchPath& path);

  // The relation that an item is; nullptr: none that is known.
  const Relation* relation(std::size_t item) const { return relations_[item]; }
  std::size_t size() const { return relations_.size(); }
  // The columns that values are compared with, each time that they are.
  void each_comparison(const std::function<void(const Column&, const ValueSource&)>& visit) const;
  // For each item; empty: any of its rows may matter.
  std::vector<PinnedBy> pinned();

 private:
  static constexpr std::size_t kFactsMax = 128;
  static constexpr int kDepthMax = 64;
  using Facts = std::vector<Fact>;

  void leaves(std::size_t node, std::vector<std::size_t>& out) const;
  std::vector<std::size_t> leaves(std::size_t node) const;
  std::optional<ItemColumn> resolve(const ColumnName& name, const std::vector<std::size_t>& visible) const;
  Facts read(const std::vector<Equality>& equalities, const std::vector<std::size_t>& visible) const;
  // Of all rows that the item gives.
  Facts facts_of(std::size_t node, int depth) const;
  static void close(Facts& facts);
  bool mentions(const Facts& facts, std::size_t node) const;
  void descend(std::size_t node, const Facts& context, int depth);

  const QueryLevel& level_;
  std::vector<const Relation*> relations_;
  std::vector<PinnedBy> pinned_;
};

}  // namespace pgweir::query
