// Random reads and writes on a real PostgreSQL: whenever a write changes a read's reply, the names that
// the read depends on meet those that the write moves, told from its text or from the rows it changed.
//
// pins_check CONNINFO SEED READS   prints what it found; exit status 1 if a pin did not hold, or if the
// pins told too little apart for the run to mean anything.
#include <libpq-fe.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "pins/statements.h"
#include "query/dependencies.h"
#include "query/judge.h"
#include "query/row_name.h"

namespace pgweir::pins {
namespace {

using query::Names;
using query::Oid;
using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;  // sorted

constexpr base::HashSecret kSecret{7, 8};

class Database {
 public:
  explicit Database(const char* conninfo) : connection_(PQconnectdb(conninfo), &PQfinish) {}
  bool good() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

  // nullopt: refused.
  std::optional<Rows> run(const Generated& statement) {
    std::vector<Oid> types;
    std::vector<const char*> values;
    for (const Given& given : statement.parameters) {
      types.push_back(given.type);
      values.push_back(given.value.c_str());
    }
    const auto count = static_cast<int>(values.size());
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexecParams(connection_.get(), statement.sql.c_str(), count, types.data(), values.data(), nullptr,
                     nullptr, 0),
        &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return std::nullopt;
    Rows rows;
    for (int i = 0; i < PQntuples(result.get()); ++i) {
      Row& row = rows.emplace_back();
      for (int k = 0; k < PQnfields(result.get()); ++k) {
        const bool null = PQgetisnull(result.get(), i, k) != 0;
        row.push_back(null ? std::nullopt : std::optional<std::string>(PQgetvalue(result.get(), i, k)));
      }
    }
    std::ranges::sort(rows);
    return rows;
  }
  std::optional<Rows> run(const std::string& sql) { return run(Generated{sql, {}}); }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

std::shared_ptr<const query::Catalog> load_catalog(Database& database) {
  query::CatalogBuilder builder(1);
  database.run("set search_path = ''");
  for (std::size_t i = 0; i < query::catalog_queries().size(); ++i) {
    const auto rows = database.run(std::string(query::catalog_queries()[i]));
    if (!rows) return nullptr;
    for (const Row& row : *rows) {
      const std::vector<std::optional<std::string_view>> columns(row.begin(), row.end());
      builder.row(i, columns);
    }
  }
  database.run("set search_path = public");
  auto catalog = builder.finish();
  return catalog ? *catalog : nullptr;
}

struct Counts {
  int reads = 0;
  int pinned = 0;
  int pairs = 0;
  int changed = 0;  // the write changed the reply
  int kept = 0;     // the write touched a relation of a pinned reply, which stays
  int violations = 0;
};

class Check {
 public:
  Check(Database& database, std::shared_ptr<const query::Catalog> catalog, std::uint64_t seed)
      : database_(database), catalog_(std::move(catalog)), statements_(seed), before_(contents({})) {}

  Counts run(int reads) {
    while (counts_.reads < reads) read();
    return counts_;
  }

 private:
  static constexpr int kWritesPerRead = 10;
  using Table = std::map<Oid, Rows>;

  std::optional<query::Verdict> judge(const Generated& statement) {
    const auto syntax = query::parse(statement.sql);
    if (!syntax) return std::nullopt;
    return query::judge(**syntax, *catalog_, query::SearchPath({"public"}), false);
  }

  template <class Use>
  void with_execution(const Generated& statement, const Use& use) {
    std::vector<query::Parameter> parameters;
    for (const Given& given : statement.parameters)
      parameters.push_back({.type = given.type, .binary = false, .value = given.value});
    use(query::Execution{.sql = statement.sql, .parameters = parameters, .utf8 = true});
  }

  void read() {
    const Generated statement = statements_.read();
    const auto verdict = judge(statement);
    if (!verdict || !verdict->cacheable()) return;
    const auto reply = database_.run(statement);
    if (!reply) return;
    Names names;
    with_execution(statement, [&](const query::Execution& e) { read_names(*verdict, e, kSecret, names); });
    ++counts_.reads;
    if (!names.rows.empty()) ++counts_.pinned;
    for (int i = 0; i < kWritesPerRead; ++i) write(statement, *reply, *verdict, names);
  }

  void write(const Generated& question, const Rows& reply, const query::Verdict& asked,
             const Names& depends) {
    const Generated statement = statements_.write();
    const auto verdict = judge(statement);
    if (!verdict || verdict->effects.writes_everything) return;
    Names moved;
    with_execution(statement,
                   [&](const query::Execution& e) { write_names(*verdict, *catalog_, e, kSecret, moved); });
    database_.run("begin");
    if (database_.run(statement)) {
      const auto again = database_.run(question);
      const Table after = contents(verdict->effects.writes);
      ++counts_.pairs;
      const bool changed = again && *again != reply;
      counts_.changed += changed ? 1 : 0;
      const bool told = meet(depends, moved);
      const bool shared = std::ranges::any_of(
          asked.reads, [&](Oid oid) { return std::ranges::count(moved.relations, oid) != 0; });
      if (shared && !told) ++counts_.kept;
      if (changed && !told) violation("by the text", question, statement);
      for (const bool full : {true, false}) {
        const Names streamed = stream_names(before_, after, full);
        if (changed && !meet(depends, streamed))
          violation(full ? "by whole rows" : "by identities", question, statement);
        if (full && !covered(streamed, moved))
          violation("of changes not told by the text", question, statement);
      }
    }
    database_.run("rollback");
  }

