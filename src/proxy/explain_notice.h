// What a session that has set pgweir.explain is told of each of its statements.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "proxy/outcome.h"
#include "query/catalog.h"
#include "query/rules.h"
#include "query/session_settings.h"
#include "query/statement.h"

namespace pgweir::proxy {

struct Explained {
  Outcome outcome = Outcome::kBypass;
  Why why = {};
  const query::Verdict* verdict = nullptr;           // null: not known
  const query::Catalog* catalog = nullptr;           // that the verdict is by; null: names are left out
  const query::Rules* rules = nullptr;               // that the verdict is by; null: none
  const query::SessionSettings* settings = nullptr;  // in the reply's key; null: there is none
  std::string_view database = {};
  std::string_view sql = {};
  std::optional<base::Nanos> left = {};  // of a hit: until its entry expires
  bool utf8 = true;                      // what the client reads; else only ASCII is sent
};

// Appends a NoticeResponse: "pgweir: hit", "pgweir: bypass: volatile_function (now)"; what the statement
// depends on and changes in its detail, which is cut where it is long.
void append_explanation(std::string& out, const Explained& explained);

}  // namespace pgweir::proxy
