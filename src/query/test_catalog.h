// For tests: a small catalog, fed through CatalogBuilder row by row as a backend would.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "query/catalog.h"
#include "query/catalog_queries.h"

namespace pgweir::query {

struct TestTable {
  Oid oid;
  std::string name;
  std::string schema = "public";
  char kind = 'r';
  char persistence = 'p';
  bool row_security = false;
  bool rules = false;
  char replica_identity = 'd';
  Oid followed_by = 1;
};

class TestCatalog {
 public:
  explicit TestCatalog(std::uint64_t version = 1) : builder_(version) { builtins(); }

  TestCatalog& table(const TestTable& t) {
    const bool system = t.schema == "pg_catalog" || t.schema == "information_schema";
    return add(CatalogQuery::kRelations,
               {std::to_string(t.oid), t.schema, t.name, std::string(1, t.kind),
                std::string(1, t.persistence), flag(system), flag(t.row_security), flag(t.rules),
                std::string(1, t.replica_identity), std::to_string(t.followed_by)});
  }
  // A column of a canonical type that some index has.
  TestCatalog& indexed_column(Oid relation, Attnum number, const std::string& name, Oid type) {
    return add(CatalogQuery::kIndexes, {"c", std::to_string(relation), std::to_string(number), name,
                                        std::to_string(type), std::to_string(number)});
  }
  // keys: attnums with blanks between; flags: see kIndexes. By default a primary key.
  TestCatalog& index(Oid relation, const std::string& keys, const std::string& flags = "upodb") {
    return add(CatalogQuery::kIndexes, {"i", std::to_string(relation), keys, flags, "", ""});
  }
  TestCatalog& view(Oid oid, const std::string& name, const std::string& definition, char kind = 'v') {
    table({.oid = oid, .name = name, .kind = kind});
    return add(CatalogQuery::kViews, {std::to_string(oid), definition});
  }
  TestCatalog& inherits(Oid parent, Oid child) {
    return add(CatalogQuery::kInheritance, {std::to_string(parent), std::to_string(child)});
  }
  TestCatalog& foreign_key(Oid referenced, Oid referencing, char on_delete, char on_update) {
    return add(CatalogQuery::kForeignKeys, {std::to_string(referenced), std::to_string(referencing),
                                            std::string(1, on_delete), std::string(1, on_update)});
  }
  // volatility: ' ' for none built in, else i, s or v.
  TestCatalog& function(const std::string& name, char volatility, bool on_builtin = false,
                        bool takes_row = false, bool effects = false, bool on_user = false) {
    return add(CatalogQuery::kFunctions,
               {name, worst(volatility), flag(on_builtin), flag(on_user), flag(takes_row), flag(effects)});
  }
  // One that was added, as rules name it; function() says what calling it means.
  TestCatalog& overload(const std::string& schema, const std::string& name, const std::string& arguments) {
    return add(CatalogQuery::kOverloads, {schema, name, arguments});
  }
  TestCatalog& operators(const std::string& name, char volatility, bool on_builtin = false,
                         bool on_user = false, bool effects = false, bool mixed = false) {
    return add(CatalogQuery::kOperators,
               {name, worst(volatility), flag(on_builtin), flag(mixed), flag(on_user), flag(effects)});
  }
  struct TestType {
    Oid oid;
    std::string name;
    std::string schema = "pg_catalog";
    char kind = 'b';
    Oid element = 0;
    Oid base = 0;
    Oid relation = 0;
    bool code = false;
  };
  TestCatalog& type(const TestType& t) {
    return add(CatalogQuery::kTypes,
               {std::to_string(t.oid), t.schema, t.name, std::string(1, t.kind), std::to_string(t.element),
                std::to_string(t.base), std::to_string(t.relation), flag(t.code)});
  }
  TestCatalog& column(Oid relation, Oid type) {
    return add(CatalogQuery::kColumnTypes, {std::to_string(relation), std::to_string(type)});
  }
  TestCatalog& cast(Oid source, Oid target, char context, bool user_function, bool from_row = false,
                    bool effects = false) {
    return add(CatalogQuery::kCasts, {std::to_string(source), std::to_string(target), std::string(1, context),
                                      flag(user_function), flag(from_row), flag(effects)});
  }
  TestCatalog& code(char how, Oid oid) {
    return add(CatalogQuery::kCode, {std::string(1, how), std::to_string(oid)});
  }
  TestCatalog& stored_call(char how, Oid oid, const std::string& function) {
    return add(CatalogQuery::kStoredCalls, {std::string(1, how), std::to_string(oid), function});
  }

  TestCatalog& add(CatalogQuery query, const std::vector<std::string>& columns) {
    const std::vector<std::optional<std::string_view>> row(columns.begin(), columns.end());
    builder_.row(static_cast<std::size_t>(query), row);
    return *this;
  }
  std::shared_ptr<const Catalog> build() {
    auto result = builder_.finish();
    CHECK(result.has_value());
    return std::move(*result);
  }
  CatalogBuilder& builder() { return builder_; }

 private:
  static std::string flag(bool b) { return b ? "t" : "f"; }
  static std::string worst(char volatility) {
    return volatility == 'i' ? "1" : volatility == 's' ? "2" : volatility == 'v' ? "3" : "0";
  }

  void builtins() {
    for (const char* name : {"count", "sum", "max", "min", "upper", "lower", "length", "coalesce_agg",
                             "row_number", "abs", "int4", "similar_to_escape"}) {
      function(name, 'i');
    }
    for (const char* name :
         {"now", "to_char", "date", "timezone", "date_part", "current_setting", "table_to_xml"}) {
      function(name, 's');
    }
    for (const char* name : {"random", "nextval", "set_config", "pg_advisory_lock", "query_to_xml",
                             "clock_timestamp", "lo_unlink", "pg_notify"}) {
      function(name, 'v');
    }
    for (const char* name : {"=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "||", "~~", "~", "@>"}) {
      operators(name, name[0] == '@' ? 's' : 'i');
    }
    Oid oid = 16;
    for (const char* name :
         {"bool", "int2", "int4", "int8", "text", "varchar", "numeric", "date", "time", "timetz", "timestamp",
          "timestamptz", "interval", "regclass", "jsonb", "uuid", "_timestamptz"}) {
      type({.oid = oid++, .name = name});
    }
    type({.oid = oid++, .name = "record", .kind = 'p'});
    table({.oid = 1259, .name = "pg_class", .schema = "pg_catalog"});
  }

  CatalogBuilder builder_;
};

// Oids of some of TestCatalog's types.
inline constexpr Oid kTestText = 20;
inline constexpr Oid kTestTimetz = 25;
inline constexpr Oid kTestRegclass = 29;

}  // namespace pgweir::query
