// What to do about a statement that is not answered from the cache: one sentence for each reason, the same in
// `pgweir explain` and in docs/cacheability.md.
#pragma once

#include <string_view>

namespace pgweir::query {

// reason: one of reason_name(), or of what a session or its change stream adds (docs/cacheability.md lists
// them). Empty for "none" and for names that are not known. Any thread.
std::string_view advice_for(std::string_view reason);

}  // namespace pgweir::query
