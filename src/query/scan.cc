#include "query/scan.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "query/lexer.h"
#include "query/literals.h"

namespace pgweir::query {
namespace {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool equals_lower(const char* p, std::string_view lower) {
  for (std::size_t i = 0; i < lower.size(); ++i) {
    if ((p[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

bool is_time_word(const char* p, std::size_t n) {
  switch (n) {
    case 3:
      return equals_lower(p, "now");
    case 5:
      return equals_lower(p, "today");
    case 8:
      return equals_lower(p, "tomorrow");
    case 9:
      return equals_lower(p, "yesterday");
    default:
      return false;
  }
}

constexpr std::string_view kSettingName = "\x01n";

// Stands for a constant in the shape. The control byte cannot occur elsewhere outside quotes.
std::string_view placeholder(TokenKind kind) {
  switch (kind) {
    case TokenKind::kString:
    case TokenKind::kDollarString:
      return "\x01s";
    case TokenKind::kEscapeString:  // may be refused for its escapes, so not the same template
      return "\x01"
             "e";
    case TokenKind::kUnicodeString:
      return "\x01u";
    case TokenKind::kBits:
      return "\x01"
             "b";
    case TokenKind::kHexBits:
      return "\x01x";
    case TokenKind::kInteger:
      return "\x01i";
    case TokenKind::kFloat:
      return "\x01"
             "f";
    default:
      return {};
  }
}

// set_config() may name such a setting by it.
bool may_name_setting(const Token& token, std::string_view raw) {
  if (token.kind == TokenKind::kString)
    return token.continued || says_what_names_mean(raw.substr(1, raw.size() - 2));
  if (token.kind != TokenKind::kDollarString) return false;
  const auto value = string_value({token.kind, token.continued, token.begin, raw});
  return value && says_what_names_mean(*value);
}

bool constant_has_time_word(const Token& token, std::string_view raw) {
  switch (token.kind) {
    case TokenKind::kString:
    case TokenKind::kDollarString:
      return token.continued || has_time_word(raw);
    case TokenKind::kEscapeString:
      return token.continued || raw.find('\\') != std::string_view::npos || has_time_word(raw.substr(1));
    case TokenKind::kUnicodeString:
      return true;
    default:
      return false;
  }
}

bool is_word(std::string_view raw, std::string_view lower) {
  return raw.size() == lower.size() && equals_lower(raw.data(), lower);
}

// Whether settings say what a token means. before: the word in front of it.
bool is_read_by_settings(TokenKind kind, std::string_view raw, std::string_view before) {
  switch (kind) {
    case TokenKind::kString:
    case TokenKind::kDollarString:
    case TokenKind::kEscapeString:
    case TokenKind::kUnicodeString:
      return true;
    case TokenKind::kWord:
      return is_word(raw, "null") && !is_word(before, "is") && !is_word(before, "not");
    default:
      return false;
  }
}

// Feeds both hashes. Raw text is hashed in the largest pieces possible: [from_, end) is pending. Up to the
// first constant they are one.
class Hasher {
 public:
  Hasher(std::string_view sql, const base::HashSecret& secret) : sql_(sql), text_(secret), shape_(secret) {}

  // The first token that counts begins here.
  void start(std::size_t begin) { text_from_ = shape_from_ = begin; }

  // What lies between two tokens that count, if a comment is in it.
  void gap(std::size_t begin, std::size_t end) {
    flush(begin);
    Lexer lexer(sql_.substr(begin, end - begin));
    for (Token t = lexer.next(); t.kind != TokenKind::kEnd && t.kind != TokenKind::kInvalid;
         t = lexer.next()) {
      if (t.kind == TokenKind::kLineComment) continue;
      // Not a blank: a block comment keeps two strings from being one, a blank with a newline does not.
      const std::string_view piece =
          t.kind == TokenKind::kBlockComment ? "/**/" : sql_.substr(begin + t.begin, t.end - t.begin);
      update(piece);
    }
    start(end);
  }

  void constant(const Token& token, std::string_view stand_in) {
    if (parted_) {
      shape_.update(sql_.substr(shape_from_, token.begin - shape_from_));
    } else {
      text_.update(sql_.substr(text_from_, token.begin - text_from_));
      text_from_ = token.begin;
      shape_ = text_;
      parted_ = true;
    }
    shape_.update(stand_in);
    shape_from_ = token.end;
  }

  void finish(std::size_t end, Scan& out) {
    flush(end);
    if (out.hint.given) [[unlikely]]
      hint(out.hint);
    out.text = text_.finish();
    out.shape = parted_ ? shape_.finish() : out.text;
  }

 private:
  // No text ends like this: the control byte cannot stand outside quotes.
  void hint(const Hint& hint) {
    std::array<char, 28> piece{'\x01', 'h'};
    std::size_t i = 2;
    for (const base::Nanos duration : {hint.ttl, hint.stale_while_revalidate, hint.stale_if_error}) {
      auto bits = static_cast<std::uint64_t>(duration);
      for (const std::size_t end = i + 8; i < end; ++i, bits >>= 8) piece[i] = static_cast<char>(bits);
    }
    piece[26] = static_cast<char>((hint.bypass ? 1 : 0) | (hint.accept_ttl ? 2 : 0) | (hint.bad ? 4 : 0));
    piece[27] = '\x01';
    update({piece.data(), piece.size()});
  }

  void update(std::string_view piece) {
    text_.update(piece);
    if (parted_) shape_.update(piece);
  }

  void flush(std::size_t end) {
    text_.update(sql_.substr(text_from_, end - text_from_));
    if (parted_) shape_.update(sql_.substr(shape_from_, end - shape_from_));
  }

  std::string_view sql_;
  base::SipHash128 text_;
  base::SipHash128 shape_;
  bool parted_ = false;
  std::size_t text_from_ = 0;
  std::size_t shape_from_ = 0;
};

}  // namespace

bool says_what_names_mean(std::string_view setting) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"search_path", "role", "session_authorization", "client_encoding",
                                       "standard_conforming_strings", "backslash_quote"});
  const auto lower = [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::any_of(
      kNames, [&](std::string_view name) { return std::ranges::equal(name, setting, {}, {}, lower); });
}

bool has_time_word(std::string_view text) {
  if (text.size() < std::string_view("now").size()) return false;
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p != end;) {
    if (!is_letter(*p)) {
      ++p;
      continue;
    }
    const char* const begin = p;
    while (p != end && is_letter(*p)) ++p;
    if (is_time_word(begin, static_cast<std::size_t>(p - begin))) return true;
  }
  return false;
}

Scan scan(std::string_view sql, const base::HashSecret& secret) {
  Scan result;
  if (sql.size() > kStatementBytesMax || sql.find('\0') != std::string_view::npos) return result;
  Lexer lexer(sql);
  Hasher hasher(sql, secret);
  std::size_t counted_end = 0;  // end of the last token that counts
  bool started = false;
  bool comment = false;  // in the gap since then
  std::string_view before;
  while (true) {
    lexer.skip_blanks();
    const Token token = lexer.next();
    if (token.kind == TokenKind::kEnd) break;
    if (token.kind == TokenKind::kInvalid) return result;
    if (token.kind == TokenKind::kLineComment || token.kind == TokenKind::kBlockComment) {
      comment = true;
      read_hint(sql.substr(token.begin, token.end - token.begin), result.hint);
      continue;
    }
    if (token.kind == TokenKind::kPunctuation && sql[token.begin] == ';') continue;
    if (!started) {
      hasher.start(token.begin);
    } else if (comment) {
      hasher.gap(counted_end, token.begin);
    }
    started = true;
    comment = false;
    counted_end = token.end;
    const std::string_view raw = sql.substr(token.begin, token.end - token.begin);
    result.read_by_settings = result.read_by_settings || is_read_by_settings(token.kind, raw, before);
    before = raw;
    const std::string_view stand_in = placeholder(token.kind);
    if (stand_in.empty()) continue;
    hasher.constant(token, may_name_setting(token, raw) ? kSettingName : stand_in);
    result.time_word = result.time_word || constant_has_time_word(token, raw);
  }
  hasher.finish(counted_end, result);
  result.valid = true;
  return result;
}

}  // namespace pgweir::query
