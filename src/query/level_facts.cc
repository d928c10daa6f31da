#include "query/level_facts.h"

#include <algorithm>

#include "query/row_name.h"

namespace pgweir::query {
namespace {

bool is_table(const Relation& relation) { return relation.kind == 'r' || relation.kind == 'p'; }

void append(std::vector<Fact>& facts, const std::vector<Fact>& more) {
  facts.insert(facts.end(), more.begin(), more.end());
}

}  // namespace

LevelFacts::LevelFacts(const QueryLevel& level, const Catalog& catalog, const SearchPath& path)
    : level_(level), relations_(level.items.size(), nullptr) {
  for (std::size_t i = 0; i < level.items.size(); ++i) {
    if (level.items[i].kind == FromItem::Kind::kRelation)
      relations_[i] = catalog.find_relation(level.items[i].relation, path);
  }
}

void LevelFacts::leaves(std::size_t node, std::vector<std::size_t>& out) const {
  const FromItem& item = level_.items[node];
  if (!item.is_join()) return out.push_back(node);
  leaves(item.left, out);
  leaves(item.right, out);
}

std::vector<std::size_t> LevelFacts::leaves(std::size_t node) const {
  std::vector<std::size_t> result;
  leaves(node, result);
  return result;
}

// PostgreSQL looks in the innermost level first and takes an ambiguous name for an error, so an item of
// this level that has the column is the one that is meant. A name that no item is known to have may be an
// outer level's.
std::optional<ItemColumn> LevelFacts::resolve(const ColumnName& name,
                                              const std::vector<std::size_t>& visible) const {
  if (name.table.empty() && std::ranges::find(level_.merged, name.column) != level_.merged.end())
    return std::nullopt;
  std::optional<ItemColumn> found;
  for (const std::size_t item : visible) {
    if (!name.table.empty() && level_.items[item].alias != name.table) continue;
    const Relation* const relation = relations_[item];
    const Column* const column =
        relation == nullptr || !is_table(*relation) ? nullptr : relation->column(name.column);
    if (column == nullptr && name.table.empty()) continue;
    if (column == nullptr || found) return std::nullopt;
    found = ItemColumn{item, column};
  }
  return found;
}

LevelFacts::Facts LevelFacts::read(const std::vector<Equality>& equalities,
                                   const std::vector<std::size_t>& visible) const {
  Facts facts;
  for (const Equality& equality : equalities) {
    const auto column = resolve(equality.column, visible);
    if (!column) continue;
    if (!equality.other) {
      facts.push_back({*column, &equality.values, {}});
      continue;
    }
    const auto other = resolve(*equality.other, visible);
    if (!other || value_family(other->column->type) != value_family(column->column->type)) continue;
    facts.push_back({*column, nullptr, *other});
  }
  return facts;
}

void LevelFacts::each_comparison(const std::function<void(const Column&, const ValueSource&)>& visit) const {
  const auto visit_all = [&](const Facts& facts) {
    for (const Fact& fact : facts) {
      if (fact.values == nullptr) continue;
      for (const ValueSource& source : *fact.values) visit(*fact.column.column, source);
    }
  };
  if (level_.hidden) return;
  std::vector<std::size_t> all;
  for (const std::size_t root : level_.roots) leaves(root, all);
  visit_all(read(level_.where, all));
  for (std::size_t i = 0; i < level_.items.size(); ++i) {
    if (level_.items[i].is_join()) visit_all(read(level_.items[i].on, leaves(i)));
  }
}

LevelFacts::Facts LevelFacts::facts_of(std::size_t node, int depth) const {
  const FromItem& item = level_.items[node];
  if (!item.is_join() || item.kind == FromItem::Kind::kFull || depth > kDepthMax) return {};
  Facts facts;
  if (item.kind != FromItem::Kind::kRight) append(facts, facts_of(item.left, depth + 1));
  if (item.kind != FromItem::Kind::kLeft) append(facts, facts_of(item.right, depth + 1));
  if (item.kind == FromItem::Kind::kInner) append(facts, read(item.on, leaves(node)));
  return facts;
}

// a = b and a = 1 give b = 1, until nothing new follows.
void LevelFacts::close(Facts& facts) {
  for (std::size_t i = 0; i < facts.size() && facts.size() < kFactsMax; ++i) {
    for (std::size_t k = 0; k < facts.size() && facts.size() < kFactsMax; ++k) {
      const Fact& value = facts[i].values != nullptr ? facts[i] : facts[k];
      const Fact& link = facts[i].values != nullptr ? facts[k] : facts[i];
      if (value.values == nullptr || link.values != nullptr) continue;
      if (value.column != link.column && value.column != link.other) continue;
      const Fact derived{value.column == link.column ? link.other : link.column, value.values, {}};
      if (std::ranges::find(facts, derived) == facts.end()) facts.push_back(derived);
    }
  }
}

bool LevelFacts::mentions(const Facts& facts, std::size_t node) const {
  const auto within = leaves(node);
  const auto has = [&within](std::size_t item) { return std::ranges::find(within, item) != within.end(); };
  return std::ranges::any_of(facts, [&has](const Fact& fact) {
    return has(fact.column.item) || (fact.values == nullptr && has(fact.other.item));
  });
}

// context: holds for every row of the node that can matter, so it may be used as if it were a condition
// on the node's input.
void LevelFacts::descend(std::size_t node, const Facts& context, int depth) {
  using Kind = FromItem::Kind;
  const FromItem& item = level_.items[node];
  if (depth > kDepthMax) return;
  if (!item.is_join()) {
    for (const Fact& fact : context) {
      if (fact.values != nullptr && fact.column.item == node)
        pinned_[node].emplace_back(fact.column.column, fact.values);
    }
    return;
  }
  // A row that is filled with nulls on a side meets no equality with that side.
  const bool left_null =
      (item.kind == Kind::kRight || item.kind == Kind::kFull) && !mentions(context, item.left);
  const bool right_null =
      (item.kind == Kind::kLeft || item.kind == Kind::kFull) && !mentions(context, item.right);
  Facts left = left_null && right_null ? Facts{} : context;
  Facts right = left;
  const Facts on = read(item.on, leaves(node));
  const Facts of_left = facts_of(item.left, depth);
  const Facts of_right = facts_of(item.right, depth);
  append(left, of_left);
  append(right, of_right);
  if (!right_null) {  // all rows on the left that matter have met ON
    append(left, of_right);
    append(left, on);
  }
  if (!left_null) {
    append(right, of_left);
    append(right, on);
  }
  close(left);
  close(right);
  descend(item.left, left, depth + 1);
  descend(item.right, right, depth + 1);
}

std::vector<PinnedBy> LevelFacts::pinned() {
  pinned_.assign(level_.items.size(), {});
  if (level_.hidden) return pinned_;
  std::vector<std::size_t> all;
  for (const std::size_t root : level_.roots) leaves(root, all);
  Facts context = read(level_.where, all);
  for (const std::size_t root : level_.roots) append(context, facts_of(root, 0));
  close(context);
  for (const std::size_t root : level_.roots) descend(root, context, 0);
  return std::move(pinned_);
}

}  // namespace pgweir::query
