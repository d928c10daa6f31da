// One statement's tree against a catalog: what it reads, what speaks against caching it, and what
// evaluating its expressions may do. The statement's own writes are judge.cc's.
#pragma once

#include <set>
#include <string>

#include "query/catalog.h"
#include "query/rules.h"
#include "query/statement.h"
#include "query/syntax.h"

namespace pgweir::query {

struct Assessment {
  Reason reason = Reason::kNone;  // the first found
  std::string detail;
  std::set<Oid> reads;
  std::set<Oid> unseen_reads;     // read by views too, where the statement's own tree does not show it
  bool row_security = false;      // policies may read anything as well
  bool equality_added = false;    // "=" may mean an operator that is not built in
  bool runs_code = false;         // may run code that may do anything
  bool unknown_relation = false;  // temporary, or newer than the snapshot: may be a view that does anything
  bool changes_settings = false;  // calls set_config()
  bool changes_state = false;     // sequences, locks, notifications
};

// Any thread. lifts: what does not count as a reason here.
Assessment assess(const Statement& statement, const Catalog& catalog, const SearchPath& path, bool time_word,
                  const Lifts& lifts = {});

}  // namespace pgweir::query
