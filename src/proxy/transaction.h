// What the session's transaction has done so far, as far as the cache must know.
#pragma once

#include <vector>

#include "cache/generations.h"
#include "proxy/catalog_keeper.h"
#include "query/statement.h"

namespace pgweir::proxy {

// One session's, on its worker's thread.
class Transaction {
 public:
  // As ReadyForQuery told it last: 'I' idle, 'T' in a block, 'E' in a failed block.
  char status() const { return status_; }
  // No statement since the session was idle has written or changed the snapshot rules.
  bool only_read() const { return only_read_; }
  bool has_changed_catalog() const { return changed_catalog_; }

  // A statement is about to be sent. True: it is more than a read, so the group it is in must hold
  // what the transaction may have touched (see slots).
  // in_doubt: the verdict is by a catalog that may not be true, and may be wrong about what it reads.
  bool sent(const query::Verdict& verdict, DatabaseCatalog& database, bool in_doubt);
  // All that may have been written; what COMMIT will make visible.
  const std::vector<cache::Slot>& slots() const { return slots_; }
  // ReadyForQuery. idle: nothing else is on its way to the server.
  void ready(char status, bool idle);

 private:
  static constexpr std::size_t kSlotsMax = 256;  // more: everything
  void write(const query::Effects& effects, DatabaseCatalog& database);

  char status_ = 'I';
  bool only_read_ = true;
  bool changed_catalog_ = false;
  bool everything_ = false;
  std::vector<cache::Slot> slots_;
};

}  // namespace pgweir::proxy
