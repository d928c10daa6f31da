#include "query/session_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "query/lexer.h"

namespace pgweir::query {
namespace {

// Left out of the digest: settings that cannot change a reply that is given at all. Time limits and
// locks decide whether an answer comes; log, connection and TCP settings never reach it;
// application_name is shown only by system views and current_setting(), which are not cached.
// transaction_* describe the probe's own transaction and are columns of their own; that it only reads changes
// nothing for what does nothing else.
constexpr std::string_view kProbe = R"(
SELECT CURRENT_USER::pg_catalog.text, SESSION_USER::pg_catalog.text,
  pg_catalog.current_schemas(true)::pg_catalog.text[],
  CASE WHEN pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN '{}'::pg_catalog.text[]
    ELSE ARRAY(SELECT c.relname::pg_catalog.text FROM pg_catalog.pg_class c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
      UNION SELECT t.typname::pg_catalog.text FROM pg_catalog.pg_type t
        WHERE t.typnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()) END,
  pg_catalog.current_setting('transaction_isolation'), pg_catalog.current_setting('transaction_deferrable'),
  pg_catalog.current_setting('default_transaction_isolation'),
  pg_catalog.current_setting('default_transaction_deferrable'),
  pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('client_encoding'),
  pg_catalog.current_setting('standard_conforming_strings'),
  (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.name) OPERATOR(pg_catalog.||) '='
      OPERATOR(pg_catalog.||) pg_catalog.quote_nullable(s.setting), ',' ORDER BY s.name COLLATE pg_catalog."C")
    FROM pg_catalog.pg_show_all_settings() s
    WHERE (s.setting OPERATOR(pg_catalog.<>) s.boot_val OR s.boot_val IS NULL OR s.setting IS NULL)
      AND s.name OPERATOR(pg_catalog.!~) '^(application_name$|default_transaction_read_only$|transaction_|log_|tcp_|ssl_|(statement|lock|deadlock|idle_in_transaction_session|idle_session)_timeout$)'
      AND s.context OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'superuser', 'backend', 'superuser-backend'])),
  COALESCE(pg_catalog.current_setting('pgweir.explain', true), ''),
  pg_catalog.current_setting('client_min_messages'),
  (SELECT s.setting FROM pg_catalog.pg_show_all_settings() s
    WHERE s.name OPERATOR(pg_catalog.=) 'statement_timeout'))";

constexpr std::size_t kColumnCount = 15;
constexpr std::size_t kDigestColumn = 11;

// SET SESSION pgweir.explain = on; and whatever follows is no such statement.
constexpr std::size_t kSetWordsMax = 9;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return lower;
}

// The words that PostgreSQL takes for true; the setting is not its own, so any text can stand there.
bool is_on(std::string_view text) {
  const std::string lower = lower_case(text);
  return lower == "on" || lower == "true" || lower == "yes" || lower == "1";
}

bool shows_notices(std::string_view client_min_messages) {
  return client_min_messages == "notice" || client_min_messages == "log" ||
         client_min_messages.starts_with("debug");
}

bool is_reads_committed(std::string_view isolation) {
  // PostgreSQL runs READ UNCOMMITTED as READ COMMITTED.
  return isolation == "read committed" || isolation == "read uncommitted";
}

// One element of an array's text form, from text[i]; i ends behind it.
base::Result<std::string> array_element(std::string_view text, std::size_t& i) {
  std::string element;
  if (i < text.size() && text[i] == '"') {
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
      if (i < text.size()) element.push_back(text[i]);
    }
    if (i >= text.size()) return base::fail(base::ErrorCode::kInvalid, "unterminated array element");
    ++i;
    return element;
  }
  while (i < text.size() && text[i] != ',' && text[i] != '}') {
    if (text[i] == '\\') ++i;
    if (i < text.size()) element.push_back(text[i++]);
  }
  if (element.empty() || element == "NULL" || element.front() == '{') {
    return base::fail(base::ErrorCode::kInvalid, "not a plain array of text");
  }
  return element;
}

}  // namespace

