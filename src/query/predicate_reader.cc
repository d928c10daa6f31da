#include "query/predicate_reader.h"

#include <algorithm>
#include <utility>

namespace pgweir::query {
namespace {

std::string text_of(const char* s) { return s == nullptr ? std::string() : std::string(s); }

std::optional<std::string> string_of(const PgQuery__Node* node) {
  if (node == nullptr || node->node_case != PG_QUERY__NODE__NODE_STRING) return std::nullopt;
  return text_of(node->string->sval);
}

std::string alias_of(const PgQuery__Alias* alias) {
  return alias == nullptr ? "" : text_of(alias->aliasname);
}

// c or t.c
std::optional<ColumnName> column_of(const PgQuery__Node* node) {
  if (node == nullptr || node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) return std::nullopt;
  const PgQuery__ColumnRef& reference = *node->column_ref;
  if (reference.n_fields == 0 || reference.n_fields > 2) return std::nullopt;
  auto first = string_of(reference.fields[0]);
  auto last = string_of(reference.fields[reference.n_fields - 1]);
  if (!first || !last) return std::nullopt;
  return ColumnName{reference.n_fields == 2 ? std::move(*first) : std::string(), std::move(*last)};
}

bool is_plain_equals(const PgQuery__AExpr& expression) {
  return expression.n_name == 1 && string_of(expression.name[0]) == "=";
}

FromItem::Kind kind_of(PgQuery__JoinType type) {
  switch (type) {
    case PG_QUERY__JOIN_TYPE__JOIN_INNER:
      return FromItem::Kind::kInner;
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT:
      return FromItem::Kind::kLeft;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT:
      return FromItem::Kind::kRight;
    default:
      return FromItem::Kind::kFull;  // which tells the least
  }
}

std::size_t add(QueryLevel& level, FromItem item) {
  level.items.push_back(std::move(item));
  return level.items.size() - 1;
}

// The name by which columns of something that is no table are called, where that is easily told.
std::string opaque_alias(const PgQuery__Node& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
      return alias_of(node.range_subselect->alias);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
      return alias_of(node.range_function->alias);
    default:
      return {};
  }
}

std::size_t bytes_of(const std::string& s) { return sizeof s + (s.capacity() > 15 ? s.capacity() : 0); }

std::size_t bytes_of(const std::vector<Equality>& equalities) {
  std::size_t bytes = 0;
  for (const Equality& e : equalities) {
    bytes += sizeof e + e.values.capacity() * sizeof(ValueSource) + bytes_of(e.column.table) +
             bytes_of(e.column.column);
  }
  return bytes;
}

}  // namespace

std::size_t Predicates::memory_bytes() const {
  std::size_t bytes = parameter_uses.capacity() * sizeof(std::uint16_t);
  for (const QueryLevel& level : levels) {
    bytes += sizeof level + level.roots.capacity() * sizeof(std::size_t) + bytes_of(level.where);
    for (const FromItem& item : level.items) bytes += sizeof item + bytes_of(item.alias) + bytes_of(item.on);
  }
  if (!change) return bytes;
  for (const auto& row : change->rows) bytes += sizeof row + row.capacity() * sizeof row.front();
  for (const std::string& column : change->columns) bytes += bytes_of(column);
  for (const Assignment& assignment : change->assigned)
    bytes += sizeof assignment + bytes_of(assignment.column);
  return bytes;
}

void PredicateReader::count_parameter(std::int32_t number) {
  if (number <= 0 || static_cast<std::size_t>(number) > kParametersMax) return;
  auto& uses = out_.parameter_uses;
  if (uses.size() < static_cast<std::size_t>(number)) uses.resize(static_cast<std::size_t>(number));
  ++uses[static_cast<std::size_t>(number) - 1];
}

QueryLevel* PredicateReader::open_level(const PgQuery__RangeVar* target) {
  if (out_.levels.size() >= kLevelsMax) {
    overflow_ = true;
    return nullptr;
  }
  QueryLevel& level = out_.levels.emplace_back();
  if (target == nullptr) return &level;
  static const IsCte kNone = [](std::string_view) { return false; };  // a WITH query is never a target
  level.roots.push_back(relation(level, *target, kNone));
  return &level;
}

void PredicateReader::select(const PgQuery__SelectStmt& statement, const IsCte& is_cte) {
  if (statement.n_from_clause == 0) return;
  QueryLevel* const level = open_level(nullptr);
  if (level == nullptr) return;
  from(*level, std::span(statement.from_clause, statement.n_from_clause), is_cte);
  conjuncts(statement.where_clause, level->where);
}

