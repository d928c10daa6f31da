// The order of catalog_queries(), for the builder.
#pragma once

#include <cstddef>

namespace pgweir::query {

enum class CatalogQuery : std::size_t {
  kRelations,    // oid, schema, name, kind, persistence, system, row security, rules,
                 // replica identity, followed_by
  kInheritance,  // parent, child
  kViews,        // oid, definition
  kTypes,        // oid, schema, name, typtype, element, base, relation, code
  kColumnTypes,  // relation, type; only types that need a look
  kFunctions,    // name, worst built-in (0 none, 1 i, 2 s, 3 v), user: captures, on user types, takes row,
                 // effects
  kOperators,    // name, worst built-in, user: on built-in types, mixed, on user types, effects
  kCasts,        // source, target, context, user function, from row, effects
  kCode,         // how, oid
  kStoredCalls,  // how, oid, function name
  kForeignKeys,  // referenced, referencing, on delete, on update
  kIndexes,      // two kinds of rows:
                 // 'c', relation, attnum, name, type, position: an indexed column of a canonical type
  // 'i', relation, key attnums, flags, '', '': an index; flags are letters as in kIndexes's SQL
  kOverloads,  // schema, name, argument types
};

inline constexpr std::size_t kCatalogQueryCount = 13;

}  // namespace pgweir::query
