// The literals of a text, in order: what ValueSource::number counts.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/lexer.h"

namespace pgweir::query {

struct Literal {
  TokenKind kind = TokenKind::kEnd;  // one of kString ... kFloat
  bool continued = false;            // a string written in several pieces
  std::size_t begin = 0;             // of the token in the text
  std::string_view raw;              // the token
};

// True for the kinds that scan() leaves out of the shape, and only those: texts of one shape have the
// same number of them, in the same places.
bool is_literal(TokenKind kind);

// At most the first `count`. Empty if the text is not lexically sound. Any thread; views the text.
std::vector<Literal> literals_of(std::string_view sql, std::size_t count);

// What a plain string literal ('...' or $$...$$, in one piece) holds; nullopt for any other.
std::optional<std::string> string_value(const Literal& literal);

}  // namespace pgweir::query
