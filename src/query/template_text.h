// The text of a template, for people and for the regular expressions of rules.
#pragma once

#include <string>
#include <string_view>

namespace pgweir::query {

// The text without comments and a final ';', with one blank for any white space between tokens, and with
// $1, $2 ... for its constants, numbered after its own parameters. All texts of one shape give the same.
// Up to the first byte that is lexically doubtful. Any thread.
std::string template_text(std::string_view sql);

}  // namespace pgweir::query
