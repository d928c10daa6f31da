// What of a session's state its replies depend on, asked of its own backend.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pgweir::query {

struct SessionSettings {
  std::string current_user;
  std::string session_user;
  std::vector<std::string> search_path;  // as SearchPath wants it
  // Of the session's temporary relations and types. Any: no statement of this session may hit
  // (kTempRelation), and the names hide others of the same name.
  std::vector<std::string> temporary_names;
  bool in_plain_transaction = false;  // the transaction the probe ran in is READ COMMITTED, not deferrable
  bool plain_transactions = false;    // a BEGIN without options gives READ COMMITTED, not deferrable
  bool readable_text = false;  // server_encoding and client_encoding UTF8, standard_conforming_strings on
  // Everything else that may change a reply, as text: goes into the key.
  std::string digest;
  // Asks for a notice with the outcome of each statement (pgweir.explain). In no key.
  bool explains = false;
  bool shows_notices = true;          // client_min_messages lets them through
  base::Nanos statement_timeout = 0;  // 0: none. In no key.
};

// What a SET [LOCAL] of pgweir.explain gives it; nullopt: the text is nothing of that kind.
std::optional<bool> explains_after(std::string_view sql);

// One SELECT of one row. Every name in it is qualified, so that no search_path can capture it. Run
// it as a simple query on the session's own backend; PostgreSQL 13 to 18.
std::string_view settings_probe_sql();

// kInvalid: not the row that settings_probe_sql() gives.
base::Result<SessionSettings> parse_settings(std::span<const std::optional<std::string_view>> columns);

// An array of text in PostgreSQL's output format ({a,"b c"}), without NULLs. kInvalid: is not one.
base::Result<std::vector<std::string>> parse_text_array(std::string_view text);

}  // namespace pgweir::query
