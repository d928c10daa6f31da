// The verdict on a statement: syntax and catalog put together. In doubt it passes through; in
// doubt about effects it writes everything and changes the settings.
#pragma once

#include "query/catalog.h"
#include "query/rules.h"
#include "query/statement.h"
#include "query/syntax.h"

namespace pgweir::query {

// Any thread. `time_word`: Scan::time_word of the text.
// directions: of the text; they count for a single SELECT only.
Verdict judge(const Syntax& syntax, const Catalog& catalog, const SearchPath& path, bool time_word,
              const Directions& directions = {});

// For the types that Parse declares (0: left to PostgreSQL). False: the type's input looks at the
// clock or at system catalogs, or is not built in; such a statement must not be cached. Any thread.
bool is_plain_parameter_type(Oid type);

// For a text that is not analysed at all: too long, refused by the parser, lexically doubtful, or in
// an encoding we do not read. All effects are possible.
Verdict unknown_verdict(Reason reason, std::string detail = {});

// What is known without a catalog (not loaded yet, or out of date): never cacheable; effects and
// `harmless` as the syntax alone gives them, relations unresolved. Statements that touch no names
// (BEGIN, COMMIT, SHOW, SET ...) are judged as exactly as with one.
Verdict judge_without_catalog(const Syntax& syntax);

}  // namespace pgweir::query
