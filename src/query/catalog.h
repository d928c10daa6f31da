// An immutable snapshot of what one database's catalogs say about names: enough to tell which
// relations a statement touches and whether code that is not PostgreSQL's own may run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/statement.h"
#include "query/syntax.h"

namespace pgweir::query {

// The schemas in which a session looks for unqualified names, in order, as current_schemas(true)
// gives them ("$user" expanded, schemas that do not exist left out). If pg_catalog is not listed it
// is searched first; pg_temp_N entries are skipped: a session with temporary objects must not be
// judged at all. Cheap to copy; immutable; any thread.
class SearchPath {
 public:
  // temporary: names of the session's temporary relations, which come before all schemas.
  explicit SearchPath(std::vector<std::string> schemas, std::vector<std::string> temporary = {});
  // With pg_catalog in its place.
  const std::vector<std::string>& schemas() const { return *schemas_; }
  bool is_temporary(std::string_view name) const;
  // Built-in names cannot be shadowed.
  bool catalog_first() const { return schemas_->front() == "pg_catalog"; }
  friend bool operator==(const SearchPath& a, const SearchPath& b) {
    return (a.schemas_ == b.schemas_ || *a.schemas_ == *b.schemas_) &&
           (a.temporary_ == b.temporary_ || *a.temporary_ == *b.temporary_);
  }

 private:
  std::shared_ptr<const std::vector<std::string>> schemas_;
  std::shared_ptr<const std::vector<std::string>> temporary_;  // sorted
};

// A column that rows can be pinned by: its type is canonical (value_family), its collation deterministic,
// it is not generated, and it is in a column set.
struct Column {
  Attnum number = 0;
  std::int16_t position = 0;  // among the columns that were not dropped, from 1
  Oid type = 0;
  bool identity = false;  // part of the replica identity: the change stream always knows its old value
  std::string name;
};

// Columns by whose values rows have names of their own (row_name.h).
struct ColumnSet {
  std::vector<Attnum> columns;  // ascending
  bool unique = false;          // there is a unique index on exactly these, over all rows
  bool identity = false;        // all of them are part of the replica identity
  // ON CONFLICT with exactly these columns finds rows that equal the new one in them by default equality.
  bool arbiter = false;
};

struct Relation {
  // More indexed prefixes than that: those of unique indexes come first, then the shorter ones.
  static constexpr std::size_t kColumnSetsMax = 8;

  Oid oid = 0;
  std::string schema;
  std::string name;
  char kind = 'r';         // pg_class.relkind
  char persistence = 'p';  // pg_class.relpersistence
  bool system = false;     // in pg_catalog, information_schema or pg_toast
  bool row_security = false;
  bool has_rules = false;  // other than a view's own
  // The membership in the publication of rows (pg_publication_rel.oid), another one whenever the table
  // joins again; 0: the change stream does not tell what happens to its rows.
  Oid followed_by = 0;
  bool user_types = false;               // a column's type is not built in, though its input and output are
  bool user_casts = false;               // and has a cast with a function that is not built in
  bool type_effects = false;             // a check, default or cast of a column's type may do anything
  Reason column_reason = Reason::kNone;  // a column type that forbids caching
  bool read_runs_code = false;           // a row-security policy that is not built in
  bool write_runs_code = false;  // triggers, defaults, checks, index expressions ... that are not built in
  char replica_identity = 'd';   // pg_class.relreplident
  std::vector<Oid> descendants;  // partitions and children, all levels, without itself
  std::vector<Column> columns;   // those of the column sets; by number
  // Every beginning of the column list of an index whose columns are all as in Column. Unique ones first,
  // then by size, then by columns.
  std::vector<ColumnSet> column_sets;

