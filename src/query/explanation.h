// A verdict in words: names instead of numbers, and what to do about it. For `pgweir explain` and for the
// notices of `SET pgweir.explain = on`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalog.h"
#include "query/statement.h"

namespace pgweir::query {

class Rules;

struct ExplainedRelation {
  std::string name;                   // with its schema, quoted where PostgreSQL would
  std::string kind;                   // "table", "view", "partitioned table" …
  bool holds_rows = true;             // false: what stands above the tables that hold them
  bool published = false;             // the change stream tells of its rows
  std::string_view replica_identity;  // "default", "nothing", "full", "index"
};

// The rows of one relation that lie within one of the predicates.
struct ExplainedRows {
  std::string relation;
  std::vector<std::string> predicates;  // "id = 1", "id IN (1, $1) AND kind = 'a'"
  std::string advice = {};              // of rows read: what REPLICA IDENTITY FULL would gain; empty: nothing
};

struct Explanation {
  std::string reason;       // as in metrics; "none": cacheable
  std::string detail;       // what in the statement causes it; may be empty
  std::string advice;       // one sentence; empty if cacheable
  std::string template_id;  // as rules name it; empty: the parser refuses the text
  std::optional<std::string> rule;
  bool accepts_ttl = false;  // its rule or a hint does: what the change stream says does not count
  std::vector<ExplainedRelation> reads;
  std::vector<ExplainedRows> rows;  // of some of `reads`: only these matter
  bool writes_everything = false;   // what it changes cannot be told
  std::string untold;               // why; empty if it can
  std::vector<ExplainedRelation> writes;
  std::vector<ExplainedRows> changed_rows;  // of some of `writes`: only these change

  bool cacheable() const { return reason == "none"; }
  // Another reason than the verdict's, with its advice.
  void refuse(std::string_view why, std::string what);
};

// "name" or "schema.name", each quoted if need be. Any thread, as all below.
std::string quoted_name(std::string_view name);
std::string qualified_name(const Relation& relation);

// rules: those that the verdict was given by; null: none.
// REQUIRES: the verdict is by this catalog; `sql` is the text that was judged, or another of its shape.
Explanation explain(const Verdict& verdict, const Catalog& catalog, std::string_view sql,
                    const Rules* rules = nullptr);

// Why the effects of a statement cannot be told; empty if they can. Parses the text.
std::string why_untold(std::string_view sql, const Catalog& catalog, const SearchPath& path);

}  // namespace pgweir::query
