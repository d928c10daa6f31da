#include "query/template_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "query/lexer.h"
#include "query/literals.h"

namespace pgweir::query {
namespace {

bool is_gap(TokenKind kind) {
  return kind == TokenKind::kSpace || kind == TokenKind::kLineComment || kind == TokenKind::kBlockComment;
}

bool is_end(TokenKind kind) { return kind == TokenKind::kEnd || kind == TokenKind::kInvalid; }

std::uint64_t last_parameter(std::string_view sql) {
  constexpr std::uint64_t kMax = 65'535;  // of the protocol
  std::uint64_t last = 0;
  Lexer lexer(sql);
  for (Token t = lexer.next(); !is_end(t.kind); t = lexer.next()) {
    if (t.kind != TokenKind::kParam) continue;
    std::uint64_t number = 0;
    std::from_chars(sql.data() + t.begin + 1, sql.data() + t.end, number);
    last = std::max(last, std::min(number, kMax));
  }
  return last;
}

}  // namespace

std::string template_text(std::string_view sql) {
  std::string out;
  std::uint64_t parameter = last_parameter(sql);
  bool gap = false;
  Lexer lexer(sql);
  for (Token t = lexer.next(); !is_end(t.kind); t = lexer.next()) {
    gap = gap || is_gap(t.kind);
    if (is_gap(t.kind)) continue;
    if (gap && !out.empty()) out += ' ';
    gap = false;
    if (is_literal(t.kind)) {
      out += '$' + std::to_string(++parameter);
    } else {
      out += sql.substr(t.begin, t.end - t.begin);
    }
  }
  while (out.ends_with(';') || out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace pgweir::query
