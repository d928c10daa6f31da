// What the session's transaction has done so far, as far as the cache must know.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/generations.h"
#include "proxy/catalog_keeper.h"
#include "proxy/fence.h"
#include "query/catalog.h"
#include "query/dependencies.h"
#include "query/statement.h"

namespace pgweir::proxy {

// A statement that is about to be sent.
struct Sending {
  const query::Verdict& verdict;
  // By which it was judged; null: it is there no more, or there was none.
  const query::Catalog* catalog = nullptr;
  query::Execution execution{};
  // The catalog may not be true, and the verdict wrong about what the statement reads.
  bool in_doubt = false;
};

// One session's, on its worker's thread.
class Transaction {
 public:
  // As ReadyForQuery told it last: 'I' idle, 'T' in a block, 'E' in a failed block.
  char status() const { return status_; }
  // No statement since the session was idle has written or changed the snapshot rules.
  bool only_read() const { return only_read_; }
  bool has_changed_catalog() const { return changed_catalog_; }
  bool may_have_written() const { return everything_ || !relations_.empty(); }

  // True: it is more than a read, so the group it is in needs a fence.
  bool sent(const Sending& statement, DatabaseCatalog& database);
  // Holds all that may have been written, which COMMIT will make visible; empty if there is nothing.
  Fence fence(DatabaseCatalog& database);
  // ReadyForQuery. idle: nothing else is on its way to the server.
  void ready(char status, bool idle);

 private:
  static constexpr std::size_t kRelationsMax = 256;  // more: everything
  static constexpr std::size_t kRowsMax = 256;       // more: all rows of the relations written

  void write(const Sending& statement, DatabaseCatalog& database);
  void name_all_rows(const query::Catalog& catalog, DatabaseCatalog& database);

  char status_ = 'I';
  bool only_read_ = true;
  bool changed_catalog_ = false;
  bool everything_ = false;
  std::vector<query::Oid> relations_;  // each once
  std::vector<std::uint64_t> rows_;    // names of rows; some may come twice
  std::uint64_t layout_ = 0;           // by which rows_ are named
  query::Names names_;                 // of the statement at hand; keeps its memory
};

}  // namespace pgweir::proxy
