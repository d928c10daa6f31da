// For tests and fuzzers: the tokens that libpg_query's own scanner finds, to compare the Lexer with.
#pragma once

#include <pg_query.h>
#include <pg_query.pb-c.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/lexer.h"

namespace pgweir::query {

struct OracleToken {
  char kind;  // see oracle_kind()
  std::size_t begin;
  std::size_t end;
  friend bool operator==(const OracleToken&, const OracleToken&) = default;
};

// One letter for both vocabularies: w word, q quoted name, U U&"name", s string, u U&'string',
// b B'bits', x X'bits', i integer, f other number, $ parameter, o operator or punctuation, c comment.
inline char oracle_kind(PgQuery__Token token) {
  switch (token) {
    case PG_QUERY__TOKEN__IDENT:
      return 'w';
    case PG_QUERY__TOKEN__UIDENT:
      return 'U';
    case PG_QUERY__TOKEN__SCONST:
      return 's';
    case PG_QUERY__TOKEN__USCONST:
      return 'u';
    case PG_QUERY__TOKEN__BCONST:
      return 'b';
    case PG_QUERY__TOKEN__XCONST:
      return 'x';
    case PG_QUERY__TOKEN__ICONST:
      return 'i';
    case PG_QUERY__TOKEN__FCONST:
      return 'f';
    case PG_QUERY__TOKEN__PARAM:
      return '$';
    case PG_QUERY__TOKEN__SQL_COMMENT:
    case PG_QUERY__TOKEN__C_COMMENT:
      return 'c';
    case PG_QUERY__TOKEN__Op:
    case PG_QUERY__TOKEN__TYPECAST:
    case PG_QUERY__TOKEN__DOT_DOT:
    case PG_QUERY__TOKEN__COLON_EQUALS:
    case PG_QUERY__TOKEN__EQUALS_GREATER:
    case PG_QUERY__TOKEN__LESS_EQUALS:
    case PG_QUERY__TOKEN__GREATER_EQUALS:
    case PG_QUERY__TOKEN__NOT_EQUALS:
      return 'o';
    default:
      return static_cast<int>(token) < 256 ? 'o' : 'w';
  }
}

inline char oracle_kind(TokenKind kind) {
  switch (kind) {
    case TokenKind::kWord:
      return 'w';
    case TokenKind::kQuotedName:
      return 'q';
    case TokenKind::kUnicodeName:
      return 'U';
    case TokenKind::kString:
    case TokenKind::kEscapeString:
    case TokenKind::kDollarString:
      return 's';
    case TokenKind::kUnicodeString:
      return 'u';
    case TokenKind::kBits:
      return 'b';
    case TokenKind::kHexBits:
      return 'x';
    case TokenKind::kInteger:
      return 'i';
    case TokenKind::kFloat:
      return 'f';
    case TokenKind::kParam:
      return '$';
    case TokenKind::kLineComment:
    case TokenKind::kBlockComment:
      return 'c';
    default:
      return 'o';
  }
}

// nullopt: libpg_query refuses the text. REQUIRES: no zero byte in it.
inline std::optional<std::vector<OracleToken>> oracle_tokens(const std::string& sql) {
  const PgQueryScanResult result = pg_query_scan(sql.c_str());
  std::optional<std::vector<OracleToken>> tokens;
  if (result.error == nullptr) {
    tokens.emplace();
    PgQuery__ScanResult* scan = pg_query__scan_result__unpack(
        nullptr, result.pbuf.len, reinterpret_cast<const std::uint8_t*>(result.pbuf.data));
    for (std::size_t i = 0; i < scan->n_tokens; ++i) {
      const auto begin = static_cast<std::size_t>(scan->tokens[i]->start);
      const auto end = static_cast<std::size_t>(scan->tokens[i]->end);
      const char kind = sql[begin] == '"' ? 'q' : oracle_kind(scan->tokens[i]->token);
      tokens->push_back({kind, begin, end});
    }
    pg_query__scan_result__free_unpacked(scan, nullptr);
  }
  pg_query_free_scan_result(result);
  return tokens;
}

// nullopt: the Lexer refuses the text.
inline std::optional<std::vector<OracleToken>> lexer_tokens(std::string_view sql) {
  std::vector<OracleToken> tokens;
  Lexer lexer(sql);
  while (true) {
    const Token token = lexer.next();
    if (token.kind == TokenKind::kEnd) return tokens;
    if (token.kind == TokenKind::kInvalid) return std::nullopt;
    if (token.kind != TokenKind::kSpace) tokens.push_back({oracle_kind(token.kind), token.begin, token.end});
  }
}

}  // namespace pgweir::query