void PredicateReader::update(const PgQuery__UpdateStmt& statement, const IsCte& is_cte) {
  QueryLevel* const level = statement.relation == nullptr ? nullptr : open_level(statement.relation);
  if (level == nullptr) return;
  RowChange change;
  change.level = out_.levels.size() - 1;
  change.assigned = assignments(std::span(statement.target_list, statement.n_target_list));
  from(*level, std::span(statement.from_clause, statement.n_from_clause), is_cte);
  conjuncts(statement.where_clause, level->where);
  out_.change = std::move(change);
}

void PredicateReader::remove(const PgQuery__DeleteStmt& statement, const IsCte& is_cte) {
  QueryLevel* const level = statement.relation == nullptr ? nullptr : open_level(statement.relation);
  if (level == nullptr) return;
  RowChange change;
  change.level = out_.levels.size() - 1;
  from(*level, std::span(statement.using_clause, statement.n_using_clause), is_cte);
  conjuncts(statement.where_clause, level->where);
  out_.change = std::move(change);
}

// Without VALUES, or with OVERRIDING, which may put other values in their place: nothing is known.
void PredicateReader::insert(const PgQuery__InsertStmt& statement) {
  RowChange change;
  const PgQuery__Node* const source = statement.select_stmt;
  const bool plain = statement.override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_NOT_SET &&
                     source != nullptr && source->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
                     source->select_stmt->n_values_lists <= RowChange::kRowsMax;
  if (!plain) return;
  for (const auto* column : std::span(statement.cols, statement.n_cols)) {
    if (column->node_case != PG_QUERY__NODE__NODE_RES_TARGET) return;
    // A part of a column: not its value.
    change.columns.push_back(column->res_target->n_indirection == 0 ? text_of(column->res_target->name) : "");
  }
  const PgQuery__SelectStmt& select = *source->select_stmt;
  for (const auto* list : std::span(select.values_lists, select.n_values_lists)) {
    if (list->node_case != PG_QUERY__NODE__NODE_LIST) return;
    auto& row = change.rows.emplace_back();
    for (const auto* item : std::span(list->list->items, list->list->n_items)) row.push_back(value(item));
  }
  const PgQuery__OnConflictClause* const conflict = statement.on_conflict_clause;
  if (conflict != nullptr && conflict->action != PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_NOTHING) {
    change.updates_conflicting = true;
    change.assigned = assignments(std::span(conflict->target_list, conflict->n_target_list));
    if (conflict->infer != nullptr) {
      for (const auto* element : std::span(conflict->infer->index_elems, conflict->infer->n_index_elems)) {
        const bool named = element->node_case == PG_QUERY__NODE__NODE_INDEX_ELEM &&
                           element->index_elem->expr == nullptr && element->index_elem->n_collation == 0 &&
                           element->index_elem->n_opclass == 0;
        change.conflict_columns.push_back(named ? text_of(element->index_elem->name) : "");
      }
    }
  }
  out_.change = std::move(change);
}

void PredicateReader::from(QueryLevel& level, std::span<PgQuery__Node* const> items, const IsCte& is_cte) {
  for (const PgQuery__Node* item : items) level.roots.push_back(from_item(level, *item, is_cte));
}

std::size_t PredicateReader::from_item(QueryLevel& level, const PgQuery__Node& node, const IsCte& is_cte) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR: {
      const std::size_t item = relation(level, *node.range_var, is_cte);
      if (level.items[item].kind == FromItem::Kind::kRelation) ++placed_;
      return item;
    }
    case PG_QUERY__NODE__NODE_JOIN_EXPR: {
      if (join_depth_ >= kJoinDepthMax) return add(level, {});  // so not all relations are placed
      ++join_depth_;
      const std::size_t item = join(level, *node.join_expr, is_cte);
      --join_depth_;
      return item;
    }
    default: {
      FromItem item;
      item.alias = opaque_alias(node);
      return add(level, std::move(item));
    }
  }
}

std::size_t PredicateReader::relation(QueryLevel& level, const PgQuery__RangeVar& relation,
                                      const IsCte& is_cte) {
  FromItem item;
  item.relation = {text_of(relation.schemaname), text_of(relation.relname)};
  item.alias = relation.alias == nullptr ? item.relation.name : alias_of(relation.alias);
  const bool cte = item.relation.schema.empty() && is_cte(item.relation.name);
  const bool renamed = relation.alias != nullptr && relation.alias->n_colnames != 0;
  const bool elsewhere = !text_of(relation.catalogname).empty();
  if (!cte && !renamed && !elsewhere) item.kind = FromItem::Kind::kRelation;
  return add(level, std::move(item));
}

std::size_t PredicateReader::join(QueryLevel& level, const PgQuery__JoinExpr& join, const IsCte& is_cte) {
  FromItem item;
  item.kind = kind_of(join.jointype);
  if (join.is_natural != 0 || join.alias != nullptr || join.larg == nullptr || join.rarg == nullptr)
    level.hidden = true;
  for (const auto* column : std::span(join.using_clause, join.n_using_clause)) {
    const auto name = string_of(column);
    if (name) level.merged.push_back(*name);
    level.hidden = level.hidden || !name;
  }
  // Their ON conditions are within these two, so their indexes come before this one's.
  item.left = join.larg == nullptr ? add(level, {}) : from_item(level, *join.larg, is_cte);
  item.right = join.rarg == nullptr ? add(level, {}) : from_item(level, *join.rarg, is_cte);
  conjuncts(join.quals, item.on);
  return add(level, std::move(item));
}

