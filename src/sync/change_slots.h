// Which generation slots the changes of one transaction move: for each change its relation's, and those
// of the rows it names. Memory is bounded however large the transaction is: past a number of rows a
// relation counts as changed everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cache/generations.h"
#include "query/catalog.h"
#include "query/dependencies.h"
#include "sync/database_slots.h"
#include "sync/pgoutput.h"

namespace pgweir::sync {

// One stream's, on its follower's thread.
class ChangeSlots {
 public:
  static constexpr std::size_t kRowSlotsMax = 16384;  // of one relation in one transaction

  // catalog: the last snapshot of the database's catalog; may give null.
  ChangeSlots(DatabaseSlots slots, std::function<std::shared_ptr<const query::Catalog>()> catalog)
      : slots_(slots), catalog_source_(std::move(catalog)) {}

  const DatabaseSlots& slots() const { return slots_; }

  // What the stream says of a relation before its first change, and whenever that is another.
  void describe(const RelationDescription& relation);
  // A transaction begins.
  void begin();
  // False: the relation was never described.
  [[nodiscard]] bool add(const Change& change);
  void add_truncated(query::Oid relation);
  // Of all that was added since begin(): unique, in no order.
  std::vector<cache::Slot> take();
  // Names the catalog by which rows were named since begin(); 0: none.
  std::uint64_t layout() const { return catalog_ ? catalog_->version() : 0; }
  // The same of the catalog now.
  std::uint64_t current_layout() const;

 private:
  struct Changed {
    bool everywhere = false;
    std::unordered_set<cache::Slot> rows;
  };
  // A relation as the stream describes it, and which of the catalog's columns stand where in its rows.
  struct Described {
    std::vector<std::string> columns;
    std::vector<bool> in_identity;
    std::uint64_t layout = 0;            // of positions; 0: of none
    std::vector<std::size_t> positions;  // parallel to Relation::columns; kNowhere: not in the rows
  };
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  void find_columns(const query::Relation& relation, Described& described) const;
  void read_images(const Change& change, const Described& described);
  void add_everywhere(query::Oid relation, std::vector<cache::Slot>& out);

  const DatabaseSlots slots_;
  const std::function<std::shared_ptr<const query::Catalog>()> catalog_source_;
  std::shared_ptr<const query::Catalog> catalog_;  // for the transaction at hand
  std::unordered_map<query::Oid, Described> described_;
  std::unordered_map<query::Oid, Changed> changed_;
  // Of the change at hand; they keep their memory.
  std::vector<query::ColumnImage> before_, after_;
  std::vector<std::uint64_t> names_;
};

}  // namespace pgweir::sync
