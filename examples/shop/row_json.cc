#include "row_json.h"

#include <fmt/format.h>

#include <iterator>

namespace shop {

namespace {

// Type OIDs whose text form is a JSON number: int8, int2, int4. numeric and float may be NaN, so their
// text is checked.
constexpr Oid kInt8 = 20, kInt2 = 21, kInt4 = 23, kNumeric = 1700;

bool is_json_number(Oid type, std::string_view text) {
  if (type == kInt4 || type == kInt8 || type == kInt2) return true;
  return type == kNumeric && text.find_first_not_of("-.0123456789") == std::string_view::npos;
}

void append_row(std::string& out, const PGresult* rows, int row) {
  out += '{';
  for (int column = 0; column < PQnfields(rows); ++column) {
    if (column > 0) out += ',';
    append_json_string(out, PQfname(rows, column));
    out += ':';
    if (PQgetisnull(rows, row, column)) {
      out += "null";
      continue;
    }
    const std::string_view value(PQgetvalue(rows, row, column),
                                 static_cast<std::size_t>(PQgetlength(rows, row, column)));
    if (is_json_number(PQftype(rows, column), value)) {
      out += value;
    } else {
      append_json_string(out, value);
    }
  }
  out += '}';
}

}  // namespace

void append_json_string(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string row_to_json(const PGresult* rows, int row) {
  std::string out;
  append_row(out, rows, row);
  return out;
}

std::string rows_to_json(const PGresult* rows) {
  std::string out = "[";
  for (int row = 0; row < PQntuples(rows); ++row) {
    if (row > 0) out += ',';
    append_row(out, rows, row);
  }
  out += ']';
  return out;
}

}  // namespace shop
