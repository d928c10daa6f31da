// Names of rows for generation slots: (relation, column set, values) and (relation, column set, any).
// Two values that PostgreSQL's default equality takes for equal have one canonical form, whoever gives
// them: a literal, a parameter in text or binary, the change stream.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "query/pin.h"

namespace pgweir::query {

// Types in which equal values have one canonical form, by what can be compared with what.
enum class ValueFamily : std::uint8_t {
  kNone,     // every other type
  kInteger,  // int2, int4, int8
  kBool,
  kUuid,
  kText,  // text, varchar; only under a deterministic collation
};
ValueFamily value_family(Oid type);

struct RawValue {
  enum class Form : std::uint8_t {
    kNumber,  // a number as it stands in a statement's text
    kText,    // what a string literal holds, a parameter in text format, or a value in the change stream
    kBinary,  // a parameter in binary format
  } form = Form::kText;
  std::string_view bytes;
  // Of a parameter: as declared. 0: the column's own type, or (parameters) another of its family.
  Oid type = 0;
};

// The canonical form of a value that is compared with, or stored in, a column of this type; nullopt: not
// plainly one, so whatever it stands for must fall back to its relation's name. Integers are read as
// PostgreSQL's input does, but for the notations that only some versions know. Text comes in UTF-8, or
// is ASCII. Any thread.
std::optional<std::string> canonicalize(Oid column_type, const RawValue& value);

// `columns`: ascending attnums; `values`: their canonical values, in the same order. The secret is the
// one that all of a database's names share. Different databases may give equal names: mix the database in.
std::uint64_t row_name(const base::HashSecret& secret, Oid relation, std::span<const Attnum> columns,
                       std::span<const std::string> values);
// All rows of the relation, as far as replies are pinned by this column set.
std::uint64_t any_name(const base::HashSecret& secret, Oid relation, std::span<const Attnum> columns);

}  // namespace pgweir::query
