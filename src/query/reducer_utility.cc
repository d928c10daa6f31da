// Statements that are not queries, and the order of one reduction.
#include <algorithm>
#include <array>

#include "query/reducer.h"
#include "query/scan.h"

namespace pgweir::query {
namespace {

std::string_view text_of(const char* s) { return s == nullptr ? std::string_view{} : std::string_view(s); }

const char* node_name(const PgQuery__Node& node) {
  if (node.node_case == PG_QUERY__NODE__NODE__NOT_SET) return "empty";
  return reinterpret_cast<const ProtobufCMessage*>(node.alias)->descriptor->short_name;
}

std::string lower_of(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

// Settings that SET names like any other but that belong to the transaction.
bool is_transaction_setting(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "transaction_isolation",         "transaction_read_only",         "transaction_deferrable",
      "default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable"};
  return std::ranges::find(kNames, lower_of(name)) != kNames.end();
}

// Statements of which only the kind matters.
StatementKind kind_without_tree(const PgQuery__Node& statement) {
  using enum StatementKind;
  switch (statement.node_case) {
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
      return kShow;
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
      return kDiscard;
    case PG_QUERY__NODE__NODE_FETCH_STMT:
      return kFetch;
    case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
      return kCloseCursor;
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
      return kPrepare;
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
      return kDeallocate;
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
      return kExecute;
    case PG_QUERY__NODE__NODE_CALL_STMT:
    case PG_QUERY__NODE__NODE_DO_STMT:
      return kCall;
    case PG_QUERY__NODE__NODE_NOTIFY_STMT:
    case PG_QUERY__NODE__NODE_LISTEN_STMT:
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
      return kNotify;
    case PG_QUERY__NODE__NODE_LOCK_STMT:
      return kLock;
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
    case PG_QUERY__NODE__NODE_CLUSTER_STMT:
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
    case PG_QUERY__NODE__NODE_CHECK_POINT_STMT:
      return kMaintenance;
    default:
      return kDdl;
  }
}

}  // namespace

void Reducer::explain(const PgQuery__ExplainStmt& statement) {
  // Any ANALYZE counts: its value may be a constant, and constants leave no trace in a Syntax.
  bool analyze = false;
  for (std::size_t i = 0; i < statement.n_options; ++i) {
    const PgQuery__Node& option = *statement.options[i];
    if (option.node_case != PG_QUERY__NODE__NODE_DEF_ELEM) return unsupported("EXPLAIN option");
    analyze = analyze || text_of(option.def_elem->defname) == "analyze";
  }
  if (statement.query == nullptr) return unsupported("ExplainStmt");
  utility(*statement.query);
  if (out_.kind == StatementKind::kDdl) out_.creates_table = true;  // CREATE TABLE AS
  if (out_.kind == StatementKind::kExecute) unsupported("EXPLAIN EXECUTE");
  out_.kind = analyze ? StatementKind::kExplainAnalyze : StatementKind::kExplain;
}

void Reducer::copy(const PgQuery__CopyStmt& statement) {
  if (statement.is_program != 0) unsupported("COPY PROGRAM");
  out_.kind = statement.is_from != 0 ? StatementKind::kWrite : StatementKind::kCopyTo;
  if (statement.is_from != 0) {
    add_write(WriteKind::kInsert, statement.relation);
  } else if (statement.relation != nullptr) {
    visit(&statement.relation->base);
  }
  if (statement.query != nullptr) visit(&statement.query->base);
  if (statement.where_clause != nullptr) visit(&statement.where_clause->base);
}

void Reducer::truncate(const PgQuery__TruncateStmt& statement) {
  out_.kind = StatementKind::kWrite;
  const bool cascade = statement.behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
  for (std::size_t i = 0; i < statement.n_relations; ++i) {
    const PgQuery__Node& relation = *statement.relations[i];
    if (relation.node_case != PG_QUERY__NODE__NODE_RANGE_VAR) return unsupported("TruncateStmt");
    add_write(cascade ? WriteKind::kTruncateCascade : WriteKind::kTruncate, relation.range_var);
  }
}

// A call of set_config() names a setting that nothing depends on but keys. Only a plain string tells: texts
// with another in its place have another shape.
bool Reducer::sets_no_names(const PgQuery__FuncCall& call) const {
  if (call.n_args == 0 || call.args[0]->node_case != PG_QUERY__NODE__NODE_A_CONST) return false;
  const Literal* const literal = predicates_.literal_at(call.args[0]->a_const->location);
  const auto name = literal != nullptr ? string_value(*literal) : std::nullopt;
  return name && !says_what_names_mean(*name);
}

void Reducer::set(const PgQuery__VariableSetStmt& statement) {
  const bool modes = statement.kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI;
  const bool transaction = modes || is_transaction_setting(text_of(statement.name)) ||
                           statement.kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
  out_.kind = transaction ? StatementKind::kSetTransaction : StatementKind::kSet;
  out_.sets_names = statement.kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL ||
                    says_what_names_mean(text_of(statement.name));
  if (transaction) out_.transaction = TransactionControl::kBeginWithOptions;
}

void Reducer::transaction(const PgQuery__TransactionStmt& statement) {
  out_.kind = StatementKind::kTransaction;
  switch (statement.kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
      out_.transaction =
          statement.n_options == 0 ? TransactionControl::kBegin : TransactionControl::kBeginWithOptions;
      return;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
      out_.transaction = TransactionControl::kCommit;
      return;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
      out_.transaction = TransactionControl::kRollback;
      return;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
      out_.transaction = TransactionControl::kSavepoint;
      return;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
      out_.transaction = TransactionControl::kPrepare;
      return;
    default:
      out_.transaction = TransactionControl::kOther;
  }
}

void Reducer::utility(const PgQuery__Node& statement) {
  using enum StatementKind;
  switch (statement.node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
      out_.kind = kSelect;
      return visit(&statement.base);
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
      out_.kind = kWrite;
      return visit(&statement.base);
    case PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT:
      out_.kind = kWrite;
      return add_write(WriteKind::kRefresh, statement.refresh_mat_view_stmt->relation);
    case PG_QUERY__NODE__NODE_COPY_STMT:
      return copy(*statement.copy_stmt);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
      return truncate(*statement.truncate_stmt);
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
      return explain(*statement.explain_stmt);
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
      return set(*statement.variable_set_stmt);
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
      return transaction(*statement.transaction_stmt);
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
      if (statement.declare_cursor_stmt->query == nullptr) return unsupported("DeclareCursorStmt");
      visit(&statement.declare_cursor_stmt->query->base);
      out_.kind = kDeclareCursor;
      return;
    default:
      out_.kind = kind_without_tree(statement);
  }
}

Statement Reducer::reduce(const PgQuery__Node& statement) {
  out_.tag = node_name(statement);
  utility(statement);
  for (const auto& [name, other_database] : reads_) out_.reads.push_back({name, other_database});
  out_.functions.assign(functions_.begin(), functions_.end());
  out_.fields.assign(fields_.begin(), fields_.end());
  out_.operators.assign(operators_.begin(), operators_.end());
  for (const auto& [type, argument] : casts_) out_.casts.push_back({type, argument});
  out_.predicates = predicates_.finish();
  return std::move(out_);
}

}  // namespace pgweir::query
