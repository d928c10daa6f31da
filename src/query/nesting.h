// How deep the parse tree of a text can become, from its tokens alone.
#pragma once

#include <string_view>

namespace pgweir::query {

// An upper bound on the depth of the tree and on the parser's own stack, or kNestingMax + 1 if it
// is beyond that. libpg_query's writer and the protobuf reader recurse over the tree, so this bound
// keeps both within the stack of an ordinary thread (nesting_test.cc measures it).
int nesting_bound(std::string_view sql);

inline constexpr int kNestingMax = 1000;

}  // namespace pgweir::query
