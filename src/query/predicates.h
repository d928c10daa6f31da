// What a parse tree says about which rows matter: for each query level its FROM items and the equalities
// among the conjuncts of WHERE and ON; for a write its target and the values it gives. Names only; which
// columns they mean, and whether the equalities pin anything, is pinner.h's to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/pin.h"

namespace pgweir::query {

// A possibly qualified name. Empty schema: not qualified.
struct Name {
  std::string schema;
  std::string name;
  friend auto operator<=>(const Name&, const Name&) = default;
};

struct ColumnName {
  std::string table;  // alias or name of a FROM item; empty: not qualified
  std::string column;
};

// column = one of `values`, or column = other; with the operator written as a plain =, IN or = ANY.
struct Equality {
  ColumnName column;
  std::vector<ValueSource> values;
  std::optional<ColumnName> other;
};

struct FromItem {
  enum class Kind : std::uint8_t {
    kRelation,
    kOpaque,  // a subquery, a function, a WITH query, or a relation whose columns have other names
    kInner,
    kLeft,
    kRight,
    kFull,
  } kind = Kind::kOpaque;
  Name relation;         // kRelation
  std::string alias;     // what column names are qualified with; not for joins
  std::size_t left = 0;  // of a join: indexes into QueryLevel::items
  std::size_t right = 0;
  std::vector<Equality> on;

  bool is_join() const { return kind != Kind::kRelation && kind != Kind::kOpaque; }
};

// One SELECT, UPDATE or DELETE with its FROM list.
struct QueryLevel {
  std::vector<FromItem> items;
  std::vector<std::size_t> roots;  // the FROM list: indexes into items
  std::vector<Equality> where;
  std::vector<std::string> merged;  // columns of USING: without a table's name they mean no single column
  bool hidden = false;              // names may not mean what they seem: NATURAL, or a join with an alias
};

// A column that a write stores into; the value if it is a plain one.
struct Assignment {
  std::string column;
  std::optional<ValueSource> value;
};

// The rows that a statement's only write touches.
struct RowChange {
  static constexpr std::size_t kRowsMax = Pin::kRowsMax;

  // UPDATE, DELETE: the statement's level in `levels`, whose first item is the target.
  std::optional<std::size_t> level;
  std::vector<Assignment> assigned;  // by UPDATE, or by ON CONFLICT DO UPDATE
  // INSERT: the columns, all in order if there are none, and each row's values.
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<ValueSource>>> rows;
  bool updates_conflicting = false;           // ON CONFLICT DO UPDATE
  std::vector<std::string> conflict_columns;  // as named there; empty: not plainly
};

struct Predicates {
  std::vector<QueryLevel> levels;
  // Every relation read is an item of some level. If not, nothing can be pinned.
  bool complete = false;
  // How often each parameter stands in the statement; $1 first.
  std::vector<std::uint16_t> parameter_uses;
  std::optional<RowChange> change;

  std::size_t memory_bytes() const;
};

}  // namespace pgweir::query
