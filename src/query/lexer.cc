#include "query/lexer.h"

namespace pgweir::query {
namespace {

constexpr std::size_t kOperatorBytesMax = 63;  // NAMEDATALEN - 1

bool makes_trailing_sign_legal(char c) { return std::string_view("~!@#^&|`?%").contains(c); }

bool fits_int4(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > 0x7fffffff) return false;
  }
  return true;
}

}  // namespace

std::size_t Lexer::line_end(std::size_t i) const {
  while (i < text_.size() && text_[i] != '\n' && text_[i] != '\r') ++i;
  return i;
}

// Just past the closing quote, or npos. `i` is just past the opening one.
std::size_t Lexer::string_end(TokenKind kind, std::size_t i) const {
  const bool doubling = kind != TokenKind::kBits && kind != TokenKind::kHexBits;
  while (true) {
    if (kind == TokenKind::kEscapeString) {
      while (i < text_.size() && text_[i] != '\'') i += text_[i] == '\\' ? 2 : 1;
      if (i >= text_.size()) return std::string_view::npos;
    } else {
      i = text_.find('\'', i);
      if (i == std::string_view::npos) return i;
    }
    if (!doubling || at(i + 1) != '\'') return i + 1;
    i += 2;
  }
}

// Strings separated by white space with a newline (comments may stand in it) are one string. The
// position of the next piece's quote, or npos.
std::size_t Lexer::continuation(std::size_t i) const {
  bool newline = false;
  while (i < text_.size()) {
    const char c = text_[i];
    if (c == '\n' || c == '\r') {
      newline = true;
      ++i;
    } else if (class_at(i) == kBlank) {
      ++i;
    } else if (c == '-' && at(i + 1) == '-') {
      i = line_end(i);
    } else {
      return newline && c == '\'' ? i : std::string_view::npos;
    }
  }
  return std::string_view::npos;
}

Token Lexer::quoted(TokenKind kind, std::size_t open) {
  std::size_t end = string_end(kind, open + 1);
  bool continued = false;
  while (end != std::string_view::npos) {
    const std::size_t more = continuation(end);
    if (more == std::string_view::npos) break;
    continued = true;
    end = string_end(kind, more + 1);
  }
  if (end == std::string_view::npos) return token(TokenKind::kInvalid, position_);
  Token result = token(kind, end);
  result.continued = continued;
  return result;
}

Token Lexer::double_quoted(TokenKind kind, std::size_t open) {
  std::size_t i = open + 1;
  while (true) {
    i = text_.find('"', i);
    if (i == std::string_view::npos) return token(TokenKind::kInvalid, position_);
    if (at(i + 1) != '"') break;
    i += 2;
  }
  if (i == open + 1) return token(TokenKind::kInvalid, position_);  // zero-length identifier
  return token(kind, i + 1);
}

Token Lexer::dollar() {
  std::size_t i = position_ + 1;
  if (class_at(i) == kDigit) {
    while (class_at(i) == kDigit) ++i;
    if (class_at(i) == kLetter) return token(TokenKind::kInvalid, position_);
    return token(TokenKind::kParam, i);
  }
  while (class_at(i) == kLetter || (class_at(i) == kDigit && i != position_ + 1)) ++i;
  if (at(i) != '$') return token(TokenKind::kInvalid, position_);
  const std::string_view delimiter = text_.substr(position_, i + 1 - position_);
  const std::size_t close = text_.find(delimiter, i + 1);
  if (close == std::string_view::npos) return token(TokenKind::kInvalid, position_);
  return token(TokenKind::kDollarString, close + delimiter.size());
}

Token Lexer::number() {
  std::size_t i = position_;
  bool integer = true;
  while (class_at(i) == kDigit) ++i;
  if (at(i) == '.' && at(i + 1) != '.') {
    integer = false;
    ++i;
    while (class_at(i) == kDigit) ++i;
  }
  if ((at(i) | 0x20) == 'e') {
    std::size_t exponent = i + 1;
    if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
    if (class_at(exponent) != kDigit) return token(TokenKind::kInvalid, position_);
    integer = false;
    i = exponent;
    while (class_at(i) == kDigit) ++i;
  }
  if (class_at(i) == kLetter) return token(TokenKind::kInvalid, position_);
  if (integer && !fits_int4(text_.substr(position_, i - position_))) integer = false;
  return token(integer ? TokenKind::kInteger : TokenKind::kFloat, i);
}

Token Lexer::block_comment() {
  std::size_t i = position_ + 2;
  for (int depth = 1; depth != 0;) {
    i = text_.find_first_of("*/", i);
    if (i == std::string_view::npos || i + 1 >= text_.size()) return token(TokenKind::kInvalid, position_);
    if (text_[i] == '/' && text_[i + 1] == '*') {
      ++depth;
      i += 2;
    } else if (text_[i] == '*' && text_[i + 1] == '/') {
      --depth;
      i += 2;
    } else {
      ++i;
    }
  }
  return token(TokenKind::kBlockComment, i);
}

Token Lexer::prefixed() {
  const char first = static_cast<char>(at(position_) | 0x20);
  if (at(position_ + 1) == '\'') {
    if (first == 'e') return quoted(TokenKind::kEscapeString, position_ + 1);
    if (first == 'b') return quoted(TokenKind::kBits, position_ + 1);
    if (first == 'x') return quoted(TokenKind::kHexBits, position_ + 1);
    // n'...' is the keyword NCHAR before a string
  } else if (first == 'u') {
    if (at(position_ + 2) == '\'') return quoted(TokenKind::kUnicodeString, position_ + 2);
    if (at(position_ + 2) == '"') return double_quoted(TokenKind::kUnicodeName, position_ + 2);
  }
  return {};
}

Token Lexer::operator_or_comment() {
  if (class_at(position_ + 1) != kOp) return token(TokenKind::kOperator, position_ + 1);
  if (at(position_) == '-' && at(position_ + 1) == '-') {
    return token(TokenKind::kLineComment, line_end(position_));
  }
  if (at(position_) == '/' && at(position_ + 1) == '*') return block_comment();
  std::size_t end = position_ + 1;
  bool sign_legal = makes_trailing_sign_legal(at(position_));
  while (class_at(end) == kOp) {
    if (at(end) == '-' && at(end + 1) == '-') break;
    if (at(end) == '/' && at(end + 1) == '*') break;
    ++end;
  }
  for (std::size_t i = position_; i < end; ++i)
    sign_legal = sign_legal || makes_trailing_sign_legal(text_[i]);
  // SQL wants "=-1" to be "=" "-1"; other operators may end in a sign.
  while (!sign_legal && end - position_ > 1 && (text_[end - 1] == '+' || text_[end - 1] == '-')) --end;
  if (end - position_ > kOperatorBytesMax) return token(TokenKind::kInvalid, position_);
  return token(TokenKind::kOperator, end);
}

Token Lexer::punctuation() {
  const char c = at(position_);
  const char after = at(position_ + 1);
  const bool two = (c == ':' && (after == ':' || after == '=')) || (c == '.' && after == '.');
  return token(TokenKind::kPunctuation, position_ + (two ? 2 : 1));
}

}  // namespace pgweir::query
