#include "query/explanation.h"

#include <algorithm>
#include <array>
#include <set>

#include "query/advice.h"
#include "query/assess.h"
#include "query/literals.h"
#include "query/rules.h"
#include "query/syntax.h"

namespace pgweir::query {
namespace {

// Longer constants are cut.
constexpr std::size_t kLiteralBytesMax = 80;

std::string kind_name(char kind) {
  switch (kind) {
    case 'r':
      return "table";
    case 'p':
      return "partitioned table";
    case 'v':
      return "view";
    case 'm':
      return "materialized view";
    case 'f':
      return "foreign table";
    case 'S':
      return "sequence";
    default:
      return "relation";
  }
}

std::string_view identity_name(char identity) {
  switch (identity) {
    case 'd':
      return "default";
    case 'f':
      return "full";
    case 'i':
      return "index";
    default:
      return "nothing";
  }
}

ExplainedRelation explained(Oid oid, const Catalog& catalog) {
  const Relation* const relation = catalog.relation(oid);
  if (relation == nullptr)
    return {.name = std::to_string(oid), .kind = kind_name('?'), .replica_identity = identity_name('n')};
  return {.name = qualified_name(*relation),
          .kind = kind_name(relation->kind),
          .holds_rows = relation->kind != 'p' && relation->kind != 'v',
          .published = relation->followed_by != 0,
          .replica_identity = identity_name(relation->replica_identity)};
}

std::vector<ExplainedRelation> explained(const std::vector<Oid>& oids, const Catalog& catalog) {
  std::vector<ExplainedRelation> relations;
  for (const Oid oid : oids) relations.push_back(explained(oid, catalog));
  return relations;
}

// Pins with the values as they stand in one text.
class PinWriter {
 public:
  PinWriter(const Catalog& catalog, std::string_view sql)
      : catalog_(catalog), literals_(literals_of(sql, static_cast<std::size_t>(-1))) {}

  std::vector<ExplainedRows> operator()(const std::vector<RelationPins>& relations) const {
    std::vector<ExplainedRows> rows;
    for (const RelationPins& pinned : relations) {
      const Relation* const relation = catalog_.relation(pinned.relation);
      if (relation == nullptr) continue;
      ExplainedRows& out = rows.emplace_back();
      out.relation = qualified_name(*relation);
      for (const Pin& pin : pinned.pins) out.predicates.push_back(predicate(*relation, pin));
    }
    return rows;
  }
  // For rows that are read: which columns keep the change stream from telling that others have changed.
  static std::string identity_advice(const Relation& relation, const RelationPins& pinned) {
    std::set<std::string> names;
    for (const Pin& pin : pinned.pins)
      for (const PinnedColumn& column : pin.columns)
        if (const Column* of = relation.column(column.column); of != nullptr && !of->identity)
          names.insert(quoted_name(of->name));
    if (names.empty()) return {};
    std::string columns;
    for (const std::string& name : names) columns += (columns.empty() ? "" : ", ") + name;
    const std::string table = qualified_name(relation);
    return "an UPDATE or DELETE made elsewhere of any row of " + table +
           " ends it, since the change stream does not know the old " + columns + "; after ALTER TABLE " +
           table + " REPLICA IDENTITY FULL only one of these rows does, for more WAL";
  }

 private:
  std::string value(const ValueSource& source) const {
    if (source.kind == ValueSource::Kind::kNull) return "NULL";
    if (source.kind == ValueSource::Kind::kParameter) return "$" + std::to_string(source.number);
    if (source.number >= literals_.size()) return "?";
    std::string_view raw = literals_[source.number].raw;
    if (raw.size() <= kLiteralBytesMax) return std::string(raw);
    raw = raw.substr(0, kLiteralBytesMax);
    while (!raw.empty() && (static_cast<unsigned char>(raw.back()) & 0xC0) == 0x80) raw.remove_suffix(1);
    if (!raw.empty() && static_cast<unsigned char>(raw.back()) >= 0xC0) raw.remove_suffix(1);
    return std::string(raw) + "…";
  }

  std::string predicate(const Relation& relation, const Pin& pin) const {
    std::string text;
    for (const PinnedColumn& pinned : pin.columns) {
      const Column* const column = relation.column(pinned.column);
      if (!text.empty()) text += " AND ";
      text += column == nullptr ? std::to_string(pinned.column) : quoted_name(column->name);
      const bool is_list = pinned.alternatives.size() > 1;
      text += is_list ? " IN (" : " = ";
      for (std::size_t i = 0; i < pinned.alternatives.size(); ++i)
        text += (i == 0 ? "" : ", ") + value(pinned.alternatives[i]);
      if (is_list) text += ")";
    }
    return text;
  }

