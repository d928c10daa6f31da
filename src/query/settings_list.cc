#include "query/settings_list.h"

#include <algorithm>
#include <utility>

namespace pgweir::query {
namespace {

// A quoted piece from text[i], which is the quote; i ends behind it. Doubled quotes stand for one.
std::string unquoted(std::string_view text, std::size_t& i, bool escapes) {
  const char quote = text[i++];
  std::string out;
  for (; i < text.size(); ++i) {
    if (text[i] == quote && (i + 1 >= text.size() || text[i + 1] != quote)) break;
    if (text[i] == quote || (escapes && text[i] == '\\')) ++i;
    if (i < text.size()) out.push_back(text[i]);
  }
  ++i;
  return out;
}

}  // namespace

// quote_ident(name) = quote_nullable(value), with commas between.
std::vector<SettingValue> settings_in(std::string_view digest) {
  std::vector<SettingValue> settings;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    SettingValue setting;
    if (digest[i] == '"') {
      setting.name = unquoted(digest, i, false);
    } else {
      const std::size_t end = std::min(digest.find('=', i), digest.size());
      setting.name = digest.substr(i, end - i);
      i = end;
    }
    ++i;
    const bool escapes = i < digest.size() && digest[i] == 'E';
    if (escapes) ++i;
    if (i < digest.size() && digest[i] == '\'') {
      setting.value = unquoted(digest, i, escapes);
    } else {
      i = std::min(digest.find(',', i), digest.size());
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

}  // namespace pgweir::query
