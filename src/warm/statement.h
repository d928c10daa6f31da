// What is asked again after a start: statements with all that their keys depend on, so that what is filled by
// them is what clients will look up. Texts and values are the users' own: none of it belongs into a log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "wire/frontend.h"

namespace pgweir::warm {

// Longer ones are not recorded: few bytes must hold what saves the most.
inline constexpr std::size_t kStatementBytesMax = 16 * 1024;  // text and values
inline constexpr std::size_t kSessionBytesMax = 16 * 1024;
inline constexpr std::size_t kStatementsMax = 1000;  // of a database
inline constexpr std::size_t kSessionsMax = 256;     // kinds of them, in all databases

// What sessions have in common that share replies; the role is one for all.
struct SessionState {
  std::string database;
  std::vector<std::string> search_path;  // query::SessionSettings::search_path
  std::string settings;                  // query::SessionSettings::digest

  std::size_t bytes() const;
  friend bool operator==(const SessionState&, const SessionState&) = default;
};

struct Statement {
  base::Hash128 key;        // of its reply
  std::size_t session = 0;  // index of its SessionState
  double saved_ns = 0;      // of the database's time by hits; old ones count less
  std::string sql;
  std::vector<wire::Oid> types{};  // as Parse declares them
  // What stands behind the names in Bind; none: a simple query.
  std::optional<std::string> bound{};
  bool describes = false;  // its batch has Describe

  std::size_t bytes() const;
};

// Sessions and statements, those that save the most first.
struct List {
  std::vector<SessionState> sessions;
  std::vector<Statement> statements;
};

}  // namespace pgweir::warm