std::string_view settings_probe_sql() { return kProbe; }

base::Result<std::vector<std::string>> parse_text_array(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') {
    return base::fail(base::ErrorCode::kInvalid, "not an array");
  }
  std::vector<std::string> elements;
  if (text == "{}") return elements;
  std::size_t i = 1;
  while (true) {
    auto element = array_element(text, i);
    if (!element) return std::unexpected(element.error());
    elements.push_back(std::move(*element));
    if (i >= text.size()) return base::fail(base::ErrorCode::kInvalid, "unterminated array");
    if (text[i] == '}') break;
    if (text[i] != ',') return base::fail(base::ErrorCode::kInvalid, "array elements run together");
    ++i;
  }
  if (i + 1 != text.size()) return base::fail(base::ErrorCode::kInvalid, "bytes after an array");
  return elements;
}

base::Result<SessionSettings> parse_settings(std::span<const std::optional<std::string_view>> columns) {
  if (columns.size() != kColumnCount) {
    return base::fail(base::ErrorCode::kInvalid, "settings probe with a wrong number of columns");
  }
  std::array<std::string_view, kColumnCount> text;
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    // The digest is NULL where nothing differs from the defaults.
    if (!columns[i] && i != kDigestColumn)
      return base::fail(base::ErrorCode::kInvalid, "NULL in settings probe");
    text[i] = columns[i].value_or("");
  }
  auto path = parse_text_array(text[2]);
  if (!path) return std::unexpected(path.error());
  auto temporary = parse_text_array(text[3]);
  if (!temporary) return std::unexpected(temporary.error());
  SessionSettings settings;
  settings.current_user = text[0];
  settings.session_user = text[1];
  settings.search_path = std::move(*path);
  settings.temporary_names = std::move(*temporary);
  settings.in_plain_transaction = is_reads_committed(text[4]) && text[5] == "off";
  settings.plain_transactions = is_reads_committed(text[6]) && text[7] == "off";
  settings.readable_text = text[8] == "UTF8" && text[9] == "UTF8" && text[10] == "on";
  settings.digest = text[kDigestColumn];
  settings.explains = is_on(text[12]);
  settings.shows_notices = shows_notices(text[13]);
  std::int64_t timeout_ms = 0;
  const auto [end, error] = std::from_chars(text[14].data(), text[14].data() + text[14].size(), timeout_ms);
  if (error != std::errc{} || end != text[14].data() + text[14].size() || timeout_ms < 0)
    return base::fail(base::ErrorCode::kInvalid, "statement_timeout in settings probe is not milliseconds");
  settings.statement_timeout = timeout_ms * base::kMillisecond;
  return settings;
}

std::optional<bool> explains_after(std::string_view sql) {
  std::vector<std::string> words;
  Lexer lexer(sql);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    if (token.kind == TokenKind::kInvalid || words.size() > kSetWordsMax) return std::nullopt;
    if (token.kind == TokenKind::kSpace || token.kind == TokenKind::kLineComment ||
        token.kind == TokenKind::kBlockComment)
      continue;
    std::string_view word = sql.substr(token.begin, token.end - token.begin);
    if (token.kind == TokenKind::kString) word = word.substr(1, word.size() - 2);
    words.push_back(lower_case(word));
  }
  std::size_t i = 0;
  const auto next_is = [&](std::string_view word) { return i < words.size() && words[i] == word && ++i; };
  if (!next_is("set")) return std::nullopt;
  if (!next_is("local")) next_is("session");
  if (!next_is("pgweir") || !next_is(".") || !next_is("explain")) return std::nullopt;
  if (!next_is("=") && !next_is("to")) return std::nullopt;
  return i < words.size() && is_on(words[i]);
}

}  // namespace pgweir::query
