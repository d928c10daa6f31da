// Rows of a result as JSON: numbers bare, everything else as strings, NULL as null.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

namespace shop {

// Appends value as a JSON string, quotes included.
void append_json_string(std::string& out, std::string_view value);

// {"column":value,...} for one row; the row must exist.
std::string row_to_json(const PGresult* rows, int row);

// [{...},{...}] for all rows.
std::string rows_to_json(const PGresult* rows);

}  // namespace shop
