#include "query/catalog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "query/assess.h"
#include "query/catalog_tables.h"
#include "query/scan.h"

namespace pgweir::query {
namespace {

constexpr int kViewDepthMax = 64;

template <class T>
T facts_of(const ByName<T>& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? T{} : found->second;
}

ViewFacts opaque_view(std::string detail) {
  const ViewFacts::Obstacle obstacle{Reason::kView, std::move(detail)};
  return {.obstacle = obstacle, .under_accept_ttl = obstacle, .reads = {}, .runs_code = true};
}

// pg_get_viewdef() ran with an empty search_path, so only built-in names stand without a schema.
ViewFacts judge_definition(const std::string& definition, const Catalog& catalog) {
  const auto syntax = parse(definition);
  if (!syntax) return opaque_view(syntax.error().message);
  const auto& statements = (*syntax)->statements();
  if (statements.size() != 1 || statements.front().kind != StatementKind::kSelect)
    return opaque_view("no SELECT");
  const bool time_word = scan(definition, base::HashSecret{}).time_word;
  const Assessment a = assess(statements.front(), catalog, SearchPath({}), time_word);
  const Assessment lifted =
      assess(statements.front(), catalog, SearchPath({}), time_word, {.accept_ttl = true});
  ViewFacts facts;
  facts.obstacle = {a.reason, a.detail};
  facts.under_accept_ttl = {lifted.reason, lifted.detail};
  facts.reads.assign(a.reads.begin(), a.reads.end());
  facts.runs_code = a.runs_code || a.unknown_relation || a.changes_settings;
  return facts;
}

}  // namespace

SearchPath::SearchPath(std::vector<std::string> schemas, std::vector<std::string> temporary) {
  std::ranges::sort(temporary);
  temporary_ = std::make_shared<const std::vector<std::string>>(std::move(temporary));
  std::erase_if(schemas, [](const std::string& s) { return s.starts_with("pg_temp"); });
  if (std::ranges::find(schemas, "pg_catalog") == schemas.end())
    schemas.insert(schemas.begin(), "pg_catalog");
  schemas_ = std::make_shared<const std::vector<std::string>>(std::move(schemas));
}

bool SearchPath::is_temporary(std::string_view name) const {
  return std::ranges::binary_search(*temporary_, name, std::less<>{});
}

const Column* Relation::column(Attnum number) const {
  const auto found = std::ranges::find(columns, number, &Column::number);
  return found == columns.end() ? nullptr : &*found;
}

const Column* Relation::column(std::string_view column_name) const {
  const auto found = std::ranges::find(columns, column_name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

Catalog::Catalog() : tables_(std::make_unique<Tables>()) {}
Catalog::~Catalog() = default;

const Relation* Catalog::relation(Oid oid) const {
  const auto found = tables_->relations.find(oid);
  return found == tables_->relations.end() ? nullptr : &found->second;
}

const Relation* Catalog::find_relation(const Name& name, const SearchPath& path) const {
  const auto found = tables_->relations_by_name.find(std::string_view(name.name));
  if (found == tables_->relations_by_name.end()) return nullptr;
  const auto in_schema = [&](std::string_view schema) -> const Relation* {
    const auto match = std::ranges::find(found->second, schema, [](const Relation* r) { return r->schema; });
    return match == found->second.end() ? nullptr : *match;
  };
  if (!name.schema.empty()) return in_schema(name.schema);
  if (path.is_temporary(name.name)) return nullptr;
  for (const std::string& schema : path.schemas()) {
    if (const Relation* relation = in_schema(schema)) return relation;
  }
  return nullptr;
}

FunctionFacts Catalog::function(std::string_view name) const { return facts_of(tables_->functions, name); }

std::span<const Overload> Catalog::overloads(std::string_view name) const {
  const auto found = tables_->overloads.find(name);
  return found == tables_->overloads.end() ? std::span<const Overload>() : found->second;
}

OperatorFacts Catalog::operator_facts(std::string_view name) const {
  return facts_of(tables_->operators, name);
}

TypeFacts Catalog::type(std::string_view name) const { return facts_of(tables_->types, name); }

const ViewFacts& Catalog::view(const Relation& relation) const {
  static const ViewFacts kUnknown = opaque_view("definition not known");
  const std::lock_guard lock(tables_->views_mutex);
  const auto found = tables_->views.find(relation.oid);
  if (found == tables_->views.end()) return kUnknown;
  View& view = found->second;
  if (view.state == View::State::kReady) return view.facts;
  // A cycle cannot be in a sound catalog, but nothing here may depend on that.
  if (view.state == View::State::kResolving || tables_->view_depth >= kViewDepthMax) return kUnknown;
  view.state = View::State::kResolving;
  ++tables_->view_depth;
  view.facts = judge_definition(view.definition, *this);
  --tables_->view_depth;
  view.state = View::State::kReady;
  return view.facts;
}

namespace {

bool follows(const ForeignKey& key, WriteKind kind) {
  const auto acts = [](char action) { return action == 'c' || action == 'n' || action == 'd'; };
  switch (kind) {
    case WriteKind::kDelete:
      return acts(key.on_delete);
    case WriteKind::kUpdate:
      return acts(key.on_update);
    case WriteKind::kMerge:
      return acts(key.on_delete) || acts(key.on_update);
    case WriteKind::kTruncateCascade:
      return true;
    default:
      return false;
  }
}

bool is_table(const Relation& relation) { return relation.kind == 'r' || relation.kind == 'p'; }

}  // namespace

std::optional<Written> Catalog::written_with(const Relation& relation, WriteKind kind) const {
  if (kind == WriteKind::kRefresh) {
    if (relation.kind != 'm' || view(relation).runs_code) return std::nullopt;
    return Written{{relation.oid}, {}};
  }
  struct Step {
    Oid relation;
    WriteKind how;
    bool by_key;
    auto operator<=>(const Step&) const = default;
  };
  std::set<Oid> written;
  std::set<Oid> by_keys;
  std::set<Step> seen;
  std::vector<Step> pending = {{relation.oid, kind, false}};
  while (!pending.empty()) {
    const Step step = pending.back();
    pending.pop_back();
    if (!seen.insert(step).second) continue;
    written.insert(step.relation);
    if (step.by_key) by_keys.insert(step.relation);
    const Relation* const table = this->relation(step.relation);
    if (table == nullptr || !is_table(*table) || table->system || table->write_runs_code ||
        table->has_rules) {
      return std::nullopt;
    }
    // A row that an update moves to another partition is deleted from the first, and foreign keys may refer
    // to that.
    const bool may_move = table->kind == 'p' && step.how == WriteKind::kUpdate;
    const WriteKind below = may_move ? WriteKind::kMerge : step.how;
    for (const Oid child : table->descendants) pending.push_back({child, below, step.by_key});
    const auto keys = tables_->foreign_keys.find(step.relation);
    if (keys == tables_->foreign_keys.end()) continue;
    // What a key's action does to the referencing rows may be an update or a delete.
    const WriteKind next = step.how == WriteKind::kTruncateCascade ? step.how : WriteKind::kMerge;
    for (const ForeignKey& key : keys->second) {
      if (follows(key, step.how)) pending.push_back({key.referencing, next, true});
    }
  }
  return Written{{written.begin(), written.end()}, {by_keys.begin(), by_keys.end()}};
}

}  // namespace pgweir::query
