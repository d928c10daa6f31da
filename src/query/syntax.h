// What a text says, before any catalog is asked: PostgreSQL's own parse tree (libpg_query 15)
// reduced to the names it uses and the constructs that speak against caching. A node type that the
// reduction does not know marks the statement as unsupported, never as harmless.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/predicates.h"
#include "query/statement.h"

namespace pgweir::query {

enum class StatementKind : std::uint8_t {
  kSelect,   // SELECT, VALUES, TABLE, with or without data-modifying CTEs
  kWrite,    // INSERT, UPDATE, DELETE, MERGE, COPY FROM, TRUNCATE, REFRESH MATERIALIZED VIEW
  kCopyTo,   // COPY ... TO
  kExplain,  // EXPLAIN without ANALYZE
  kExplainAnalyze,
  kShow,
  kSet,             // SET, RESET of anything but transaction modes
  kSetTransaction,  // SET TRANSACTION, SET SESSION CHARACTERISTICS, SET transaction_isolation ...
  kDiscard,
  kTransaction,
  kDeclareCursor,
  kFetch,  // FETCH, MOVE
  kCloseCursor,
  kPrepare,  // PREPARE name AS ...
  kDeallocate,
  kExecute,
  kCall,    // CALL, DO
  kNotify,  // LISTEN, UNLISTEN, NOTIFY
  kLock,
  kMaintenance,  // VACUUM, ANALYZE, CLUSTER, REINDEX, CHECKPOINT
  kDdl,          // everything else, known or not
};

struct RelationUse {
  Name name;
  bool other_database = false;  // database.schema.name: left to PostgreSQL
};

enum class WriteKind : std::uint8_t {
  kInsert,
  kUpdate,
  kDelete,
  kMerge,
  kTruncate,
  kTruncateCascade,
  kRefresh
};

struct WriteUse {
  WriteKind kind;
  RelationUse relation;
};

// A cast, and what is known of its argument without types.
struct CastUse {
  Name type;
  enum class Argument : std::uint8_t { kConstant, kNotText, kAnything } argument;
};

struct OperatorUse {
  Name name;
  bool untyped = false;  // an operand may be a string constant, NULL or a parameter, whose type is a guess
  friend auto operator<=>(const OperatorUse&, const OperatorUse&) = default;
};

// One statement; each list holds each name once.
struct Statement {
  StatementKind kind = StatementKind::kDdl;
  std::string tag;  // for people: the node's name, such as "SelectStmt"

  std::vector<RelationUse> reads;  // names that stand for relations: CTEs in scope are left out
  std::vector<WriteUse> writes;
  std::vector<Name> functions;         // called, also implicitly (SIMILAR TO, OVERLAPS, AT TIME ZONE)
  std::vector<Name> fields;            // x.f: a column f, or a function f called on x
  std::vector<OperatorUse> operators;  // also implicit: "=" of IN, CASE x WHEN, USING
  std::vector<CastUse> casts;
  std::string unsupported;  // first construct that is not understood, its effects included; empty: none
  std::string refused;      // first construct that is understood but never cached; empty: none

  bool time_function = false;     // CURRENT_DATE and its kin
  bool session_function = false;  // CURRENT_USER and its kin
  bool locking = false;           // FOR UPDATE / SHARE
  bool tablesample = false;
  bool data_modifying_cte = false;
  bool creates_table = false;  // SELECT INTO, CREATE TABLE AS
  bool sets_names =
      false;  // what texts and names mean, by SET, RESET, set_config(): search path, role, encoding

  TransactionControl transaction = TransactionControl::kNone;
  Predicates predicates;
};

// Immutable; any thread.
class Syntax {
 public:
  explicit Syntax(std::vector<Statement> statements) : statements_(std::move(statements)) {}
  // None for an empty query string.
  const std::vector<Statement>& statements() const { return statements_; }
  std::size_t memory_bytes() const;

 private:
  std::vector<Statement> statements_;
};

// libpg_query's fingerprint of a text: the same for texts that differ only in constants, letter case, white
// space, comments and the length of IN lists. None if the parser refuses it. Any thread.
// REQUIRES: parse() takes the text, which bounds its nesting.
std::optional<std::uint64_t> fingerprint(std::string_view sql);
std::string format_fingerprint(std::uint64_t fingerprint);  // 16 hexadecimal digits

// Any thread; no state is kept. kInvalid: PostgreSQL 15's grammar refuses the text, or it holds a
// zero byte. kLimit: longer than kStatementBytesMax or nested too deeply to parse on this stack.
// Of constants only their places among the literals are kept, so texts of one shape share the result.
base::Result<std::shared_ptr<const Syntax>> parse(std::string_view sql);

}  // namespace pgweir::query