  static bool meet(const Names& a, const Names& b) {
    const auto common = [](const auto& x, const auto& y) {
      return std::ranges::any_of(x, [&y](const auto& name) { return std::ranges::find(y, name) != y.end(); });
    };
    return common(a.relations, b.relations) || common(a.rows, b.rows);
  }

  // Each relation that changed, and each of its rows, is among what the write was said to move.
  bool covered(const Names& streamed, const Names& moved) {
    std::set<std::uint64_t> any;
    for (const Oid oid : streamed.relations) {
      if (std::ranges::find(moved.relations, oid) == moved.relations.end()) return false;
    }
    return std::ranges::all_of(streamed.rows, [&](std::uint64_t name) {
      const auto set = any_of_row_.find(name);
      return std::ranges::find(moved.rows, name) != moved.rows.end() ||
             (set != any_of_row_.end() && std::ranges::find(moved.rows, set->second) != moved.rows.end());
    });
  }

  // Of these relations, or all: the columns that pins know, and the whole row last.
  Table contents(const std::vector<Oid>& of) {
    Table tables;
    for (const char* name : {"t", "u", "p0", "p1", "p2", "m"}) {
      const query::Relation& relation = *catalog_->find_relation({"public", name}, query::SearchPath({}));
      if (!of.empty() && std::ranges::find(of, relation.oid) == of.end()) continue;
      std::string sql = "select ";
      for (const query::Column& column : relation.columns) sql += column.name + ", ";
      tables[relation.oid] =
          database_.run(sql + "whole_row::text from " + name + " whole_row").value_or(Rows{});
    }
    return tables;
  }

  Names stream_names(const Table& before, const Table& after, bool full) {
    Names names;
    for (const auto& [oid, new_rows] : after) {
      const Rows& old_rows = before.at(oid);
      Rows gone;
      Rows come;
      std::ranges::set_difference(old_rows, new_rows, std::back_inserter(gone));
      std::ranges::set_difference(new_rows, old_rows, std::back_inserter(come));
      if (gone.empty() && come.empty()) continue;
      names.relations.push_back(oid);
      const query::Relation& relation = *catalog_->relation(oid);
      for (const Row& row : gone) append(relation, image(relation, row, full), {}, names);
      for (const Row& row : come) append(relation, {}, image(relation, row, true), names);
    }
    return names;
  }

  static std::vector<query::ColumnImage> image(const query::Relation& relation, const Row& row, bool full) {
    using Kind = query::ColumnImage::Kind;
    std::vector<query::ColumnImage> images;
    for (std::size_t i = 0; i < relation.columns.size(); ++i) {
      if (!full && !relation.columns[i].identity) {
        images.emplace_back();
      } else if (row[i]) {
        images.push_back({Kind::kText, *row[i]});
      } else {
        images.push_back({Kind::kNull, {}});
      }
    }
    return images;
  }

  void append(const query::Relation& relation, const std::vector<query::ColumnImage>& before,
              const std::vector<query::ColumnImage>& after, Names& names) {
    append_change_names(relation, before, after, kSecret, names.rows);
    for (const query::ColumnSet& set : relation.column_sets) {
      query::Relation one;
      one.oid = relation.oid;
      one.columns = relation.columns;
      one.column_sets = {set};
      std::vector<std::uint64_t> rows;
      append_change_names(one, before, after, kSecret, rows);
      for (const std::uint64_t name : rows)
        any_of_row_[name] = query::any_name(kSecret, relation.oid, set.columns);
    }
  }

  void violation(const char* what, const Generated& question, const Generated& statement) {
    ++counts_.violations;
    std::printf("VIOLATION %s\n", what);
    std::fflush(stdout);
    for (const Generated* shown : {&question, &statement}) {
      std::printf("  %s\n", shown->sql.c_str());
      for (const Given& given : shown->parameters)
        std::printf("    type %u value '%s'\n", given.type, given.value.c_str());
    }
  }

  Database& database_;
  std::shared_ptr<const query::Catalog> catalog_;
  Statements statements_;
  const Table before_;                                 // every write is rolled back
  std::map<std::uint64_t, std::uint64_t> any_of_row_;  // a row's name -> its set's any name
  Counts counts_;
};

int check(const char* conninfo, std::uint64_t seed, int reads) {
  Database database(conninfo);
  if (!database.good()) return std::fprintf(stderr, "cannot connect\n"), 1;
  const auto catalog = load_catalog(database);
  if (catalog == nullptr) return std::fprintf(stderr, "cannot load the catalog\n"), 1;
  const Counts c = Check(database, catalog, seed).run(reads);
  std::printf(
      "seed %llu: %d reads, %d pinned, %d pairs, %d changed the reply, %d kept it by a pin, %d violations\n",
      static_cast<unsigned long long>(seed), c.reads, c.pinned, c.pairs, c.changed, c.kept, c.violations);
  const bool telling = c.pinned * 8 > c.reads && c.changed * 100 > c.pairs && c.kept * 100 > c.pairs;
  if (!telling) std::printf("too few pins, or too few changes, to show anything\n");
  return c.violations == 0 && telling ? 0 : 1;
}

}  // namespace
}  // namespace pgweir::pins

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: pins_check CONNINFO SEED READS\n"), 2;
  return pgweir::pins::check(argv[1], std::strtoull(argv[2], nullptr, 10), std::atoi(argv[3]));
}
