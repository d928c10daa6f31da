// The rules of the configuration: which statements each is for, and what it allows. What an action may lift
// is a closed list, below: no rule lifts what guards privileges, roles, locks or writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "query/hint.h"
#include "query/predicates.h"
#include "query/statement.h"

namespace pgweir::query {

class Catalog;
class SearchPath;

// Functions that a rule vouches for: the result depends on the arguments and nothing else, and calling one
// does nothing else.
struct TrustedFunction {
  Name name;                             // with its schema
  std::optional<std::string> arguments;  // as Overload::arguments; none: all overloads

  friend bool operator==(const TrustedFunction&, const TrustedFunction&) = default;
};
// "schema.function(integer, text[])", "schema.function" for all overloads; names as in the catalogs, without
// quotes. Built-in functions go by their names alone, and only those whose results depend on arguments,
// settings that are in the key, and the clock. kInvalid says what is wrong.
base::Result<TrustedFunction> parse_trusted_function(std::string_view text);

// Every part of the match that is given must hold.
struct RuleConfig {
  std::string name;
  std::optional<std::uint64_t> fingerprint{};  // query::fingerprint() of the template
  std::optional<Name> relation{};  // with its schema; read by the statement, or by a view it reads
  std::string regex{};             // in template_text(); empty: not given

  std::optional<base::Nanos> ttl{};
  std::optional<base::Nanos> stale_while_revalidate{};
  std::optional<base::Nanos> stale_if_error{};
  bool bypass = false;
  bool accept_ttl = false;
  std::vector<TrustedFunction> trust{};

  friend bool operator==(const RuleConfig&, const RuleConfig&) = default;
};

// What a statement's rule and its hints lift.
struct Lifts {
  bool accept_ttl = false;
  std::span<const TrustedFunction> trust{};
};

// The closed list of accept_ttl: what only makes a reply's age unknown. Trust lifts no reason as a whole,
// only what calls of the functions named would be refused for.
constexpr bool accept_ttl_lifts(Reason reason) {
  return reason == Reason::kUnloggedRelation || reason == Reason::kForeignTable ||
         reason == Reason::kMaterializedView;
}

// Whether a call of this name can mean only functions that are trusted, as far as they were added to the
// database. False if none was. Any thread.
bool trusts_added(std::span<const TrustedFunction> trust, const Name& name, const Catalog& catalog,
                  const SearchPath& path);
// Whether the built-in functions of this name are trusted.
bool trusts_builtin(std::span<const TrustedFunction> trust, std::string_view name);

// kInvalid says what is wrong with a regular expression (RE2's syntax).
base::Result<void> check_regex(std::string_view regex);

// Immutable; any thread.
class Rules {
 public:
  static constexpr std::size_t kCountMax = 1000;
  // By index; ascending.
  using Candidates = std::vector<std::uint16_t>;

  // kInvalid: a regular expression is not valid; kLimit: too many rules.
  static base::Result<std::shared_ptr<const Rules>> make(std::vector<RuleConfig> list);
  ~Rules();
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  const std::vector<RuleConfig>& list() const { return list_; }
  // Those that the template alone does not rule out. The same for all texts of one shape.
  // REQUIRES: the parser takes the text.
  Candidates candidates(std::string_view sql) const;
  // The first of them that applies to a statement that reads these; null: none.
  const RuleConfig* first(std::span<const std::uint16_t> candidates, const std::set<Oid>& reads,
                          const Catalog& catalog) const;
  int index_of(const RuleConfig& rule) const { return static_cast<int>(&rule - list_.data()); }

 private:
  struct Regexes;
  Rules();

  std::vector<RuleConfig> list_;
  std::unique_ptr<Regexes> regexes_;
  bool wants_fingerprint_ = false;
  bool wants_text_ = false;
};

// What applies to one text: the rules it may fall under and its own hints.
struct Directions {
  const Rules* rules = nullptr;  // null: none
  std::span<const std::uint16_t> candidates;
  Hint hint;
};

}  // namespace pgweir::query
