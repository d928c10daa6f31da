#include "query/judge.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "query/assess.h"
#include "query/pinner.h"

namespace pgweir::query {
namespace {

void do_anything(Effects& effects) {
  effects.writes_everything = true;
  effects.changes_settings = true;
  effects.changes_names = true;
}

void define(Effects& effects) {
  effects.changes_catalog = true;
  effects.is_ddl = true;
}

void apply(const Statement& statement, const Assessment& assessment, Effects& effects) {
  if (assessment.runs_code || assessment.unknown_relation) do_anything(effects);
  if (assessment.runs_code) effects.changes_catalog = true;  // code may hold DDL
  effects.changes_settings |= assessment.changes_settings;
  effects.changes_names |= assessment.changes_settings && statement.sets_names;
}

bool is_empty(const Effects& e) {
  return !e.writes_everything && e.writes.empty() && !e.changes_settings && !e.changes_catalog &&
         !e.may_commit;
}

// What statements do that do not depend on names. `verdict` comes with reason kNotRead.
void judge_by_kind(const Statement& statement, Verdict& verdict) {
  Effects& effects = verdict.effects;
  switch (statement.kind) {
    case StatementKind::kSelect:
    case StatementKind::kWrite:
    case StatementKind::kCopyTo:
    case StatementKind::kExplain:
    case StatementKind::kExplainAnalyze:
    case StatementKind::kDeclareCursor:
      break;  // by their trees
    case StatementKind::kShow:
    case StatementKind::kCloseCursor:
      verdict.harmless = true;
      break;
    case StatementKind::kTransaction:
      // A two-phase transaction's writes were not seen by this session.
      if (statement.transaction == TransactionControl::kOther) {
        effects.writes_everything = true;
        define(effects);
      }
      verdict.harmless = statement.transaction != TransactionControl::kOther &&
                         statement.transaction != TransactionControl::kPrepare;
      break;
    case StatementKind::kSet:
    case StatementKind::kSetTransaction:
      effects.changes_settings = true;
      effects.changes_names = statement.sets_names;
      break;
    case StatementKind::kDiscard:
      effects.changes_settings = effects.changes_names = true;
      verdict.touches_prepared = true;
      break;
    case StatementKind::kFetch:
      do_anything(effects);
      effects.changes_catalog = true;
      verdict.fetches_cursor = true;
      break;
    case StatementKind::kPrepare:
    case StatementKind::kDeallocate:
      verdict.touches_prepared = true;
      break;
    case StatementKind::kExecute:
      do_anything(effects);
      effects.changes_catalog = true;
      break;
    case StatementKind::kCall:
      do_anything(effects);
      effects.changes_catalog = true;
      effects.may_commit = true;
      break;
    case StatementKind::kNotify:
    case StatementKind::kLock:
      break;
    case StatementKind::kMaintenance:  // may run the functions of indexes
      do_anything(effects);
      effects.may_commit = true;
      break;
    case StatementKind::kDdl:
      do_anything(effects);
      define(effects);
      break;
  }
}

void add_writes(const Statement& statement, const Catalog& catalog, const SearchPath& path,
                Effects& effects) {
  for (const WriteUse& write : statement.writes) {
    const RelationUse& use = write.relation;
    const Relation* const relation = use.other_database ? nullptr : catalog.find_relation(use.name, path);
    const auto written = relation == nullptr ? std::nullopt : catalog.written_with(*relation, write.kind);
    if (!written || write.kind == WriteKind::kRefresh) {  // REFRESH fires event triggers
      do_anything(effects);
      effects.changes_catalog = effects.changes_catalog || relation != nullptr;  // code may hold DDL
      continue;
    }
    effects.writes.insert(effects.writes.end(), written->relations.begin(), written->relations.end());
  }
}

bool is_tree(StatementKind kind) {
  return kind == StatementKind::kSelect || kind == StatementKind::kWrite || kind == StatementKind::kCopyTo ||
         kind == StatementKind::kExplain || kind == StatementKind::kExplainAnalyze ||
         kind == StatementKind::kDeclareCursor;
}

// Only tables hold rows; what stands above them is followed through them.
Oid first_unfollowed(const std::vector<Oid>& reads, const Catalog& catalog) {
  for (const Oid oid : reads) {
    const Relation* const relation = catalog.relation(oid);
    const bool holds_rows = relation == nullptr || (relation->kind != 'p' && relation->kind != 'v');
    if (holds_rows && (relation == nullptr || relation->followed_by == 0)) return oid;
  }
  return 0;
}

void judge_select(const Statement& statement, const Catalog& catalog, Assessment& assessment,
                  Verdict& verdict) {
  verdict.reason = assessment.reason;
  verdict.detail = std::move(assessment.detail);
  if (!statement.writes.empty() || statement.data_modifying_cte) {
    verdict.reason = Reason::kDataModifyingCte;
    verdict.detail.clear();
  }
  if (statement.creates_table) {
    verdict.reason = Reason::kNotRead;
    verdict.detail = "SELECT INTO";
  }
  verdict.reads.assign(assessment.reads.begin(), assessment.reads.end());
  verdict.unfollowed = first_unfollowed(verdict.reads, catalog);
}

// What rule and hints say, as far as they may. A rule is found by what is read, whatever it lifts then.
void direct(const Statement& statement, const Catalog& catalog, const SearchPath& path, bool time_word,
            const Directions& directions, Assessment& assessment, Verdict& verdict) {
  const RuleConfig* const rule =
      directions.rules == nullptr ? nullptr
                                  : directions.rules->first(directions.candidates, assessment.reads, catalog);
  if (rule != nullptr) {
    verdict.rule = directions.rules->index_of(*rule);
    verdict.ttl = rule->ttl.value_or(0);
    verdict.accept_ttl = rule->accept_ttl;
    verdict.stale_while_revalidate = rule->stale_while_revalidate.value_or(0);
    verdict.stale_if_error = rule->stale_if_error.value_or(0);
  }
  if (directions.hint.ttl != 0) verdict.ttl = directions.hint.ttl;
  if (directions.hint.stale_while_revalidate != 0)
    verdict.stale_while_revalidate = directions.hint.stale_while_revalidate;
  if (directions.hint.stale_if_error != 0) verdict.stale_if_error = directions.hint.stale_if_error;
  verdict.accept_ttl = verdict.accept_ttl || directions.hint.accept_ttl;
  Lifts lifts{.accept_ttl = verdict.accept_ttl};
  if (rule != nullptr) lifts.trust = rule->trust;
  if (lifts.accept_ttl || !lifts.trust.empty())
    assessment = assess(statement, catalog, path, time_word, lifts);
}

// A statement that could be kept, and is not to be.
void take_aside(const Directions& directions, Verdict& verdict) {
  if (directions.hint.bad) {
    verdict.reason = Reason::kBadHint;
    verdict.detail.clear();
  }
  if (!verdict.cacheable()) return;
  if (directions.hint.bypass) verdict.reason = Reason::kHint;
  if (verdict.rule == Verdict::kNoRule) return;
  const RuleConfig& rule = directions.rules->list()[static_cast<std::size_t>(verdict.rule)];
  if (!rule.bypass) return;
  verdict.reason = Reason::kRule;
  verdict.detail = rule.name;
}

void judge_tree(const Statement& statement, const Catalog& catalog, const SearchPath& path, bool time_word,
                const Directions& directions, Verdict& verdict) {
  Assessment assessment = assess(statement, catalog, path, time_word);
  if (statement.kind == StatementKind::kSelect)
    direct(statement, catalog, path, time_word, directions, assessment, verdict);
  apply(statement, assessment, verdict.effects);
  // EXPLAIN plans, and planning may run functions; it writes nothing.
  const bool runs = statement.kind != StatementKind::kExplain;
  if (runs) add_writes(statement, catalog, path, verdict.effects);
  if (runs && statement.creates_table) {
    do_anything(verdict.effects);
    define(verdict.effects);
  }
  verdict.harmless = is_empty(verdict.effects) && !statement.locking && !assessment.changes_state;
  if (runs && !verdict.effects.writes_everything && !verdict.effects.writes.empty())
    verdict.effects.row_changes = pin_changes(statement, assessment, catalog, path);
  if (statement.kind != StatementKind::kSelect) return;
  judge_select(statement, catalog, assessment, verdict);
  take_aside(directions, verdict);
  if (verdict.cacheable()) pin_reads(statement, assessment, catalog, path, verdict);
}

// By the parse tree's node; a rename may be a database's.
bool wants_idle_databases(std::string_view tag) {
  return tag == "DropdbStmt" || tag == "CreatedbStmt" || tag == "AlterDatabaseStmt" || tag == "RenameStmt";
}

Verdict judge_one(const Statement& statement, const Catalog* catalog, const SearchPath& path, bool time_word,
                  const Directions& directions) {
  Verdict verdict;
  verdict.reason = Reason::kNotRead;
  verdict.detail = statement.tag;
  verdict.transaction = statement.transaction;
  verdict.wants_idle_databases = wants_idle_databases(statement.tag);
  judge_by_kind(statement, verdict);
  if (!is_tree(statement.kind)) return verdict;
  if (catalog != nullptr) {
    judge_tree(statement, *catalog, path, time_word, directions, verdict);
  } else {
    if (statement.kind == StatementKind::kSelect) verdict.reason = Reason::kUnknownRelation;
    do_anything(verdict.effects);
    if (statement.creates_table) define(verdict.effects);
  }
  return verdict;
}

void sort_unique(std::vector<Oid>& oids) {
  std::ranges::sort(oids);
  const auto rest = std::ranges::unique(oids);
  oids.erase(rest.begin(), rest.end());
}

void merge(Verdict& into, const Verdict& next) {
  Effects& effects = into.effects;
  effects.writes_everything |= next.effects.writes_everything;
  effects.changes_settings |= next.effects.changes_settings;
  effects.changes_names |= next.effects.changes_names;
  effects.changes_catalog |= next.effects.changes_catalog;
  effects.is_ddl |= next.effects.is_ddl;
  effects.may_commit |= next.effects.may_commit || next.transaction != TransactionControl::kNone;
  effects.writes.insert(effects.writes.end(), next.effects.writes.begin(), next.effects.writes.end());
  into.reads.insert(into.reads.end(), next.reads.begin(), next.reads.end());
  into.fetches_cursor |= next.fetches_cursor;
  into.touches_prepared |= next.touches_prepared;
  into.wants_idle_databases |= next.wants_idle_databases;
  into.harmless = into.harmless && next.harmless && next.transaction == TransactionControl::kNone;
  if (next.transaction != TransactionControl::kNone &&
      into.transaction != TransactionControl::kBeginWithOptions) {
    into.transaction = next.transaction;
  }
}

Verdict judge_all(const Syntax& syntax, const Catalog* catalog, const SearchPath& path, bool time_word,
                  const Directions& directions) {
  Verdict verdict;
  const auto& statements = syntax.statements();
  if (statements.size() == 1) {
    verdict = judge_one(statements.front(), catalog, path, time_word, directions);
  } else {
    verdict.reason = statements.empty() ? Reason::kNotRead : Reason::kMultiStatement;
    verdict.detail = statements.empty() ? "empty query" : "";
    verdict.harmless = true;
    for (const Statement& statement : statements) {
      merge(verdict, judge_one(statement, catalog, path, time_word, {}));
    }
  }
  // A function can DEALLOCATE too.
  if (verdict.effects.writes_everything) verdict.touches_prepared = true;
  sort_unique(verdict.effects.writes);
  sort_unique(verdict.reads);
  return verdict;
}

}  // namespace

bool is_plain_parameter_type(Oid type) {
  // From pg_type.dat, where oids never change: the reg types and aclitem, timetz, and their arrays.
  static constexpr auto kOthers =
      std::to_array<Oid>({24,   1008, 1033, 1034, 1266, 1270, 2202, 2203, 2204, 2205, 2206, 2207, 2208,
                          2209, 2210, 2211, 3734, 3735, 3769, 3770, 4089, 4090, 4096, 4097, 4191, 4192});
  static_assert(std::ranges::is_sorted(kOthers));
  constexpr Oid kFirstUserOid = 16384;
  return type < kFirstUserOid && !std::ranges::binary_search(kOthers, type);
}

Verdict judge(const Syntax& syntax, const Catalog& catalog, const SearchPath& path, bool time_word,
              const Directions& directions) {
  return judge_all(syntax, &catalog, path, time_word, directions);
}

Verdict judge_without_catalog(const Syntax& syntax) {
  static const SearchPath kNoPath({});
  return judge_all(syntax, nullptr, kNoPath, false, {});
}

Verdict unknown_verdict(Reason reason, std::string detail) {
  Verdict verdict;
  verdict.reason = reason;
  verdict.detail = std::move(detail);
  do_anything(verdict.effects);
  define(verdict.effects);
  verdict.effects.may_commit = true;
  verdict.touches_prepared = true;
  return verdict;
}

}  // namespace pgweir::query
