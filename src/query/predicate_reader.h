// From libpg_query's tree to Predicates. Internal to the reduction.
#pragma once

#include <pg_query.pb-c.h>

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "query/literals.h"
#include "query/predicates.h"

namespace pgweir::query {

// One statement's, on its reduction's stack.
class PredicateReader {
 public:
  // literals: all of the text that was parsed; they must outlive this.
  explicit PredicateReader(std::span<const Literal> literals) : literals_(literals) {}

  // Each of these is called with the WITH queries in scope that the statement sees; is_cte tells them.
  using IsCte = std::function<bool(std::string_view)>;
  void select(const PgQuery__SelectStmt& statement, const IsCte& is_cte);
  void update(const PgQuery__UpdateStmt& statement, const IsCte& is_cte);
  void remove(const PgQuery__DeleteStmt& statement, const IsCte& is_cte);
  void insert(const PgQuery__InsertStmt& statement);

  // A relation is read, wherever it stands.
  void count_relation() { ++relations_; }
  void count_parameter(std::int32_t number);

  // The literal that begins at a node's location; null: none does.
  const Literal* literal_at(int location) const;

  Predicates finish();

 private:
  static constexpr std::size_t kLevelsMax = 64;
  static constexpr std::size_t kParametersMax = 1024;
  static constexpr int kJoinDepthMax = 64;
  static constexpr std::size_t kConjunctsMax = 64;  // of one WHERE or ON

  QueryLevel* open_level(const PgQuery__RangeVar* target);
  void from(QueryLevel& level, std::span<PgQuery__Node* const> items, const IsCte& is_cte);
  std::size_t from_item(QueryLevel& level, const PgQuery__Node& node, const IsCte& is_cte);
  std::size_t relation(QueryLevel& level, const PgQuery__RangeVar& relation, const IsCte& is_cte);
  std::size_t join(QueryLevel& level, const PgQuery__JoinExpr& join, const IsCte& is_cte);
  void conjuncts(const PgQuery__Node* condition, std::vector<Equality>& out) const;
  void equality(const PgQuery__AExpr& expression, std::vector<Equality>& out) const;
  std::optional<std::vector<ValueSource>> values(const PgQuery__AExpr& expression) const;
  std::optional<ValueSource> value(const PgQuery__Node* node) const;
  std::vector<Assignment> assignments(std::span<PgQuery__Node* const> targets) const;

  std::span<const Literal> literals_;
  Predicates out_;
  std::size_t relations_ = 0;
  std::size_t placed_ = 0;  // of those, items of a level
  int join_depth_ = 0;
  bool overflow_ = false;
};

}  // namespace pgweir::query
