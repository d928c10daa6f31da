// One pass over a statement's text with PostgreSQL 15's lexical rules (standard_conforming_strings
// on, UTF-8): what identifies the text, what identifies its template, and whether a constant could
// mean "now". No parsing: this runs for every simple query.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/hash.h"
#include "query/hint.h"

namespace pgweir::query {

// Longer texts are not analysed: they pass through with unknown effects.
inline constexpr std::size_t kStatementBytesMax = 64 * 1024;

struct Scan {
  // The text without comments, white space around it and a final ';'. Equal: PostgreSQL reads the
  // same statement (a comment inside counts as one, whatever it says), and hints ask for the same.
  base::Hash128 text;
  // The same with each string and number replaced by its kind. Equal: the same parse tree but for
  // the constants' values, and the same strings may be such names as says_what_names_mean() tells. The
  // identity of a template.
  base::Hash128 shape;
  // A string constant holds the word now, today, tomorrow or yesterday, or might (escapes).
  bool time_word = false;
  // What it is analysed as depends on settings: a string constant is read as the type that it is compared
  // with (DateStyle, TimeZone, array_nulls), `= NULL` may be IS NULL.
  bool read_by_settings = false;
  // What its comments ask of pgweir; part of both hashes.
  Hint hint{};
  // False: lexically doubtful (unterminated, junk after a number, too long). Treat the statement as
  // unparsable; the hashes mean nothing.
  bool valid = false;
};

// Any thread. `secret` keys the hashes; equal hashes are comparable under one secret only.
Scan scan(std::string_view sql, const base::HashSecret& secret);

// Of a setting's name, in any case: whether texts are read, or names found, by that setting. Any thread.
bool says_what_names_mean(std::string_view setting);

// For parameters of Bind: call it for each value that is not null, text and binary format alike
// (the bytes of a binary text parameter are the text). True: the reply must not come from or go
// into the cache, unless the parameter's type is known to be no string and no date.
bool has_time_word(std::string_view text);

}  // namespace pgweir::query
