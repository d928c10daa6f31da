#include "query/dependencies.h"

#include <algorithm>
#include <string>

#include "query/literals.h"
#include "query/row_name.h"

namespace pgweir::query {
namespace {

template <class T>
void sort_unique(std::vector<T>& values) {
  std::ranges::sort(values);
  const auto rest = std::ranges::unique(values);
  values.erase(rest.begin(), rest.end());
}

bool is_ascii(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// One canonical value, or that there is none.
struct Value {
  enum class Kind : std::uint8_t { kUnknown, kNull, kKnown } kind = Kind::kUnknown;
  std::string canonical;
};

Value known_or_unknown(std::optional<std::string> canonical) {
  if (!canonical) return {};
  return {Value::Kind::kKnown, std::move(*canonical)};
}

// Reads the values of one execution.
class Values {
 public:
  Values(const Execution& execution, std::span<const RelationPins> pins) : execution_(execution) {
    std::size_t needed = 0;
    for (const RelationPins& relation : pins) {
      for (const Pin& pin : relation.pins) needed = std::max(needed, literals_needed(pin));
    }
    if (needed != 0) literals_ = literals_of(execution.sql, needed);
  }

  Value operator()(const PinnedColumn& column, const ValueSource& source) const {
    switch (source.kind) {
      case ValueSource::Kind::kNull:
        return {Value::Kind::kNull, {}};
      case ValueSource::Kind::kParameter:
        return parameter(column, source);
      case ValueSource::Kind::kLiteral:
        return literal(column, source);
    }
    return {};
  }

 private:
  static std::size_t literals_needed(const Pin& pin) {
    std::size_t needed = 0;
    for (const PinnedColumn& column : pin.columns) {
      for (const ValueSource& source : column.alternatives) {
        if (source.kind == ValueSource::Kind::kLiteral)
          needed = std::max<std::size_t>(needed, source.number + 1U);
      }
    }
    return needed;
  }

  Value canonical(const PinnedColumn& column, const RawValue& raw) const {
    if (value_family(column.type) == ValueFamily::kText) {
      if (!execution_.utf8 && !is_ascii(raw.bytes)) return {};
      // varchar(n) drops blanks beyond n when it stores, though never when it compares.
      if (column.assigned && raw.bytes.ends_with(' ')) return {};
    }
    return known_or_unknown(canonicalize(column.type, raw));
  }

  Value parameter(const PinnedColumn& column, const ValueSource& source) const {
    if (source.number == 0 || source.number > execution_.parameters.size()) return {};
    const Parameter& parameter = execution_.parameters[source.number - 1U];
    if (parameter.type == 0 && !source.inferred) return {};
    // Even a NULL of another family decides how the other values of an IN list are compared.
    if (parameter.type != 0 && value_family(parameter.type) != value_family(column.type)) return {};
    if (!parameter.value) return {Value::Kind::kNull, {}};
    const auto form = parameter.binary ? RawValue::Form::kBinary : RawValue::Form::kText;
    return canonical(column, {form, *parameter.value, parameter.type});
  }

  Value literal(const PinnedColumn& column, const ValueSource& source) const {
    if (source.number >= literals_.size()) return {};
    const Literal& literal = literals_[source.number];
    if (literal.kind == TokenKind::kInteger || literal.kind == TokenKind::kFloat)
      return canonical(column, {RawValue::Form::kNumber, literal.raw});
    const auto text = string_value(literal);
    if (!text) return {};
    return canonical(column, {RawValue::Form::kText, *text});
  }

  const Execution& execution_;
  std::vector<Literal> literals_;
};

std::vector<Attnum> columns_of(const Pin& pin) {
  std::vector<Attnum> columns;
  for (const PinnedColumn& column : pin.columns) columns.push_back(column.column);
  return columns;
}

// Appends the names of the rows that a pin leaves. False: a value is not known. Where a value is NULL
// there is no such row that a pinned reply could hold.
bool append_rows(Oid relation, const Pin& pin, const Values& values, const base::HashSecret& secret,
                 std::vector<std::uint64_t>& out) {
  std::vector<std::vector<std::string>> rows(1);
  for (const PinnedColumn& column : pin.columns) {
    std::vector<std::vector<std::string>> longer;
    for (const ValueSource& source : column.alternatives) {
      const Value value = values(column, source);
      if (value.kind == Value::Kind::kUnknown) return false;
      if (value.kind == Value::Kind::kNull) continue;
      for (const auto& row : rows) {
        longer.push_back(row);
        longer.back().push_back(value.canonical);
      }
    }
    rows = std::move(longer);
    if (rows.size() > Pin::kRowsMax) return false;
  }
  const std::vector<Attnum> columns = columns_of(pin);
  for (const auto& row : rows) out.push_back(row_name(secret, relation, columns, row));
  return true;
}

const RelationPins* find(std::span<const RelationPins> pins, Oid relation) {
  const auto found = std::ranges::lower_bound(pins, relation, {}, &RelationPins::relation);
  return found != pins.end() && found->relation == relation ? &*found : nullptr;
}

// False: some pin has no values here, so the reply depends on the whole relation.
bool append_pinned(const RelationPins& pinned, const Values& values, const base::HashSecret& secret,
                   std::vector<std::uint64_t>& out) {
  const std::size_t before = out.size();
  for (const Pin& pin : pinned.pins) {
    if (!append_rows(pinned.relation, pin, values, secret, out)) {
      out.resize(before);
      return false;
    }
    out.push_back(any_name(secret, pinned.relation, columns_of(pin)));
  }
  return true;
}

// The names that a write to the relation moves for one of its column sets.
void append_written(const Relation& relation, const ColumnSet& set, const RelationPins* known,
                    const Values& values, const base::HashSecret& secret, std::vector<std::uint64_t>& out) {
  const std::size_t before = out.size();
  bool complete = false;
  if (known != nullptr) {
    for (const Pin& pin : known->pins) {
      if (columns_of(pin) != set.columns) continue;
      complete = append_rows(relation.oid, pin, values, secret, out);
      if (!complete) break;
    }
  }
  if (complete) return;
  out.resize(before);
  out.push_back(any_name(secret, relation.oid, set.columns));
}

// Of a set's columns in one row.
enum class SetImage : std::uint8_t { kUnknown, kNull, kKnown };
SetImage image_of(const Relation& relation, const ColumnSet& set, std::span<const ColumnImage> row,
                  std::vector<std::string>& values) {
  values.clear();
  SetImage result = SetImage::kKnown;
  for (const Attnum number : set.columns) {
    const auto column = std::ranges::find(relation.columns, number, &Column::number);
    const auto index = static_cast<std::size_t>(column - relation.columns.begin());
    if (index >= row.size() || row[index].kind == ColumnImage::Kind::kUnknown) {
      result = SetImage::kUnknown;
      continue;
    }
    if (row[index].kind == ColumnImage::Kind::kNull) return SetImage::kNull;
    auto canonical = canonicalize(column->type, {RawValue::Form::kText, row[index].text});
    if (!canonical) {
      result = SetImage::kUnknown;
      continue;
    }
    values.push_back(std::move(*canonical));
  }
  return result;
}

}  // namespace

void read_names(const Verdict& verdict, const Execution& execution, const base::HashSecret& secret,
                Names& out) {
  out.clear();
  const Values values(execution, verdict.pins);
  for (const Oid relation : verdict.reads) {
    const RelationPins* const pinned = find(verdict.pins, relation);
    if (pinned == nullptr || !append_pinned(*pinned, values, secret, out.rows))
      out.relations.push_back(relation);
  }
  sort_unique(out.rows);
}

void write_names(const Verdict& verdict, const Catalog& catalog, const Execution& execution,
                 const base::HashSecret& secret, Names& out) {
  out.clear();
  const std::vector<RelationPins>& changes = verdict.effects.row_changes;
  const Values values(execution, changes);
  for (const Oid oid : verdict.effects.writes) {
    out.relations.push_back(oid);
    const Relation* const relation = catalog.relation(oid);
    if (relation == nullptr) continue;
    const RelationPins* const known = find(changes, oid);
    for (const ColumnSet& set : relation->column_sets)
      append_written(*relation, set, known, values, secret, out.rows);
  }
  sort_unique(out.rows);
}

void append_any_names(const Relation& relation, const base::HashSecret& secret,
                      std::vector<std::uint64_t>& out) {
  for (const ColumnSet& set : relation.column_sets)
    out.push_back(any_name(secret, relation.oid, set.columns));
}

void append_change_names(const Relation& relation, std::span<const ColumnImage> before,
                         std::span<const ColumnImage> after, const base::HashSecret& secret,
                         std::vector<std::uint64_t>& out) {
  std::vector<std::string> values;
  for (const ColumnSet& set : relation.column_sets) {
    bool unknown = false;
    for (const auto row : {before, after}) {
      if (row.empty()) continue;
      const SetImage image = image_of(relation, set, row, values);
      if (image == SetImage::kKnown) out.push_back(row_name(secret, relation.oid, set.columns, values));
      unknown = unknown || image == SetImage::kUnknown;
    }
    if (unknown) out.push_back(any_name(secret, relation.oid, set.columns));
  }
}

}  // namespace pgweir::query