void PredicateReader::conjuncts(const PgQuery__Node* condition, std::vector<Equality>& out) const {
  std::vector<const PgQuery__Node*> pending = {condition};
  while (!pending.empty() && out.size() < kConjunctsMax) {
    const PgQuery__Node* const node = pending.back();
    pending.pop_back();
    if (node == nullptr) continue;
    if (node->node_case == PG_QUERY__NODE__NODE_A_EXPR) {
      equality(*node->a_expr, out);
    } else if (node->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
               node->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) {
      for (std::size_t i = node->bool_expr->n_args; i > 0; --i)
        pending.push_back(node->bool_expr->args[i - 1]);
    }
  }
}

void PredicateReader::equality(const PgQuery__AExpr& expression, std::vector<Equality>& out) const {
  if (!is_plain_equals(expression)) return;
  const auto left = column_of(expression.lexpr);
  const auto right = column_of(expression.rexpr);
  const bool compares = expression.kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP;
  if (left && right) {
    if (compares) out.push_back({*left, {}, right});
    return;
  }
  if (left) {
    if (auto found = values(expression)) out.push_back({*left, std::move(*found), {}});
  } else if (right && compares) {
    if (const auto found = value(expression.lexpr)) out.push_back({*right, {*found}, {}});
  }
}

// What a column on the left is compared with.
std::optional<std::vector<ValueSource>> PredicateReader::values(const PgQuery__AExpr& expression) const {
  std::span<PgQuery__Node* const> items;
  const PgQuery__Node* const right = expression.rexpr;
  if (right == nullptr) return std::nullopt;
  if (expression.kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP) {
    items = std::span(&expression.rexpr, 1);
  } else if (expression.kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN &&
             right->node_case == PG_QUERY__NODE__NODE_LIST) {
    items = std::span(right->list->items, right->list->n_items);
  } else if (expression.kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY &&
             right->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR) {
    items = std::span(right->a_array_expr->elements, right->a_array_expr->n_elements);
  }
  if (items.empty() || items.size() > Pin::kRowsMax) return std::nullopt;
  std::vector<ValueSource> sources;
  for (const PgQuery__Node* item : items) {
    const auto source = value(item);
    if (!source || source->kind == ValueSource::Kind::kNull) return std::nullopt;
    sources.push_back(*source);
  }
  return sources;
}

// A negative number's place is its sign's, where no literal begins; a cast is another node.
std::optional<ValueSource> PredicateReader::value(const PgQuery__Node* node) const {
  if (node == nullptr) return std::nullopt;
  if (node->node_case == PG_QUERY__NODE__NODE_PARAM_REF) {
    const std::int32_t number = node->param_ref->number;
    if (number <= 0 || static_cast<std::size_t>(number) > kParametersMax) return std::nullopt;
    return ValueSource{ValueSource::Kind::kParameter, false, static_cast<std::uint16_t>(number)};
  }
  if (node->node_case != PG_QUERY__NODE__NODE_A_CONST) return std::nullopt;
  const PgQuery__AConst& constant = *node->a_const;
  if (constant.isnull != 0) return ValueSource{ValueSource::Kind::kNull, false, 0};
  const Literal* const literal = literal_at(constant.location);
  if (literal == nullptr) return std::nullopt;
  return ValueSource{ValueSource::Kind::kLiteral, false,
                     static_cast<std::uint16_t>(literal - literals_.data())};
}

const Literal* PredicateReader::literal_at(int location) const {
  if (location < 0) return nullptr;
  const auto place = static_cast<std::size_t>(location);
  const auto found = std::ranges::lower_bound(literals_, place, {}, &Literal::begin);
  return found != literals_.end() && found->begin == place ? &*found : nullptr;
}

std::vector<Assignment> PredicateReader::assignments(std::span<PgQuery__Node* const> targets) const {
  std::vector<Assignment> result;
  for (const PgQuery__Node* node : targets) {
    if (node->node_case != PG_QUERY__NODE__NODE_RES_TARGET) continue;  // does not occur
    const PgQuery__ResTarget& target = *node->res_target;
    result.push_back({text_of(target.name), target.n_indirection == 0 ? value(target.val) : std::nullopt});
  }
  return result;
}

Predicates PredicateReader::finish() {
  out_.complete = !overflow_ && relations_ == placed_;
  if (overflow_) out_.change.reset();
  return std::move(out_);
}

}  // namespace pgweir::query
