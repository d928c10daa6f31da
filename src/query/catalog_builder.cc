#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "query/catalog.h"
#include "query/catalog_queries.h"
#include "query/catalog_tables.h"
#include "query/column_sets.h"
#include "query/volatile_functions.h"

namespace pgweir::query {
namespace {

constexpr Oid kFirstUserOid = 16384;  // FirstNormalObjectId
constexpr std::size_t kRowsMax = 4'000'000;
constexpr std::size_t kDescendantsMax = 4'000'000;  // over all relations
constexpr int kTypeDepthMax = 32;

constexpr std::array<std::size_t, kCatalogQueryCount> kColumns = {10, 2, 2, 8, 2, 6, 6, 6, 2, 3, 4, 6, 3};

struct Type {
  std::string schema;
  std::string name;
  char kind = 'b';  // pg_type.typtype
  Oid element = 0;
  Oid base = 0;
  Oid relation = 0;
  bool code = false;     // input, output or default operator class is not built in
  bool effects = false;  // a check, default or cast may do anything
};

// Reads one row's columns in order; ok() is false after the first that is not as expected.
class Row {
 public:
  explicit Row(std::span<const std::optional<std::string_view>> columns) : columns_(columns) {}
  std::string_view text() {
    if (next_ >= columns_.size() || !columns_[next_]) return bad();
    return *columns_[next_++];
  }
  Oid oid() {
    const std::string_view s = text();
    Oid value = 0;
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (error != std::errc{} || end != s.data() + s.size()) bad();
    return value;
  }
  bool boolean() {
    const std::string_view s = text();
    if (s != "t" && s != "f") bad();
    return s == "t";
  }
  Attnum attnum() {
    const std::string_view s = text();
    Attnum value = 0;
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (error != std::errc{} || end != s.data() + s.size() || value <= 0) bad();
    return value;
  }
  char letter() {
    const std::string_view s = text();
    if (s.size() != 1) bad();
    return s.empty() ? '\0' : s.front();
  }
  Volatility volatility() {
    const std::string_view s = text();
    if (s == "0") return Volatility::kUnknown;
    if (s == "1") return Volatility::kImmutable;
    if (s == "2") return Volatility::kStable;
    if (s != "3") bad();
    return Volatility::kVolatile;
  }
  bool ok() const { return ok_; }

 private:
  std::string_view bad() {
    ok_ = false;
    return {};
  }

  std::span<const std::optional<std::string_view>> columns_;
  std::size_t next_ = 0;
  bool ok_ = true;
};

// What a column of a type means for its relation.
struct TypeTraits {
  Reason reason = Reason::kNone;
  bool user = false;     // not built in
  bool casts = false;    // has a cast whose function is not built in
  bool effects = false;  // a check, default or cast may do anything
};

}  // namespace

struct CatalogBuilder::Raw {
  std::shared_ptr<Catalog> catalog;
  std::unordered_map<Oid, Type> types;
  std::multimap<Oid, Oid> children;      // parent -> child
  std::multimap<Oid, Oid> column_types;  // relation -> type
  std::set<std::pair<char, Oid>> code;   // as CatalogQuery::kCode
  std::set<Oid> cast_types;              // with a cast whose function is not built in
  std::unordered_map<Oid, std::vector<Index>> indexes;
  std::size_t rows = 0;
  std::size_t descendants = 0;
  std::optional<base::Error> error;

  Catalog::Tables& tables() { return *catalog->tables_; }

  void add(CatalogQuery query, Row& row);
  void add_relation(Row& row);
  void add_type(Row& row);
  void add_function(Row& row);
  void add_operator(Row& row);
  void add_cast(Row& row);
  void add_stored_call(Row& row);
  void add_index(Row& row);

