#include "query/pinner.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "query/level_facts.h"
#include "query/row_name.h"

namespace pgweir::query {
namespace {

constexpr std::size_t kPinsMax = 256;        // of one verdict
constexpr std::size_t kAppearancesMax = 16;  // of one relation

// The types that PostgreSQL finds for parameters whose type Parse leaves open: if each use of one is a
// comparison with, or a value for, a column of one family, it is of that family.
class ParameterTypes {
 public:
  explicit ParameterTypes(const Predicates& predicates) : predicates_(predicates) {}

  void add(const Column& column, const ValueSource& source) {
    if (source.kind == ValueSource::Kind::kParameter) ++uses_[{source.number, value_family(column.type)}];
  }
  ValueSource typed(const Column& column, ValueSource source) const {
    if (source.kind != ValueSource::Kind::kParameter) return source;
    const auto found = uses_.find({source.number, value_family(column.type)});
    const auto& all = predicates_.parameter_uses;
    source.inferred =
        found != uses_.end() && source.number <= all.size() && found->second == all[source.number - 1U];
    return source;
  }

 private:
  const Predicates& predicates_;
  std::map<std::pair<std::uint16_t, ValueFamily>, std::size_t> uses_;
};

// By name, since descendants have the same columns in other places.
using ByColumn = std::map<std::string_view, const std::vector<ValueSource>*>;

// Of two conditions on a column the one with fewer values.
ByColumn by_column(const PinnedBy& pinned) {
  ByColumn result;
  for (const auto& [column, values] : pinned) {
    const auto [place, added] = result.emplace(column->name, values);
    if (!added && values->size() < place->second->size()) place->second = values;
  }
  return result;
}

std::optional<Pin> pin_of(const Relation& relation, const ColumnSet& set, const ByColumn& values,
                          const ParameterTypes& types) {
  Pin pin;
  std::size_t rows = 1;
  for (const Attnum number : set.columns) {
    const Column* const column = relation.column(number);
    const auto found = column == nullptr ? values.end() : values.find(column->name);
    if (found == values.end()) return std::nullopt;
    PinnedColumn& pinned = pin.columns.emplace_back();
    pinned.column = number;
    pinned.type = column->type;
    for (const ValueSource& source : *found->second)
      pinned.alternatives.push_back(types.typed(*column, source));
    rows *= pinned.alternatives.size();
    if (rows > Pin::kRowsMax) return std::nullopt;
  }
  return pin;
}

// The set that fewest changes touch: the stream knows old values of the identity, a unique set means one
// row, and more columns fewer rows.
std::optional<Pin> best_pin(const Relation& relation, const ByColumn& values, const ParameterTypes& types) {
  std::optional<Pin> best;
  std::tuple<bool, bool, std::size_t> best_rank;
  for (const ColumnSet& set : relation.column_sets) {
    const std::tuple rank(set.identity, set.unique, set.columns.size());
    if (best && rank <= best_rank) continue;
    if (auto pin = pin_of(relation, set, values, types)) {
      best = std::move(pin);
      best_rank = rank;
    }
  }
  return best;
}

// Calls visit for the relation and each of its descendants.
template <class Visit>
void each_read_with(const Relation& relation, const Catalog& catalog, const Visit& visit) {
  visit(relation);
  for (const Oid child : relation.descendants) {
    if (const Relation* const descendant = catalog.relation(child)) visit(*descendant);
  }
}

class ReadPins {
 public:
  ReadPins(const Statement& statement, const Catalog& catalog, const SearchPath& path)
      : catalog_(catalog), types_(statement.predicates) {
    for (const QueryLevel& level : statement.predicates.levels) {
      levels_.emplace_back(level, catalog, path);
      levels_.back().each_comparison([this](const Column& c, const ValueSource& s) { types_.add(c, s); });
    }
  }

  std::vector<RelationPins> run(const std::set<Oid>& unseen) {
    for (const Oid relation : unseen) pins_[relation].whole = true;
    for (LevelFacts& level : levels_) {
      const std::vector<PinnedBy> pinned = level.pinned();
      for (std::size_t i = 0; i < pinned.size(); ++i) {
        if (level.relation(i) != nullptr) appears(*level.relation(i), by_column(pinned[i]));
      }
    }
    return take();
  }

