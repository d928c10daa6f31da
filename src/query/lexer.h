// PostgreSQL 15's lexical rules (scan.l) with standard_conforming_strings on, as a pull lexer that
// allocates nothing. Tested against libpg_query's own tokens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::query {

enum class TokenKind : std::uint8_t {
  kEnd,
  kInvalid,  // unterminated, junk after a number, or a byte that cannot start a token
  kSpace,
  kLineComment,
  kBlockComment,
  kWord,  // keyword or unquoted identifier
  kQuotedName,
  kUnicodeName,
  kString,         // '...'
  kEscapeString,   // E'...'
  kDollarString,   // $tag$...$tag$
  kUnicodeString,  // U&'...'
  kBits,           // B'...'
  kHexBits,        // X'...'
  kInteger,        // fits int4
  kFloat,          // any other number
  kParam,          // $1
  kOperator,       // made of operator characters
  kPunctuation,    // one of , ( ) [ ] . ; : or .. :: :=
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool continued = false;  // a string written in several pieces
};

// Views its text. Once next() has returned kEnd or kInvalid it must not be called again.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token next();
  // To where a token begins that is no kSpace.
  void skip_blanks() {
    while (class_at(position_) == kBlank) ++position_;
  }

 private:
  enum Class : std::uint8_t { kOther, kBlank, kLetter, kDigit, kDollar, kQuote, kDoubleQuote, kSelf, kOp };
  static constexpr std::array<Class, 256> make_classes();
  static const std::array<Class, 256> kClasses;
  static constexpr bool continues_word(Class c) { return c == kLetter || c == kDigit || c == kDollar; }
  static const std::array<bool, 256> kContinuesWord;

  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  Class class_at(std::size_t i) const {
    return i < text_.size() ? kClasses[static_cast<unsigned char>(text_[i])] : kOther;
  }
  Token token(TokenKind kind, std::size_t end) {
    const Token result{kind, position_, end, false};
    position_ = end;
    return result;
  }
  Token word();
  // A word that may introduce a constant or a quoted name; kEnd if it does not.
  Token prefixed();
  Token blanks();
  Token quoted(TokenKind kind, std::size_t open);
  Token double_quoted(TokenKind kind, std::size_t open);
  Token dollar();
  Token number();
  Token operator_or_comment();
  Token block_comment();
  Token punctuation();
  std::size_t line_end(std::size_t i) const;
  std::size_t string_end(TokenKind kind, std::size_t i) const;
  std::size_t continuation(std::size_t i) const;

  std::string_view text_;
  std::size_t position_ = 0;
};

constexpr std::array<Lexer::Class, 256> Lexer::make_classes() {
  std::array<Class, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
    classes[static_cast<std::size_t>(c)] = letter ? kLetter : kOther;
  }
  for (const char c : std::string_view("0123456789")) classes[static_cast<unsigned char>(c)] = kDigit;
  for (const char c : std::string_view(" \t\n\r\f")) classes[static_cast<unsigned char>(c)] = kBlank;
  for (const char c : std::string_view(",()[].;:")) classes[static_cast<unsigned char>(c)] = kSelf;
  for (const char c : std::string_view("~!@#^&|`?+-*/%<>=")) classes[static_cast<unsigned char>(c)] = kOp;
  classes['$'] = kDollar;
  classes['\''] = kQuote;
  classes['"'] = kDoubleQuote;
  return classes;
}

inline constexpr std::array<Lexer::Class, 256> Lexer::kClasses = Lexer::make_classes();

inline constexpr std::array<bool, 256> Lexer::kContinuesWord = [] {
  std::array<bool, 256> continues{};
  for (std::size_t i = 0; i < continues.size(); ++i) continues[i] = continues_word(kClasses[i]);
  return continues;
}();

inline Token Lexer::blanks() {
  std::size_t i = position_ + 1;
  while (class_at(i) == kBlank) ++i;
  return token(TokenKind::kSpace, i);
}

[[gnu::always_inline]] inline Token Lexer::next() {
  if (position_ >= text_.size()) return token(TokenKind::kEnd, position_);
  switch (kClasses[static_cast<unsigned char>(text_[position_])]) {
    case kBlank:
      return blanks();
    case kLetter:
      return word();
    case kDigit:
      return number();
    case kDollar:
      return dollar();
    case kQuote:
      return quoted(TokenKind::kString, position_);
    case kDoubleQuote:
      return double_quoted(TokenKind::kQuotedName, position_);
    case kSelf:
      return at(position_) == '.' && class_at(position_ + 1) == kDigit ? number() : punctuation();
    case kOp:
      return operator_or_comment();
    case kOther:
      break;
  }
  return token(TokenKind::kInvalid, position_);
}

[[gnu::always_inline]] inline Token Lexer::word() {
  if (const char after = at(position_ + 1); after == '\'' || after == '&') [[unlikely]] {
    if (const Token result = prefixed(); result.kind != TokenKind::kEnd) return result;
  }
  const char* const end = text_.data() + text_.size();
  const char* p = text_.data() + position_ + 1;
  while (p != end && kContinuesWord[static_cast<unsigned char>(*p)]) ++p;
  return token(TokenKind::kWord, static_cast<std::size_t>(p - text_.data()));
}

}  // namespace pgweir::query
