#include "query/advice.h"

#include <algorithm>
#include <array>

namespace pgweir::query {
namespace {

struct Advice {
  std::string_view reason;
  std::string_view sentence;
};

constexpr auto kAdvice = std::to_array<Advice>({
    {"not_read", "Nothing: only queries have replies worth keeping."},
    {"unparsable", "Split very long statements, and use parameters instead of long lists."},
    {"unsafe_encoding",
     "Use UTF8 and `standard_conforming_strings = on`, or pass such values as parameters."},
    {"multi_statement", "Send the statements one by one."},
    {"no_table", "Nothing: without a table there is nothing to keep."},
    {"unknown_relation",
     "Nothing if the relation is new: the catalog is checked at once; else see whether the name is right and "
     "the relation no temporary one."},
    {"system_catalog",
     "Nothing: system catalogs change without a trace in the change stream; keep what you need in a table."},
    {"temp_relation", "Drop temporary objects when done (`DISCARD TEMP`)."},
    {"unlogged_relation", "`ALTER TABLE … SET LOGGED`, or a rule with `accept_ttl`."},
    {"foreign_table", "Copy what you need into a table, or a rule with `accept_ttl`."},
    {"view", "Change the view's query, or select from its tables."},
    {"materialized_view", "A rule with `accept_ttl`."},
    {"row_security", "Nothing: each session may see other rows."},
    {"rewrite_rule", "Use triggers instead of rewrite rules."},
    {"volatile_function",
     "Compute it in the application, compare with a parameter, or vouch for it by a rule with `trust`."},
    {"user_function",
     "Drop what captures a built-in name, qualify the built-in one with `pg_catalog.`, or vouch for it by a "
     "rule with `trust`."},
    {"user_type", "Cast to a built-in type in a generated column, and select that."},
    {"time_literal", "Write the date or time itself, or cast in the application."},
    {"time_parameter", "Give the date or time itself as the parameter."},
    {"time_function", "Pass the time as a parameter, rounded."},
    {"session_function", "Pass the name as a parameter."},
    {"locking", "Lock only where it is needed."},
    {"data_modifying_cte", "Nothing: it writes."},
    {"tablesample", "Nothing: each sample is another one."},
    {"sequence", "Nothing: sequences change outside transactions."},
    {"unsupported_syntax", "Nothing, or write it in another way."},
    {"rule", "Nothing: the configuration asks for it."},
    {"hint", "Nothing: the statement asks for it."},
    {"bad_hint",
     "Write `pgweir:` and one or more of `ttl=60s`, `accept_ttl`, `bypass`, or begin the comment in another "
     "way."},
    {"prepared_in_transaction", "Nothing: its next execution may hit."},
    {"statement_outdated", "Use parameters instead of constants, and prepare again after `SET`."},
    {"not_followed",
     "Give the table a primary key or `REPLICA IDENTITY FULL`, and let `pgweir setup --apply` publish it; or "
     "a rule with `accept_ttl`."},
    {"stream_behind", "See `pgweir setup --status` and the log for what the change stream lacks."},
    {"standby",
     "List only the primary in `upstream.url`, and let clients that read from standbys use a pgweir of their "
     "own."},
});

}  // namespace

std::string_view advice_for(std::string_view reason) {
  const auto found = std::ranges::find(kAdvice, reason, &Advice::reason);
  return found == kAdvice.end() ? std::string_view() : found->sentence;
}

}  // namespace pgweir::query