  void index_types();
  void finish_relation(Relation& relation);
  void add_descendants(Relation& relation);
  TypeTraits traits(Oid type, int depth) const;
};

CatalogBuilder::CatalogBuilder(std::uint64_t version) : raw_(std::make_unique<Raw>()) {
  raw_->catalog = std::shared_ptr<Catalog>(new Catalog());
  raw_->catalog->version_ = version;
}

CatalogBuilder::CatalogBuilder(CatalogBuilder&&) noexcept = default;
CatalogBuilder::~CatalogBuilder() = default;

void CatalogBuilder::row(std::size_t query, std::span<const std::optional<std::string_view>> columns) {
  if (raw_->error) return;
  if (query >= kCatalogQueryCount || columns.size() != kColumns[query]) {
    raw_->error = base::Error{base::ErrorCode::kInvalid, "catalog row with a wrong number of columns"};
    return;
  }
  if (++raw_->rows > kRowsMax) {
    raw_->error = base::Error{base::ErrorCode::kLimit, "more catalog rows than a snapshot may hold"};
    return;
  }
  Row row(columns);
  raw_->add(static_cast<CatalogQuery>(query), row);
  if (!row.ok()) raw_->error = base::Error{base::ErrorCode::kInvalid, "malformed catalog row"};
}

void CatalogBuilder::Raw::add(CatalogQuery query, Row& row) {
  switch (query) {
    case CatalogQuery::kRelations:
      return add_relation(row);
    case CatalogQuery::kInheritance: {
      const Oid parent = row.oid();
      children.emplace(parent, row.oid());
      return;
    }
    case CatalogQuery::kViews: {
      const Oid oid = row.oid();
      tables().views[oid].definition = row.text();
      return;
    }
    case CatalogQuery::kTypes:
      return add_type(row);
    case CatalogQuery::kColumnTypes: {
      const Oid relation = row.oid();
      column_types.emplace(relation, row.oid());
      return;
    }
    case CatalogQuery::kFunctions:
      return add_function(row);
    case CatalogQuery::kOperators:
      return add_operator(row);
    case CatalogQuery::kCasts:
      return add_cast(row);
    case CatalogQuery::kCode: {
      const char how = row.letter();
      code.emplace(how, row.oid());
      return;
    }
    case CatalogQuery::kStoredCalls:
      return add_stored_call(row);
    case CatalogQuery::kIndexes:
      return add_index(row);
    case CatalogQuery::kOverloads: {
      Overload overload;
      overload.schema = row.text();
      const std::string name(row.text());
      overload.arguments = row.text();
      tables().overloads[name].push_back(std::move(overload));
      return;
    }
    case CatalogQuery::kForeignKeys: {
      const Oid referenced = row.oid();
      const Oid referencing = row.oid();
      const char on_delete = row.letter();
      tables().foreign_keys[referenced].push_back({referencing, on_delete, row.letter()});
      return;
    }
  }
}

void CatalogBuilder::Raw::add_relation(Row& row) {
  Relation relation;
  relation.oid = row.oid();
  relation.schema = row.text();
  relation.name = row.text();
  relation.kind = row.letter();
  relation.persistence = row.letter();
  relation.system = row.boolean();
  relation.row_security = row.boolean();
  relation.has_rules = row.boolean();
  relation.replica_identity = row.letter();
  relation.followed_by = row.oid();
  const Oid oid = relation.oid;
  if (relation.followed_by != 0) catalog->followed_.push_back({oid, relation.followed_by});
  tables().relations.insert_or_assign(oid, std::move(relation));
}

void CatalogBuilder::Raw::add_type(Row& row) {
  const Oid oid = row.oid();
  Type type;
  type.schema = row.text();
  type.name = row.text();
  type.kind = row.letter();
  type.element = row.oid();
  type.base = row.oid();
  type.relation = row.oid();
  type.code = row.boolean();
  types.insert_or_assign(oid, std::move(type));
}

void CatalogBuilder::Raw::add_function(Row& row) {
  const std::string name(row.text());
  FunctionFacts facts;
  facts.builtin = row.volatility();
  facts.user_on_builtin_types = row.boolean();
  facts.user_on_user_types = row.boolean();
  facts.user_takes_row = row.boolean();
  facts.user_has_effects = row.boolean();
  tables().functions.insert_or_assign(name, facts);
}

void CatalogBuilder::Raw::add_operator(Row& row) {
  const std::string name(row.text());
  OperatorFacts facts;
  facts.builtin = row.volatility();
  facts.user_on_builtin_types = row.boolean();
  facts.user_mixed = row.boolean();
  facts.user_on_user_types = row.boolean();
  facts.user_has_effects = row.boolean();
  tables().operators.insert_or_assign(name, facts);
}

void CatalogBuilder::Raw::add_cast(Row& row) {
  const Oid source = row.oid();
  const Oid target = row.oid();
  const char context = row.letter();
  const bool user_function = row.boolean();
  const bool from_row = row.boolean();
  const bool effects = row.boolean();
  Catalog::Casts& casts = catalog->casts_;
  const bool user_source = source >= kFirstUserOid;
  const bool user_target = target >= kFirstUserOid;
  if ((!user_source && !user_target) || from_row) casts.on_builtin_types = true;
  if (user_function) cast_types.insert({source, target});
  if (context == 'i' && !user_source && user_target) casts.implicit_to_user_type = true;
  if (effects) {
    casts.effects = true;
    code.emplace('t', source);
    code.emplace('t', target);
  }
}

void CatalogBuilder::Raw::add_stored_call(Row& row) {
  const char how = row.letter();
  const Oid oid = row.oid();
  const VolatileEffect effect = volatile_effect(row.text());
  if (effect == VolatileEffect::kAnything || effect == VolatileEffect::kSettings) code.emplace(how, oid);
}

void CatalogBuilder::Raw::add_index(Row& row) {
  const std::string_view what = row.text();
  const Oid oid = row.oid();
  if (what == "i") {
    const std::string_view keys = row.text();
    indexes[oid].push_back(read_index(keys, row.text()));
    return;
  }
  Column column;
  column.number = row.attnum();
  column.name = row.text();
  column.type = row.oid();
  column.position = row.attnum();
  const auto relation = tables().relations.find(oid);
  if (relation != tables().relations.end()) relation->second.columns.push_back(std::move(column));
}

TypeTraits CatalogBuilder::Raw::traits(Oid oid, int depth) const {
  TypeTraits result;
  result.user = oid >= kFirstUserOid;
  const auto found = types.find(oid);
  if (found == types.end() || depth > kTypeDepthMax) return {Reason::kUserType, true, true, true};
  const Type& type = found->second;
  // A range's output calls its subtype's; its order may be anyone's.
  const bool range = result.user && (type.kind == 'r' || type.kind == 'm');
  if (type.code || range) result.reason = Reason::kUserType;
  result.effects = type.effects || range;
  result.casts = result.user && cast_types.contains(oid);
  if (!result.user) {
    const std::string_view name =
        type.name.starts_with('_') ? std::string_view(type.name).substr(1) : type.name;
    if (name == "timetz") result.reason = Reason::kTimeLiteral;
    if (name.starts_with("reg") || name == "aclitem") result.reason = Reason::kSystemCatalog;
  }
  const auto take = [&result](const TypeTraits& part) {
    if (result.reason == Reason::kNone) result.reason = part.reason;
    result.user = result.user || part.user;
    result.casts = result.casts || part.casts;
    result.effects = result.effects || part.effects;
  };
  if (result.user && type.element != 0) take(traits(type.element, depth + 1));
  if (result.user && type.base != 0) take(traits(type.base, depth + 1));
  if (type.kind == 'c') {
    const auto [begin, end] = column_types.equal_range(type.relation);
    for (auto i = begin; i != end; ++i) take(traits(i->second, depth + 1));
  }
  return result;
}

void CatalogBuilder::Raw::index_types() {
  for (auto& [oid, type] : types) {
    type.effects = oid >= kFirstUserOid && code.contains({'t', oid});
    TypeFacts& facts = tables().types[type.name];
    const bool builtin = oid < kFirstUserOid && type.schema == "pg_catalog";
    if (builtin && type.kind != 'p') facts.builtin = true;
    if (builtin) continue;
    facts.user_defined = true;
    facts.user_base = facts.user_base || type.kind != 'c';
  }
  // After all effects are known: a domain over a domain, an array of one ...
  for (const auto& [oid, type] : types) {
    if (oid < kFirstUserOid) continue;
    if (traits(oid, 0).effects) tables().types[type.name].user_has_effects = true;
  }
}

void CatalogBuilder::Raw::add_descendants(Relation& relation) {
  std::set<Oid> seen = {relation.oid};
  std::vector<Oid> pending = {relation.oid};
  while (!pending.empty()) {
    const Oid parent = pending.back();
    pending.pop_back();
    const auto [begin, end] = children.equal_range(parent);
    for (auto i = begin; i != end; ++i) {
      // Children that are not in the snapshot are temporary: nobody else's reads reach them.
      if (!tables().relations.contains(i->second) || !seen.insert(i->second).second) continue;
      pending.push_back(i->second);
    }
  }
  seen.erase(relation.oid);
  descendants += seen.size();
  if (descendants > kDescendantsMax) {
    error = base::Error{base::ErrorCode::kLimit, "inheritance too deep for a snapshot"};
    return;
  }
  relation.descendants.assign(seen.begin(), seen.end());
}

void CatalogBuilder::Raw::finish_relation(Relation& relation) {
  if (const auto found = indexes.find(relation.oid); found != indexes.end())
    add_column_sets(found->second, relation);
  relation.read_runs_code = code.contains({'r', relation.oid});
  relation.write_runs_code = code.contains({'w', relation.oid});
  const auto [begin, end] = column_types.equal_range(relation.oid);
  for (auto i = begin; i != end; ++i) {
    const TypeTraits type = traits(i->second, 0);
    if (relation.column_reason == Reason::kNone) relation.column_reason = type.reason;
    relation.user_types = relation.user_types || type.user;
    relation.user_casts = relation.user_casts || type.casts;
    relation.type_effects = relation.type_effects || type.effects;
  }
  relation.write_runs_code = relation.write_runs_code || relation.type_effects;
  add_descendants(relation);
  tables().relations_by_name[relation.name].push_back(&relation);
}

base::Result<std::shared_ptr<const Catalog>> CatalogBuilder::finish() {
  if (!raw_->error) {
    raw_->index_types();
    for (auto& [oid, relation] : raw_->tables().relations) {
      raw_->finish_relation(relation);
      if (raw_->error) break;
    }
  }
  if (raw_->error) return std::unexpected(*raw_->error);
  // An answer without the system's own objects is not a catalog.
  if (raw_->tables().functions.empty() || raw_->tables().operators.empty() || raw_->tables().types.empty()) {
    return base::fail(base::ErrorCode::kInvalid, "catalog snapshot is incomplete");
  }
  return std::shared_ptr<const Catalog>(std::move(raw_->catalog));
}

}  // namespace pgweir::query
