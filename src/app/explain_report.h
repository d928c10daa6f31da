// What `pgweir explain` prints: text for people, or one JSON object, whose fields docs/explain.md lists.
#pragma once

#include <string>
#include <string_view>

#include "app/explain_session.h"
#include "query/explanation.h"
#include "query/settings_list.h"

namespace pgweir::app {

// The promise that holds for the statement's reply, with what there is.
sync::Promise promise_of(const query::Explanation& explanation, const ExplainSession& session);

std::string explain_json(const query::Explanation& explanation, const ExplainSession& session);
// colour: with escapes for a terminal.
std::string explain_text(const query::Explanation& explanation, const ExplainSession& session, bool colour);

}  // namespace pgweir::app
