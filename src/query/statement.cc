#include "query/statement.h"

#include <array>

#include "base/check.h"

namespace pgweir::query {

std::string_view reason_name(Reason reason) {
  static constexpr std::array<std::string_view, kReasonCount> kNames = {"none",
                                                                        "not_read",
                                                                        "unparsable",
                                                                        "unsafe_encoding",
                                                                        "multi_statement",
                                                                        "no_table",
                                                                        "unknown_relation",
                                                                        "system_catalog",
                                                                        "temp_relation",
                                                                        "unlogged_relation",
                                                                        "foreign_table",
                                                                        "view",
                                                                        "materialized_view",
                                                                        "row_security",
                                                                        "rewrite_rule",
                                                                        "volatile_function",
                                                                        "user_function",
                                                                        "user_type",
                                                                        "time_literal",
                                                                        "time_function",
                                                                        "session_function",
                                                                        "locking",
                                                                        "data_modifying_cte",
                                                                        "tablesample",
                                                                        "sequence",
                                                                        "unsupported_syntax",
                                                                        "rule",
                                                                        "hint",
                                                                        "bad_hint"};
  const auto index = static_cast<std::size_t>(reason);
  CHECK(index < kNames.size());
  return kNames[index];
}

}  // namespace pgweir::query
