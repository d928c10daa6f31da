// From a relation's indexes to its column sets. Internal to the catalog.
#pragma once

#include <string_view>
#include <vector>

#include "query/catalog.h"

namespace pgweir::query {

struct Index {
  std::vector<Attnum> keys;  // 0: an expression
  bool unique = false;
  bool primary = false;
  bool all_rows = false;   // not partial
  bool immediate = false;  // not deferrable
  bool replica_identity = false;
  bool builtin = false;  // its operator classes are built in, its collations deterministic
};

// As CatalogQuery::kIndexes gives them. What cannot be read ends the list of keys.
Index read_index(std::string_view keys, std::string_view flags);

// Sets relation.column_sets, and relation.columns to those in them. REQUIRES: relation.columns are all
// that rows can be pinned by.
void add_column_sets(const std::vector<Index>& indexes, Relation& relation);

}  // namespace pgweir::query