 private:
  struct Appearances {
    bool whole = false;  // one of them has no pin
    std::vector<Pin> pins;
  };

  void appears(const Relation& relation, const ByColumn& values) {
    each_read_with(relation, catalog_, [&](const Relation& read) {
      Appearances& all = pins_[read.oid];
      auto pin = all.whole ? std::nullopt : best_pin(read, values, types_);
      if (!pin || all.pins.size() >= kAppearancesMax) {
        all.whole = true;
        all.pins.clear();
      } else {
        all.pins.push_back(std::move(*pin));
      }
    });
  }

  std::vector<RelationPins> take() {
    std::vector<RelationPins> result;
    std::size_t count = 0;
    for (auto& [relation, appearances] : pins_) {
      if (appearances.whole) continue;
      count += appearances.pins.size();
      result.push_back({relation, std::move(appearances.pins)});
    }
    if (count > kPinsMax) result.clear();
    return result;
  }

  const Catalog& catalog_;
  ParameterTypes types_;
  std::vector<LevelFacts> levels_;
  std::map<Oid, Appearances> pins_;
};

// A column's value before and after; nullptr: not known.
using OneValue = std::vector<ValueSource>;

class ChangePins {
 public:
  ChangePins(const Statement& statement, const Relation& target, const Catalog& catalog,
             const SearchPath& path)
      : statement_(statement),
        change_(*statement.predicates.change),
        target_(target),
        catalog_(catalog),
        path_(path),
        types_(statement.predicates) {}

  std::vector<RelationPins> run(const std::vector<Oid>& by_keys) {
    add_types();
    find_old_values();
    std::vector<RelationPins> result;
    std::size_t count = 0;
    each_read_with(target_, catalog_, [&](const Relation& relation) {
      if (std::ranges::find(by_keys, relation.oid) != by_keys.end()) return;
      std::vector<Pin> pins;
      for (const ColumnSet& set : relation.column_sets) {
        const std::vector<Pin> more = change_.level ? updated(relation, set) : inserted(relation, set);
        pins.insert(pins.end(), more.begin(), more.end());
      }
      count += pins.size();
      if (!pins.empty()) result.push_back({relation.oid, std::move(pins)});
    });
    if (count > kPinsMax) result.clear();
    std::ranges::sort(result, {}, &RelationPins::relation);
    return result;
  }

 private:
  void add_types() {
    for (const QueryLevel& level : statement_.predicates.levels) {
      LevelFacts(level, catalog_, path_).each_comparison([this](const Column& c, const ValueSource& s) {
        types_.add(c, s);
      });
    }
    for (const Assignment& assignment : change_.assigned) {
      const Column* const column = target_.column(assignment.column);
      if (column != nullptr && assignment.value) types_.add(*column, *assignment.value);
    }
    for (const auto& row : change_.rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        const Column* const column = inserted_column(i);
        if (column != nullptr && row[i]) types_.add(*column, *row[i]);
      }
    }
  }

  void find_old_values() {
    if (!change_.level) return;
    const QueryLevel& level = statement_.predicates.levels[*change_.level];
    old_ = by_column(LevelFacts(level, catalog_, path_).pinned().front());
  }

  const Column* inserted_column(std::size_t index) const {
    if (!change_.columns.empty()) {
      return index < change_.columns.size() ? target_.column(change_.columns[index]) : nullptr;
    }
    const auto found =
        std::ranges::find(target_.columns, static_cast<std::int16_t>(index + 1), &Column::position);
    return found == target_.columns.end() ? nullptr : &*found;
  }

  const Assignment* assignment(std::string_view column) const {
    const auto found = std::ranges::find(change_.assigned, column, &Assignment::column);
    return found == change_.assigned.end() ? nullptr : &*found;
  }

  bool is_assigned(const Relation& relation, const ColumnSet& set) const {
    return std::ranges::any_of(
        set.columns, [&](Attnum number) { return assignment(relation.column(number)->name) != nullptr; });
  }

