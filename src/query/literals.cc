#include "query/literals.h"

namespace pgweir::query {

bool is_literal(TokenKind kind) {
  switch (kind) {
    case TokenKind::kString:
    case TokenKind::kDollarString:
    case TokenKind::kEscapeString:
    case TokenKind::kUnicodeString:
    case TokenKind::kBits:
    case TokenKind::kHexBits:
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return true;
    default:
      return false;
  }
}

std::vector<Literal> literals_of(std::string_view sql, std::size_t count) {
  std::vector<Literal> literals;
  Lexer lexer(sql);
  while (literals.size() < count) {
    const Token token = lexer.next();
    if (token.kind == TokenKind::kEnd) break;
    if (token.kind == TokenKind::kInvalid) return {};
    if (!is_literal(token.kind)) continue;
    literals.push_back(
        {token.kind, token.continued, token.begin, sql.substr(token.begin, token.end - token.begin)});
  }
  return literals;
}

std::optional<std::string> string_value(const Literal& literal) {
  if (literal.continued) return std::nullopt;
  if (literal.kind == TokenKind::kDollarString) {
    const std::size_t tag = literal.raw.find('$', 1) + 1;
    return std::string(literal.raw.substr(tag, literal.raw.size() - 2 * tag));
  }
  if (literal.kind != TokenKind::kString) return std::nullopt;
  std::string value;
  const std::string_view inner = literal.raw.substr(1, literal.raw.size() - 2);
  for (std::size_t i = 0; i < inner.size(); ++i) {
    value.push_back(inner[i]);
    if (inner[i] == '\'') ++i;  // doubled
  }
  return value;
}

}  // namespace pgweir::query
