// From libpg_query's tree to the facts in Statement. Internal to syntax.cc.
#pragma once

#include <pg_query.pb-c.h>

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/predicate_reader.h"
#include "query/syntax.h"

namespace pgweir::query {

// Walks one statement. A message whose descriptor has no handler is unsupported; most handlers
// only note something and visit every child, so that no field is forgotten.
class Reducer {
 public:
  // literals: of the text that was parsed; they must outlive this.
  explicit Reducer(std::span<const Literal> literals) : predicates_(literals) {}
  Statement reduce(const PgQuery__Node& statement);

 private:
  using Handler = void (Reducer::*)(const ProtobufCMessage&);
  static Handler handler_of(const ProtobufCMessageDescriptor* descriptor);

  void visit(const ProtobufCMessage* message);
  void visit_children(const ProtobufCMessage& message, std::span<const void* const> except = {});
  void visit_nodes(std::size_t count, PgQuery__Node* const* nodes);
  void unsupported(std::string_view what);
  void refused(std::string_view what);

  // Handlers.
  void leaf(const ProtobufCMessage&) {}
  void children(const ProtobufCMessage& message) { visit_children(message); }
  void node(const ProtobufCMessage& message);
  void range_var(const ProtobufCMessage& message);
  void select(const ProtobufCMessage& message);
  void insert(const ProtobufCMessage& message);
  void update(const ProtobufCMessage& message);
  void remove(const ProtobufCMessage& message);
  void merge(const ProtobufCMessage& message);
  void join(const ProtobufCMessage& message);
  void expression(const ProtobufCMessage& message);
  void sublink(const ProtobufCMessage& message);
  void case_of(const ProtobufCMessage& message);
  void function_call(const ProtobufCMessage& message);
  void column(const ProtobufCMessage& message);
  void indirection(const ProtobufCMessage& message);
  void cast(const ProtobufCMessage& message);
  void column_definition(const ProtobufCMessage& message);
  void sort_by(const ProtobufCMessage& message);
  void cycle(const ProtobufCMessage& message);
  void value_function(const ProtobufCMessage& message);
  void locking(const ProtobufCMessage& message);
  void sample(const ProtobufCMessage& message);
  void xml(const ProtobufCMessage& message);
  void type_name(const ProtobufCMessage& message);
  void parameter(const ProtobufCMessage& message);
  void into(const ProtobufCMessage& message);

  // Utility statements.
  void utility(const PgQuery__Node& statement);
  void explain(const PgQuery__ExplainStmt& statement);
  void copy(const PgQuery__CopyStmt& statement);
  void truncate(const PgQuery__TruncateStmt& statement);
  void set(const PgQuery__VariableSetStmt& statement);
  void transaction(const PgQuery__TransactionStmt& statement);

  bool sets_no_names(const PgQuery__FuncCall& call) const;

  // WITH: opens a scope and walks its queries. Pair with close_scope().
  void open_scope(const PgQuery__WithClause* with);
  void close_scope() { scopes_.pop_back(); }
  bool is_cte(std::string_view name) const;
  PredicateReader::IsCte cte_test() const {
    return [this](std::string_view name) { return is_cte(name); };
  }

  void add_write(WriteKind kind, const PgQuery__RangeVar* relation);
  void add_operator(std::size_t count, PgQuery__Node* const* name, bool untyped);
  void add_operator(std::string_view name, bool untyped) {
    operators_.insert({{{}, std::string(name)}, untyped});
  }
  void add_type(const PgQuery__TypeName* type, CastUse::Argument argument);
  CastUse::Argument argument_kind(const PgQuery__Node* argument) const;

  Statement out_;
  PredicateReader predicates_;
  std::set<std::pair<Name, bool>> reads_;  // and whether another database is named
  std::set<Name> functions_;
  std::set<Name> fields_;
  std::set<OperatorUse> operators_;
  std::set<std::pair<Name, CastUse::Argument>> casts_;
  std::vector<std::vector<std::string_view>> scopes_;
  int depth_ = 0;
};

}  // namespace pgweir::query