  // Old and new rows; none: not known.
  std::vector<Pin> updated(const Relation& relation, const ColumnSet& set) const {
    auto before = pin_of(relation, set, old_, types_);
    if (!before) return {};
    if (!is_assigned(relation, set)) return {std::move(*before)};
    Pin after = *before;
    for (PinnedColumn& pinned : after.columns) {
      const Column& column = *relation.column(pinned.column);
      const Assignment* const stored = assignment(column.name);
      if (stored == nullptr) continue;
      if (!stored->value) return {};
      pinned.assigned = true;
      pinned.alternatives = {types_.typed(column, *stored->value)};
    }
    return {std::move(*before), std::move(after)};
  }

  // ON CONFLICT DO UPDATE leaves these columns of the row it finds as they are, and equal to the new row's.
  bool is_arbiter(const Relation& relation, const ColumnSet& set) const {
    if (is_assigned(relation, set)) return false;
    std::vector<Attnum> named;
    for (const std::string& name : change_.conflict_columns) {
      const Column* const column = target_.column(name);
      if (column == nullptr) return false;
      named.push_back(column->number);
    }
    std::ranges::sort(named);
    const auto arbiter = std::ranges::find(target_.column_sets, named, &ColumnSet::columns);
    if (arbiter == target_.column_sets.end() || !arbiter->arbiter) return false;
    return std::ranges::all_of(set.columns, [&](Attnum number) {
      return std::ranges::find(change_.conflict_columns, relation.column(number)->name) !=
             change_.conflict_columns.end();
    });
  }

  std::vector<Pin> inserted(const Relation& relation, const ColumnSet& set) const {
    if (change_.updates_conflicting && !is_arbiter(relation, set)) return {};
    std::vector<Pin> pins;
    for (const auto& row : change_.rows) {
      Pin pin;
      for (const Attnum number : set.columns) {
        const Column& column = *relation.column(number);
        const ValueSource* const source = inserted_value(row, column.name);
        if (source == nullptr) return {};
        pin.columns.push_back({.column = number,
                               .type = column.type,
                               .assigned = true,
                               .alternatives = {types_.typed(column, *source)}});
      }
      pins.push_back(std::move(pin));
    }
    return pins;
  }

  const ValueSource* inserted_value(const std::vector<std::optional<ValueSource>>& row,
                                    std::string_view name) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Column* const column = inserted_column(i);
      if (column != nullptr && column->name == name) return row[i] ? &*row[i] : nullptr;
    }
    return nullptr;
  }

  const Statement& statement_;
  const RowChange& change_;
  const Relation& target_;
  const Catalog& catalog_;
  const SearchPath& path_;
  ParameterTypes types_;
  ByColumn old_;  // of the target's rows that are changed
};

}  // namespace

void pin_reads(const Statement& statement, const Assessment& assessment, const Catalog& catalog,
               const SearchPath& path, Verdict& verdict) {
  if (!statement.predicates.complete || assessment.row_security || assessment.equality_added) return;
  verdict.pins = ReadPins(statement, catalog, path).run(assessment.unseen_reads);
  std::erase_if(verdict.pins, [&verdict](const RelationPins& pins) {
    return !std::ranges::binary_search(verdict.reads, pins.relation);
  });
}

std::vector<RelationPins> pin_changes(const Statement& statement, const Assessment& assessment,
                                      const Catalog& catalog, const SearchPath& path) {
  const auto& change = statement.predicates.change;
  if (!change || assessment.equality_added) return {};
  // ON CONFLICT DO UPDATE counts as two.
  if (statement.writes.size() != (change->updates_conflicting ? 2U : 1U)) return {};
  const WriteUse& write = statement.writes.front();
  const Relation* const target =
      write.relation.other_database ? nullptr : catalog.find_relation(write.relation.name, path);
  if (target == nullptr) return {};
  std::vector<Oid> by_keys;
  for (const WriteUse& use : statement.writes) {
    const auto written = catalog.written_with(*target, use.kind);
    if (!written) return {};
    by_keys.insert(by_keys.end(), written->by_keys.begin(), written->by_keys.end());
  }
  return ChangePins(statement, *target, catalog, path).run(by_keys);
}

}  // namespace pgweir::query
