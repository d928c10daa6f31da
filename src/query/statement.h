// What a statement reads, writes and changes: the facts that decide whether its reply may come
// from the cache, and what it invalidates. No socket, no clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "query/pin.h"

namespace pgweir::query {

// Why a statement is passed through. Each is a label in metrics (reason_name) and has an entry in
// docs/cacheability.md. kNone: nothing speaks against caching.
enum class Reason : std::uint8_t {
  kNone,
  kNotRead,          // writes, DDL, session and utility statements
  kUnparsable,       // PostgreSQL's parser refuses it, or it is too long
  kUnsafeEncoding,   // client encoding or standard_conforming_strings changes how text is read
  kMultiStatement,   // several statements in one simple query
  kNoTable,          // reads no table: SELECT 1 is how pools ask whether the database lives
  kUnknownRelation,  // not in the catalog snapshot
  kSystemCatalog,
  kTempRelation,  // or the session has temporary objects that could shadow a name
  kUnloggedRelation,
  kForeignTable,
  kView,              // a view whose tree holds something uncacheable
  kMaterializedView,  // changes when it is refreshed
  kRowSecurity,
  kRewriteRule,       // a relation with rewrite rules
  kVolatileFunction,  // a built-in function that is not IMMUTABLE
  kUserFunction,      // a function or operator that is not built in, or a name it could capture
  kUserType,          // a type whose input or output runs code that is not built in
  kTimeLiteral,       // 'now', 'today' ... or a cast that could read one
  kTimeFunction,      // CURRENT_DATE and its kin
  kSessionFunction,   // current_user and its kin
  kLocking,           // FOR UPDATE / SHARE
  kDataModifyingCte,
  kTablesample,
  kSequence,
  kUnsupportedSyntax,  // a node the classifier does not know: in doubt, pass through
  kRule,               // a rule of the configuration says so
  kHint,               // a comment in its text says so
  kBadHint,            // a comment for pgweir that is not understood
};
std::string_view reason_name(Reason reason);  // "none", "not_read", ...
inline constexpr int kReasonCount = static_cast<int>(Reason::kBadHint) + 1;

enum class TransactionControl : std::uint8_t {
  kNone,
  kBegin,             // BEGIN / START TRANSACTION without options
  kBeginWithOptions,  // isolation level, READ ONLY, DEFERRABLE
  kCommit,            // COMMIT, END (also AND CHAIN)
  kRollback,          // ROLLBACK, ABORT
  kSavepoint,         // SAVEPOINT, RELEASE, ROLLBACK TO
  kPrepare,           // PREPARE TRANSACTION
  kOther,             // COMMIT/ROLLBACK PREPARED
};

// What running the statement may do besides returning rows.
struct Effects {
  bool writes_everything = false;  // the relations written cannot be told from text and catalog
  std::vector<Oid> writes;         // relations written, cascades included; sorted, unique
  // Which rows of some of them, before and after, as far as it can be told for a column set: by all pins
  // of the relation on that set together. Of a set without a pin nothing is known. Sorted by relation.
  std::vector<RelationPins> row_changes;
  bool changes_settings = false;  // SET, set_config, or may run users' code that does
  bool changes_names = false;     // and may so change what texts and names mean: search path, role, encoding
  bool changes_catalog = false;   // DDL, GRANT, roles, or code that may hold them: the snapshot is in doubt
  bool is_ddl = false;            // changes_catalog not only because code that runs may hold DDL
  bool may_commit = false;        // CALL, DO, ... may end a transaction inside
};

// A statement judged against one catalog snapshot and search path.
struct Verdict {
  Reason reason = Reason::kUnparsable;  // kNone: cacheable
  std::string detail;      // what in the statement: a function's or relation's name; may be empty
  std::vector<Oid> reads;  // every relation the reply depends on; sorted, unique; exact if cacheable
  // Of some of `reads`: the reply depends on these rows only. Sorted by relation; see dependencies.h.
  std::vector<RelationPins> pins;
  // The first of `reads` whose changes of rows the change stream does not tell; 0: none.
  Oid unfollowed = 0;
  Effects effects;
  // Of several statements the last that has one, but kBeginWithOptions wins; Effects::may_commit is
  // then set too. SET TRANSACTION and SET SESSION CHARACTERISTICS are kBeginWithOptions: what is left
  // of this transaction, or every later one, must not hit until the session is probed again.
  TransactionControl transaction = TransactionControl::kNone;
  // FETCH or MOVE: runs a portal that was opened before, so effects are unknown. A caller that knows
  // every portal of the transaction to come from harmless statements may take it as harmless.
  bool fetches_cursor = false;
  // PREPARE, DEALLOCATE, DISCARD, or unknown: prepared statements known from the protocol may be gone
  // and others may exist, all in one namespace.
  bool touches_prepared = false;
  // DROP, CREATE, ALTER DATABASE: PostgreSQL may want that nobody is connected to some database.
  bool wants_idle_databases = false;
  bool harmless =
      false;  // read-only with no effect on session or database: may precede hits in a transaction

  // What the configuration's rules and hint comments come to; judge() sets them for a single SELECT.
  static constexpr int kNoRule = -1;
  int rule = kNoRule;       // index of the one that applies, in Rules::list()
  base::Nanos ttl = 0;      // how long its reply may be kept; 0: cache.ttl
  bool accept_ttl = false;  // where its changes are not told, that alone bounds how old a reply may be
  // How long after its ttl a reply may answer while another asks; while changes are not told, after it was
  // asked for.
  base::Nanos stale_while_revalidate = 0;
  // How long after its ttl a reply may answer if PostgreSQL cannot.
  base::Nanos stale_if_error = 0;

  bool cacheable() const { return reason == Reason::kNone; }
  // Whether somebody said that a reply may be old, for a time.
  bool accepts_stale() const { return accept_ttl || stale_while_revalidate != 0; }
};

}  // namespace pgweir::query