  const Catalog& catalog_;
  const std::vector<Literal> literals_;
};

// By kind of statement; empty: by what it names.
std::string_view untold_by_kind(StatementKind kind) {
  switch (kind) {
    case StatementKind::kCall:
      return "a procedure or block may do anything";
    case StatementKind::kExecute:
      return "EXECUTE runs a statement that its text does not show";
    case StatementKind::kFetch:
      return "FETCH runs a query that its text does not show";
    case StatementKind::kMaintenance:
      return "maintenance may run the functions of indexes";
    case StatementKind::kDdl:
      return "DDL may change anything, and fires event triggers";
    default:
      return {};
  }
}

std::string untold_write(const Statement& statement, const Catalog& catalog, const SearchPath& path) {
  for (const WriteUse& write : statement.writes) {
    const Relation* const relation =
        write.relation.other_database ? nullptr : catalog.find_relation(write.relation.name, path);
    if (relation == nullptr)
      return "there is no relation " + quoted_name(write.relation.name.name) +
             " in the catalog, or it is a temporary one";
    const std::string name = qualified_name(*relation);
    if (write.kind == WriteKind::kRefresh) return "REFRESH fires event triggers";
    if (relation->kind == 'v' || relation->kind == 'f') return name + " is a " + kind_name(relation->kind);
    if (!catalog.written_with(*relation, write.kind))
      return "code that is not built in (a trigger, rule, default, check, index or policy) may run for " +
             name + " or for a table that a foreign key changes with it";
  }
  return {};
}

// Empty for what was not parsed.
std::string template_id(const Verdict& verdict, std::string_view sql) {
  if (verdict.reason == Reason::kUnparsable || verdict.reason == Reason::kUnsafeEncoding) return {};
  const auto print = fingerprint(sql);
  return print ? format_fingerprint(*print) : std::string();
}

bool is_plain_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto rest = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, rest);
}

}  // namespace

void Explanation::refuse(std::string_view why, std::string what) {
  reason = why;
  detail = std::move(what);
  advice = advice_for(why);
}

std::string quoted_name(std::string_view name) {
  if (is_plain_name(name)) return std::string(name);
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string qualified_name(const Relation& relation) {
  return quoted_name(relation.schema) + "." + quoted_name(relation.name);
}

Explanation explain(const Verdict& verdict, const Catalog& catalog, std::string_view sql,
                    const Rules* rules) {
  Explanation out;
  out.refuse(reason_name(verdict.reason), verdict.detail);
  out.template_id = template_id(verdict, sql);
  out.accepts_ttl = verdict.accept_ttl;
  if (rules != nullptr && verdict.rule != Verdict::kNoRule)
    out.rule = rules->list()[static_cast<std::size_t>(verdict.rule)].name;
  out.reads = explained(verdict.reads, catalog);
  out.writes_everything = verdict.effects.writes_everything;
  if (!out.writes_everything) out.writes = explained(verdict.effects.writes, catalog);
  if (verdict.pins.empty() && verdict.effects.row_changes.empty()) return out;
  const PinWriter write_pins(catalog, sql);
  out.rows = write_pins(verdict.pins);
  for (std::size_t i = 0, row = 0; i < verdict.pins.size(); ++i)
    if (const Relation* relation = catalog.relation(verdict.pins[i].relation); relation != nullptr)
      out.rows[row++].advice = PinWriter::identity_advice(*relation, verdict.pins[i]);
  out.changed_rows = write_pins(verdict.effects.row_changes);
  return out;
}

std::string why_untold(std::string_view sql, const Catalog& catalog, const SearchPath& path) {
  const auto syntax = parse(sql);
  if (!syntax) return "PostgreSQL 15's grammar refuses the text, or it is too long to read";
  for (const Statement& statement : (*syntax)->statements()) {
    if (const auto why = untold_by_kind(statement.kind); !why.empty()) return std::string(why);
    if (statement.creates_table) return "it creates a table";
    if (auto why = untold_write(statement, catalog, path); !why.empty()) return why;
    const Assessment assessment = assess(statement, catalog, path, false);
    if (assessment.unknown_relation)
      return "a relation that is not in the catalog may be a view that does anything";
    if (assessment.runs_code)
      return "it may run code that is not built in" +
             (assessment.detail.empty() ? std::string() : ": " + assessment.detail);
    if (!statement.unsupported.empty()) return "it holds " + statement.unsupported;
  }
  return {};
}

}  // namespace pgweir::query
