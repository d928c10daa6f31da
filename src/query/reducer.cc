#include "query/reducer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

namespace pgweir::query {
namespace {

// Messages, not SQL brackets; the text was bounded before it was parsed.
constexpr int kDepthMax = 20'000;

template <class T>
const T& as(const ProtobufCMessage& message) {
  // Sound: the handler table pairs each descriptor with the handler of its generated struct, whose
  // first member is the ProtobufCMessage.
  return reinterpret_cast<const T&>(message);
}

std::string_view text_of(const char* s) { return s == nullptr ? std::string_view{} : std::string_view(s); }

std::optional<std::string_view> string_of(const PgQuery__Node* node) {
  if (node == nullptr || node->node_case != PG_QUERY__NODE__NODE_STRING) return std::nullopt;
  return text_of(node->string->sval);
}

// a or s.a; nullopt: something longer or not a name.
std::optional<Name> name_of(std::size_t count, PgQuery__Node* const* parts) {
  if (count == 0 || count > 2) return std::nullopt;
  const auto first = string_of(parts[0]);
  const auto last = string_of(parts[count - 1]);
  if (!first || !last) return std::nullopt;
  return Name{count == 2 ? std::string(*first) : std::string(), std::string(*last)};
}

// Columns whose value changes though nobody changed the row.
bool is_system_column(std::string_view name) {
  return name == "ctid" || name == "xmin" || name == "xmax" || name == "cmin" || name == "cmax";
}

// PostgreSQL may have to guess the operand's type.
bool is_untyped(const PgQuery__Node* operand) {
  if (operand == nullptr) return false;  // a prefix operator has no left one
  switch (operand->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
    case PG_QUERY__NODE__NODE_FUNC_CALL:
    case PG_QUERY__NODE__NODE_TYPE_CAST:
    case PG_QUERY__NODE__NODE_A_EXPR:
      return false;
    case PG_QUERY__NODE__NODE_A_CONST:
      return operand->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL &&
             operand->a_const->val_case != PG_QUERY__A__CONST__VAL_FVAL;
    case PG_QUERY__NODE__NODE_LIST:
      return std::ranges::any_of(std::span(operand->list->items, operand->list->n_items), is_untyped);
    default:
      return true;
  }
}

const void* address(const void* p) { return p; }

template <class Range>
bool contains(const Range& range, std::string_view name) {
  return std::ranges::find(range, name) != range.end();
}

}  // namespace

void Reducer::unsupported(std::string_view what) {
  if (out_.unsupported.empty()) out_.unsupported = what;
}

void Reducer::refused(std::string_view what) {
  if (out_.refused.empty()) out_.refused = what;
}

void Reducer::visit(const ProtobufCMessage* message) {
  if (message == nullptr) return;
  if (depth_ >= kDepthMax) return unsupported("nesting");
  const Handler handler = handler_of(message->descriptor);
  if (handler == nullptr) return unsupported(message->descriptor->short_name);
  ++depth_;
  (this->*handler)(*message);
  --depth_;
}

void Reducer::visit_nodes(std::size_t count, PgQuery__Node* const* nodes) {
  for (std::size_t i = 0; i < count; ++i) visit(&nodes[i]->base);
}

// Every field that is a message or a list of them, but for those whose address is in `except`.
void Reducer::visit_children(const ProtobufCMessage& message, std::span<const void* const> except) {
  const char* const base = reinterpret_cast<const char*>(&message);
  for (unsigned i = 0; i < message.descriptor->n_fields; ++i) {
    const ProtobufCFieldDescriptor& field = message.descriptor->fields[i];
    if (field.type != PROTOBUF_C_TYPE_MESSAGE) continue;
    const bool oneof = (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (oneof && *reinterpret_cast<const std::uint32_t*>(base + field.quantifier_offset) != field.id)
      continue;
    const void* const slot = base + field.offset;
    if (field.label == PROTOBUF_C_LABEL_REPEATED) {
      const auto* const* list = *static_cast<const ProtobufCMessage* const* const*>(slot);
      if (std::ranges::find(except, list) != except.end()) continue;
      const auto count = *reinterpret_cast<const std::size_t*>(base + field.quantifier_offset);
      for (std::size_t k = 0; k < count; ++k) visit(list[k]);
    } else {
      const auto* const child = *static_cast<const ProtobufCMessage* const*>(slot);
      if (child == nullptr || std::ranges::find(except, child) != except.end()) continue;
      visit(child);
    }
  }
}

void Reducer::node(const ProtobufCMessage& message) {
  // All members of the union are pointers to messages.
  if (as<PgQuery__Node>(message).node_case != PG_QUERY__NODE__NODE__NOT_SET) {
    visit(reinterpret_cast<const ProtobufCMessage*>(as<PgQuery__Node>(message).alias));
  }
}

bool Reducer::is_cte(std::string_view name) const {
  return std::ranges::any_of(scopes_, [name](const auto& scope) { return contains(scope, name); });
}

void Reducer::range_var(const ProtobufCMessage& message) {
  const auto& relation = as<PgQuery__RangeVar>(message);
  const Name name{std::string(text_of(relation.schemaname)), std::string(text_of(relation.relname))};
  const bool other_database = !text_of(relation.catalogname).empty();
  if (name.schema.empty() && is_cte(name.name)) return;
  predicates_.count_relation();
  reads_.emplace(name, other_database);
}

void Reducer::open_scope(const PgQuery__WithClause* with) {
  scopes_.emplace_back();
  if (with == nullptr) return;
  const auto queries = std::span(with->ctes, with->n_ctes);
  for (const PgQuery__Node* query : queries) {
    if (query->node_case != PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR) return unsupported("WithClause");
    if (with->recursive != 0) scopes_.back().push_back(text_of(query->common_table_expr->ctename));
  }
  for (const PgQuery__Node* query : queries) {
    const PgQuery__CommonTableExpr& cte = *query->common_table_expr;
    if (cte.ctequery != nullptr && cte.ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
      out_.data_modifying_cte = true;
    }
    visit_children(cte.base);
    // Without RECURSIVE a query sees its elder siblings only, and its own name is an outer one.
    if (with->recursive == 0) scopes_.back().push_back(text_of(cte.ctename));
  }
}

void Reducer::select(const ProtobufCMessage& message) {
  const auto& statement = as<PgQuery__SelectStmt>(message);
  open_scope(statement.with_clause);
  predicates_.select(statement, cte_test());
  visit_children(message, std::array{address(statement.with_clause)});
  close_scope();
}

void Reducer::add_write(WriteKind kind, const PgQuery__RangeVar* relation) {
  if (relation == nullptr) return unsupported("target");
  // A CTE is never a target: the name means the table even where a CTE shadows it.
  out_.writes.push_back(
      {kind,
       {{std::string(text_of(relation->schemaname)), std::string(text_of(relation->relname))},
        !text_of(relation->catalogname).empty()}});
}

void Reducer::insert(const ProtobufCMessage& message) {
  const auto& statement = as<PgQuery__InsertStmt>(message);
  open_scope(statement.with_clause);
  add_write(WriteKind::kInsert, statement.relation);
  predicates_.insert(statement);
  const auto* const conflict = statement.on_conflict_clause;
  if (conflict != nullptr && conflict->action != PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_NOTHING) {
    add_write(WriteKind::kUpdate, statement.relation);
  }
  visit_children(message, std::array{address(statement.with_clause), address(statement.relation)});
  close_scope();
}

void Reducer::update(const ProtobufCMessage& message) {
  const auto& statement = as<PgQuery__UpdateStmt>(message);
  open_scope(statement.with_clause);
  add_write(WriteKind::kUpdate, statement.relation);
  predicates_.update(statement, cte_test());
  visit_children(message, std::array{address(statement.with_clause), address(statement.relation)});
  close_scope();
}

void Reducer::remove(const ProtobufCMessage& message) {
  const auto& statement = as<PgQuery__DeleteStmt>(message);
  open_scope(statement.with_clause);
  add_write(WriteKind::kDelete, statement.relation);
  predicates_.remove(statement, cte_test());
  visit_children(message, std::array{address(statement.with_clause), address(statement.relation)});
  close_scope();
}

void Reducer::merge(const ProtobufCMessage& message) {
  const auto& statement = as<PgQuery__MergeStmt>(message);
  open_scope(statement.with_clause);
  add_write(WriteKind::kMerge, statement.relation);
  visit_children(message, std::array{address(statement.with_clause), address(statement.relation)});
  close_scope();
}

void Reducer::join(const ProtobufCMessage& message) {
  const auto& join = as<PgQuery__JoinExpr>(message);
  if (join.is_natural != 0 || join.n_using_clause != 0) add_operator("=", false);
  visit_children(message);
}

void Reducer::add_operator(std::size_t count, PgQuery__Node* const* name, bool untyped) {
  const auto operator_name = name_of(count, name);
  if (!operator_name) return unsupported("operator name");
  operators_.insert({*operator_name, untyped});
}

void Reducer::expression(const ProtobufCMessage& message) {
  const auto& expression = as<PgQuery__AExpr>(message);
  const bool untyped = is_untyped(expression.lexpr) || is_untyped(expression.rexpr);
  switch (expression.kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
      for (const char* name : {"<", "<=", ">", ">="}) add_operator(name, untyped);
      break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
      add_operator(expression.n_name, expression.name, untyped);
      break;
    default:
      unsupported("A_Expr");
  }
  visit_children(message);
}

void Reducer::sublink(const ProtobufCMessage& message) {
  const auto& link = as<PgQuery__SubLink>(message);
  if (link.n_oper_name != 0) {
    add_operator(link.n_oper_name, link.oper_name, true);
  } else if (link.testexpr != nullptr) {
    add_operator("=", true);  // IN (SELECT ...)
  }
  visit_children(message);
}

void Reducer::case_of(const ProtobufCMessage& message) {
  if (as<PgQuery__CaseExpr>(message).arg != nullptr) add_operator("=", true);
  visit_children(message);
}

void Reducer::function_call(const ProtobufCMessage& message) {
  const auto& call = as<PgQuery__FuncCall>(message);
  const auto name = name_of(call.n_funcname, call.funcname);
  if (name) {
    functions_.insert(*name);
    if (name->name == "set_config" && !sets_no_names(call)) out_.sets_names = true;
  } else {
    unsupported("function name");
  }
  visit_children(message);
}

void Reducer::column(const ProtobufCMessage& message) {
  const auto& reference = as<PgQuery__ColumnRef>(message);
  if (reference.n_fields == 0) return unsupported("ColumnRef");
  const auto last = string_of(reference.fields[reference.n_fields - 1]);
  if (!last) return;  // x.*
  if (is_system_column(*last)) refused(*last);
  if (reference.n_fields > 1) {
    fields_.insert(Name{{}, std::string(*last)});
  } else if (*last == "system_user") {
    out_.session_function = true;  // a keyword since PostgreSQL 16
  }
}

void Reducer::indirection(const ProtobufCMessage& message) {
  const auto& indirection = as<PgQuery__AIndirection>(message);
  for (std::size_t i = 0; i < indirection.n_indirection; ++i) {
    const auto field = string_of(indirection.indirection[i]);
    if (!field) continue;
    if (is_system_column(*field)) refused(*field);
    fields_.insert(Name{{}, std::string(*field)});
  }
  visit_children(message);
}

CastUse::Argument Reducer::argument_kind(const PgQuery__Node* argument) const {
  using enum CastUse::Argument;
  if (argument == nullptr) return kAnything;
  if (argument->node_case == PG_QUERY__NODE__NODE_PARAM_REF) return kConstant;
  if (argument->node_case == PG_QUERY__NODE__NODE_A_CONST) return kConstant;
  if (argument->node_case != PG_QUERY__NODE__NODE_TYPE_CAST) return kAnything;
  // A cast to one of these gives no text, whatever it was given.
  const PgQuery__TypeName* type = argument->type_cast->type_name;
  if (type == nullptr || type->n_array_bounds != 0 || type->pct_type != 0) return kAnything;
  const auto name = name_of(type->n_names, type->names);
  if (!name || name->schema != "pg_catalog") return kAnything;
  static constexpr std::array<std::string_view, 8> kNumbers = {"int2",   "int4",    "int8", "float4",
                                                               "float8", "numeric", "bool", "interval"};
  static constexpr std::array<std::string_view, 4> kTimes = {"date", "time", "timestamp", "timestamptz"};
  return contains(kNumbers, name->name) || contains(kTimes, name->name) ? kNotText : kAnything;
}

void Reducer::add_type(const PgQuery__TypeName* type, CastUse::Argument argument) {
  if (type == nullptr) return unsupported("TypeName");
  const auto name = name_of(type->n_names, type->names);
  if (!name || type->pct_type != 0 || type->setof != 0) return unsupported("type name");
  casts_.emplace(*name, argument);
  visit_nodes(type->n_typmods, type->typmods);
}

void Reducer::cast(const ProtobufCMessage& message) {
  const auto& cast = as<PgQuery__TypeCast>(message);
  add_type(cast.type_name, argument_kind(cast.arg));
  if (cast.arg != nullptr) visit(&cast.arg->base);
}

void Reducer::column_definition(const ProtobufCMessage& message) {
  const auto& definition = as<PgQuery__ColumnDef>(message);
  add_type(definition.type_name, CastUse::Argument::kAnything);
  visit_children(message, std::array{address(definition.type_name)});
}

void Reducer::sort_by(const ProtobufCMessage& message) {
  const auto& sort = as<PgQuery__SortBy>(message);
  if (sort.n_use_op != 0) add_operator(sort.n_use_op, sort.use_op, true);
  visit_children(message);
}

void Reducer::cycle(const ProtobufCMessage& message) {
  add_operator("=", true);
  add_operator("<>", true);
  visit_children(message);
}

void Reducer::value_function(const ProtobufCMessage& message) {
  switch (as<PgQuery__SQLValueFunction>(message).op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
      out_.session_function = true;
      return;
    default:
      out_.time_function = true;
  }
}

void Reducer::locking(const ProtobufCMessage&) { out_.locking = true; }

void Reducer::into(const ProtobufCMessage&) { out_.creates_table = true; }

void Reducer::xml(const ProtobufCMessage& message) {
  refused(message.descriptor->short_name);
  visit_children(message);
}

void Reducer::type_name(const ProtobufCMessage& message) {
  add_type(&as<PgQuery__TypeName>(message), CastUse::Argument::kAnything);
}

void Reducer::parameter(const ProtobufCMessage& message) {
  predicates_.count_parameter(as<PgQuery__ParamRef>(message).number);
}

void Reducer::sample(const ProtobufCMessage& message) {
  out_.tablesample = true;
  visit_children(message);
}

Reducer::Handler Reducer::handler_of(const ProtobufCMessageDescriptor* descriptor) {
  using R = Reducer;
  static const std::unordered_map<const ProtobufCMessageDescriptor*, Handler> kHandlers = {
      {&pg_query__node__descriptor, &R::node},
      {&pg_query__list__descriptor, &R::children},
      {&pg_query__integer__descriptor, &R::leaf},
      {&pg_query__float__descriptor, &R::leaf},
      {&pg_query__boolean__descriptor, &R::leaf},
      {&pg_query__string__descriptor, &R::leaf},
      {&pg_query__bit_string__descriptor, &R::leaf},
      {&pg_query__a__const__descriptor, &R::leaf},
      {&pg_query__a__star__descriptor, &R::leaf},
      {&pg_query__alias__descriptor, &R::leaf},
      {&pg_query__param_ref__descriptor, &R::parameter},
      {&pg_query__set_to_default__descriptor, &R::leaf},
      {&pg_query__current_of_expr__descriptor, &R::leaf},
      {&pg_query__select_stmt__descriptor, &R::select},
      {&pg_query__insert_stmt__descriptor, &R::insert},
      {&pg_query__update_stmt__descriptor, &R::update},
      {&pg_query__delete_stmt__descriptor, &R::remove},
      {&pg_query__merge_stmt__descriptor, &R::merge},
      {&pg_query__merge_when_clause__descriptor, &R::children},
      {&pg_query__on_conflict_clause__descriptor, &R::children},
      {&pg_query__infer_clause__descriptor, &R::children},
      {&pg_query__index_elem__descriptor, &R::children},
      {&pg_query__multi_assign_ref__descriptor, &R::children},
      {&pg_query__into_clause__descriptor, &R::into},
      {&pg_query__locking_clause__descriptor, &R::locking},
      {&pg_query__ctesearch_clause__descriptor, &R::leaf},
      {&pg_query__ctecycle_clause__descriptor, &R::cycle},
      {&pg_query__res_target__descriptor, &R::children},
      {&pg_query__sort_by__descriptor, &R::sort_by},
      {&pg_query__window_def__descriptor, &R::children},
      {&pg_query__grouping_set__descriptor, &R::children},
      {&pg_query__grouping_func__descriptor, &R::children},
      {&pg_query__range_var__descriptor, &R::range_var},
      {&pg_query__range_subselect__descriptor, &R::children},
      {&pg_query__range_function__descriptor, &R::children},
      {&pg_query__range_table_sample__descriptor, &R::sample},
      {&pg_query__column_def__descriptor, &R::column_definition},
      {&pg_query__join_expr__descriptor, &R::join},
      {&pg_query__column_ref__descriptor, &R::column},
      {&pg_query__a__expr__descriptor, &R::expression},
      {&pg_query__a__indices__descriptor, &R::children},
      {&pg_query__a__indirection__descriptor, &R::indirection},
      {&pg_query__a__array_expr__descriptor, &R::children},
      {&pg_query__func_call__descriptor, &R::function_call},
      {&pg_query__named_arg_expr__descriptor, &R::children},
      {&pg_query__type_cast__descriptor, &R::cast},
      {&pg_query__collate_clause__descriptor, &R::children},
      {&pg_query__bool_expr__descriptor, &R::children},
      {&pg_query__sub_link__descriptor, &R::sublink},
      {&pg_query__case_expr__descriptor, &R::case_of},
      {&pg_query__case_when__descriptor, &R::children},
      {&pg_query__row_expr__descriptor, &R::children},
      {&pg_query__coalesce_expr__descriptor, &R::children},
      {&pg_query__min_max_expr__descriptor, &R::children},
      {&pg_query__null_test__descriptor, &R::children},
      {&pg_query__boolean_test__descriptor, &R::children},
      {&pg_query__sqlvalue_function__descriptor, &R::value_function},
      {&pg_query__xml_expr__descriptor, &R::xml},
      {&pg_query__xml_serialize__descriptor, &R::xml},
      {&pg_query__range_table_func__descriptor, &R::xml},
      {&pg_query__range_table_func_col__descriptor, &R::children},
      {&pg_query__type_name__descriptor, &R::type_name},
  };
  const auto found = kHandlers.find(descriptor);
  return found == kHandlers.end() ? nullptr : found->second;
}

}  // namespace pgweir::query