  const Column* column(Attnum number) const;          // nullptr: not in a column set
  const Column* column(std::string_view name) const;  // likewise
};

enum class Volatility : std::uint8_t { kUnknown, kImmutable, kStable, kVolatile };

// All built-in overloads of one name taken together, and whether anyone added another.
struct FunctionFacts {
  Volatility builtin = Volatility::kUnknown;  // the worst of all overloads; kUnknown: no such built-in
  bool user_on_builtin_types = false;         // one was added that could capture a call with built-in types
  bool user_on_user_types = false;            // one was added that matters where such a type is touched
  bool user_takes_row = false;                // and can be called as row.name
  bool user_has_effects = false;  // and may do anything: not a C function declared free of effects
};

struct OperatorFacts {
  Volatility builtin = Volatility::kUnknown;
  bool user_on_builtin_types = false;  // could capture an expression over built-in types
  bool user_mixed = false;             // one operand built in: where the other is an untyped constant
  bool user_on_user_types = false;     // matters where such a type is touched
  bool user_has_effects = false;       // as FunctionFacts::user_has_effects
};

struct TypeFacts {
  bool builtin = false;           // in pg_catalog, and a plain type
  bool user_defined = false;      // a type of that name (a table's row type too) exists elsewhere
  bool user_base = false;         // the same without row types: such a name in call syntax is a cast
  bool user_has_effects = false;  // a domain check or a cast's function may do anything
};

// What a view's own tree comes to.
struct ViewFacts {
  struct Obstacle {
    Reason reason = Reason::kNone;  // kNone: clean
    std::string detail;
  };
  Obstacle obstacle;
  Obstacle under_accept_ttl;  // the same for who accepts freshness by TTL alone
  std::vector<Oid> reads;     // without the view itself
  bool runs_code = false;     // reading it may run code that is not built in: unknown effects
};

// One function that was added to the database.
struct Overload {
  std::string schema;
  std::string arguments;  // types as format_type() writes them, schemas included, ", " between
};

// What a write changes; sorted.
struct Written {
  std::vector<Oid> relations;
  std::vector<Oid> by_keys;  // those of them that foreign keys may change along with others
};

// Immutable once built; any thread.
class Catalog {
 public:
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // As given to the builder.
  std::uint64_t version() const { return version_; }
  // Relations whose changes of rows are published for the change stream, in no order.
  struct Followed {
    Oid relation;
    Oid by;  // Relation::followed_by
  };
  const std::vector<Followed>& followed() const { return followed_; }
  // nullptr: not in the snapshot. Views stay valid as long as the catalog.
  const Relation* relation(Oid oid) const;
  const Relation* find_relation(const Name& name, const SearchPath& path) const;
  FunctionFacts function(std::string_view name) const;
  // Functions of this name that were added.
  std::span<const Overload> overloads(std::string_view name) const;
  OperatorFacts operator_facts(std::string_view name) const;
  TypeFacts type(std::string_view name) const;
  // A cast between built-in types, or from a row type, was added: any expression might use it.
  bool user_cast_on_builtin_types() const { return casts_.on_builtin_types; }
  // Operands of built-in types can silently become values of an added type.
  bool implicit_cast_to_user_type() const { return casts_.implicit_to_user_type; }
  // The function of some added cast may do anything.
  bool user_cast_has_effects() const { return casts_.effects; }
  // Parsed and judged at the first call. REQUIRES: relation.kind == 'v'.
  const ViewFacts& view(const Relation& relation) const;
  // The relation, its descendants and whatever foreign keys change along with them when rows are
  // deleted or updated. nullopt: code that is not built in may run on the way.
  std::optional<Written> written_with(const Relation& relation, WriteKind kind) const;

 private:
  friend class CatalogBuilder;
  struct Tables;
  Catalog();

  std::uint64_t version_ = 0;
  std::vector<Followed> followed_;
  struct Casts {
    bool on_builtin_types = false;
    bool implicit_to_user_type = false;
    bool effects = false;
  } casts_;
  std::unique_ptr<Tables> tables_;
};

// What to ask, in order. Run inside BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY with
// SET LOCAL search_path = '' on a connection to the database, any role, PostgreSQL 13 to 18, client
// encoding UTF8, as simple queries (text results); then give every row to the builder.
std::span<const std::string_view> catalog_queries();

// One snapshot. Not thread-safe.
class CatalogBuilder {
 public:
  // `version`: the caller's number, another one for each snapshot of any database.
  explicit CatalogBuilder(std::uint64_t version);
  CatalogBuilder(CatalogBuilder&&) noexcept;
  ~CatalogBuilder();
  // A row of catalog_queries()[query]. A malformed row makes finish() fail.
  void row(std::size_t query, std::span<const std::optional<std::string_view>> columns);
  // Call once. kInvalid: a row was malformed; kLimit: more objects than a snapshot may hold.
  base::Result<std::shared_ptr<const Catalog>> finish();

 private:
  struct Raw;
  std::unique_ptr<Raw> raw_;
};

}  // namespace pgweir::query
