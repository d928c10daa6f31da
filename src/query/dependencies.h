// From a verdict and the values of one execution to names of generations: what a reply depends on, and
// what a write or a change in the stream moves. Names of relations are their oids, names of rows and of
// all rows of a column set are hashes (row_name.h). Pure; any thread.
//
// The rule that makes a pin hold: whatever changes rows of a relation moves the relation's name and, for
// each of its column sets, the names of the rows it may have changed, before and after, or the set's any
// name. A pinned reply depends on its rows' names and that set's any name, any other on the relation's.
//
// Names mean something only among users of one catalog snapshot, since the column sets come with it:
// whoever changes to another must drop all that depends on the old one's names.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "query/catalog.h"
#include "query/statement.h"

namespace pgweir::query {

struct Parameter {
  Oid type = 0;  // as declared by Parse; 0: left to PostgreSQL
  bool binary = false;
  std::optional<std::string_view> value;  // none: NULL
};

// One execution of a statement.
struct Execution {
  std::string_view sql;                   // the text that was judged, or another of the same shape
  std::span<const Parameter> parameters;  // of Bind; empty for a simple query
  // Client and server encoding are UTF8. If not, only values in ASCII are used.
  bool utf8 = false;
};

// Each name at most once, in no order.
struct Names {
  std::vector<Oid> relations;
  std::vector<std::uint64_t> rows;

  void clear() {
    relations.clear();
    rows.clear();
  }
};

// What the reply depends on, besides everything(). REQUIRES: the verdict is cacheable.
void read_names(const Verdict& verdict, const Execution& execution, const base::HashSecret& secret,
                Names& out);

// What the statement may change. REQUIRES: its effects do not write everything, and `catalog` is the one
// it was judged by.
void write_names(const Verdict& verdict, const Catalog& catalog, const Execution& execution,
                 const base::HashSecret& secret, Names& out);

// The relation's own name apart: the any names of all its column sets, for a change of rows unknown.
void append_any_names(const Relation& relation, const base::HashSecret& secret,
                      std::vector<std::uint64_t>& out);

// What is known of one column of a row that changed.
struct ColumnImage {
  enum class Kind : std::uint8_t { kUnknown, kNull, kText } kind = Kind::kUnknown;
  std::string_view text;  // as the type's output function gives it, in UTF-8
};

// For the change stream: appends the names of one changed row, the relation's own apart, as it was and
// as it is. Both are parallel to relation.columns; an empty one: there was, or is, no such row. An
// unchanged TOAST value is kUnknown in the new row unless it is known from the old; an update that gives
// no old row left the columns with Column::identity as they are in the new.
void append_change_names(const Relation& relation, std::span<const ColumnImage> before,
                         std::span<const ColumnImage> after, const base::HashSecret& secret,
                         std::vector<std::uint64_t>& out);

}  // namespace pgweir::query
