// Pins: which rows of a relation a statement can depend on or change, told by equality on the columns
// of one column set (see ColumnSet in catalog.h). Where their values stand is known from the shape of
// a statement, the values themselves only from one text and one Bind: dependencies.h puts both together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgweir::query {

using Oid = std::uint32_t;
using Attnum = std::int16_t;  // pg_attribute.attnum

// Where a value stands.
struct ValueSource {
  enum class Kind : std::uint8_t {
    kLiteral,    // number: ordinal among the string and number literals of the text, from 0
    kParameter,  // number: as in $1, from 1
    kNull,       // the word NULL
  } kind = Kind::kLiteral;
  // Of a parameter: if Parse leaves its type open, PostgreSQL gives it one of this column's family.
  // Otherwise its type must be declared to be of use.
  bool inferred = false;
  std::uint16_t number = 0;
  friend bool operator==(const ValueSource&, const ValueSource&) = default;
};

struct PinnedColumn {
  Attnum column = 0;
  Oid type = 0;                           // of the column
  bool assigned = false;                  // stored in the column, not compared with it
  std::vector<ValueSource> alternatives;  // the value is one of these; never empty
};

// Rows of one relation: in each of these columns one of its values. The columns are one column set of
// the relation, ascending.
struct Pin {
  static constexpr std::size_t kRowsMax = 64;  // the product of all alternatives

  std::vector<PinnedColumn> columns;
};

// All rows of one relation that matter lie within the union of these pins.
struct RelationPins {
  Oid relation = 0;
  std::vector<Pin> pins;  // never empty
};

}  // namespace pgweir::query
