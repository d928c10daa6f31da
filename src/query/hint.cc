#include "query/hint.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace pgweir::query {
namespace {

constexpr std::string_view kBlanks = " \t\n\r\f";
constexpr std::string_view kBetweenWords = " \t\n\r\f,";

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool starts_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (lower(text[i]) != word[i]) return false;
  return true;
}

bool is_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() && starts_with_word(text, word);
}

// As in the configuration, "90s", within what a ttl may be.
std::optional<base::Nanos> duration_of(std::string_view text) {
  struct Unit {
    std::string_view name;
    base::Nanos size;
  };
  static constexpr std::array<Unit, 7> kUnits{{{"ns", 1},
                                               {"us", base::kMicrosecond},
                                               {"ms", base::kMillisecond},
                                               {"s", base::kSecond},
                                               {"m", 60 * base::kSecond},
                                               {"h", 3'600 * base::kSecond},
                                               {"d", 86'400 * base::kSecond}}};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (text != unit.name) continue;
    if (number > static_cast<std::uint64_t>(kTtlMax / unit.size)) return std::nullopt;
    const base::Nanos ttl = static_cast<base::Nanos>(number) * unit.size;
    return ttl < kTtlMin ? std::nullopt : std::optional(ttl);
  }
  return std::nullopt;
}

// False: not understood.
bool read_word(std::string_view word, Hint& hint) {
  struct Duration {
    std::string_view sign;
    base::Nanos Hint::* field;
  };
  static constexpr std::array<Duration, 3> kDurations{
      {{"ttl=", &Hint::ttl},
       {"stale_while_revalidate=", &Hint::stale_while_revalidate},
       {"stale_if_error=", &Hint::stale_if_error}}};
  if (is_word(word, "bypass")) return hint.bypass = true;
  if (is_word(word, "accept_ttl")) return hint.accept_ttl = true;
  for (const auto& [sign, field] : kDurations) {
    if (!starts_with_word(word, sign)) continue;
    const auto given = duration_of(word.substr(sign.size()));
    if (!given || (hint.*field != 0 && hint.*field != *given)) return false;
    hint.*field = *given;
    return true;
  }
  return false;
}

}  // namespace

void read_hint(std::string_view comment, Hint& hint) {
  constexpr std::string_view kSign = "pgweir:";
  constexpr std::size_t kOpening = 2;  // of both kinds of comment
  const std::string_view rest = comment.substr(kOpening);
  const std::size_t begin = rest.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos || !starts_with_word(rest.substr(begin), kSign)) return;
  std::string_view words = rest.substr(begin + kSign.size());
  if (comment.front() == '/') words.remove_suffix(kOpening);
  hint.given = true;
  bool says_something = false;
  while (!hint.bad) {
    const std::size_t from = words.find_first_not_of(kBetweenWords);
    if (from == std::string_view::npos) break;
    words.remove_prefix(from);
    const std::string_view word = words.substr(0, words.find_first_of(kBetweenWords));
    hint.bad = !read_word(word, hint);
    says_something = true;
    words.remove_prefix(word.size());
  }
  hint.bad = hint.bad || !says_something;
  if (hint.bad) hint = {.given = true, .bad = true};
}

}  // namespace pgweir::query
