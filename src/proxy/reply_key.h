// The key of a reply: a keyed hash of everything that it depends on but the rows. A simple query and an
// extended one without parameters and with text results have the same reply, so they share the key.
#pragma once

#include <vector>

#include "base/hash.h"
#include "cache/entry.h"
#include "wire/frontend.h"

namespace pgweir::proxy {

// What all executions of a statement in one session have in common, hashed once.
// context: Context::key_prefix(). text: query::Scan::text. types: as Parse declared them.
base::SipHash128 key_seed(const base::HashSecret& secret, const base::Hash128& context,
                          const base::Hash128& text, const std::vector<wire::Oid>& types);

// Of a simple query; the seed is one without types.
cache::Key simple_key(base::SipHash128 seed);

// Of an execution; describes: the reply holds a RowDescription.
cache::Key extended_key(base::SipHash128 seed, const wire::Bind& bind, bool describes);

}  // namespace pgweir::proxy
