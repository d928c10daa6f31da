#include "proxy/explain_notice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "query/explanation.h"
#include "query/settings_list.h"
#include "wire/backend.h"

namespace pgweir::proxy {
namespace {

constexpr std::size_t kDetailBytesMax = 4096;

void append_line(std::string& detail, std::string_view label, std::string_view text) {
  if (!detail.empty()) detail += '\n';
  detail += fmt::format("{}: {}", label, text);
}

void append_names(std::string& detail, std::string_view label,
                  const std::vector<query::ExplainedRelation>& relations) {
  std::string names;
  for (const query::ExplainedRelation& relation : relations)
    names += (names.empty() ? "" : ", ") + relation.name;
  if (!names.empty()) append_line(detail, label, names);
}

void append_rows(std::string& detail, std::string_view label,
                 const std::vector<query::ExplainedRows>& relations) {
  for (const query::ExplainedRows& rows : relations) {
    std::string predicates;
    for (const std::string& predicate : rows.predicates)
      predicates += (predicates.empty() ? "" : " or ") + predicate;
    append_line(detail, label, rows.relation + ": " + predicates);
  }
}

// Values of settings with a dot in the name are their extension's own.
void append_key(std::string& detail, const Explained& explained) {
  const query::SessionSettings& settings = *explained.settings;
  append_line(detail, "in its key",
              fmt::format("database {}, user {}, search_path {}", explained.database, settings.current_user,
                          fmt::join(settings.search_path, ", ")));
  for (const query::SettingValue& setting : query::settings_in(settings.digest)) {
    const bool shown = setting.name.find('.') == std::string::npos;
    detail += fmt::format(", {} = {}", setting.name, shown ? setting.value.value_or("NULL") : "(not shown)");
  }
}

std::string detail_of(const Explained& explained) {
  std::string detail;
  if (explained.verdict == nullptr) return detail;
  if (explained.catalog != nullptr) {
    const query::Explanation words =
        query::explain(*explained.verdict, *explained.catalog, explained.sql, explained.rules);
    if (!words.template_id.empty()) append_line(detail, "template", words.template_id);
    if (words.rule) append_line(detail, "rule", *words.rule);
    append_names(detail, "reads", words.reads);
    append_rows(detail, "rows", words.rows);
    append_names(detail, "changes", words.writes);
    append_rows(detail, "changed rows", words.changed_rows);
  }
  if (explained.verdict->effects.writes_everything)
    append_line(detail, "changes", "everything, since it cannot be told");
  if (explained.settings != nullptr) append_key(detail, explained);
  return detail;
}

// Not within a character.
void cut(std::string& text) {
  if (text.size() <= kDetailBytesMax) return;
  std::size_t end = kDetailBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  text += " ...";
}

void replace_foreign(std::string& text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
}

std::string message_of(const Explained& explained) {
  std::string message = fmt::format("pgweir: {}", outcome_name(explained.outcome));
  if (explained.outcome == Outcome::kStale) return message + ", its ttl is over, or changes were not told";
  if (explained.outcome == Outcome::kHit) {
    if (explained.left)
      message += fmt::format(", expires in {:.1f} s",
                             static_cast<double>(*explained.left) / static_cast<double>(base::kSecond));
    return message;
  }
  message += fmt::format(": {}", explained.why.name());
  const query::Verdict* const verdict = explained.verdict;
  if (verdict != nullptr && explained.why.index() == Why(verdict->reason).index() && !verdict->detail.empty())
    message += fmt::format(" ({})", verdict->detail);
  return message;
}

}  // namespace

void append_explanation(std::string& out, const Explained& explained) {
  std::string message = message_of(explained);
  std::string detail = detail_of(explained);
  cut(detail);
  if (!explained.utf8) {
    replace_foreign(message);
    replace_foreign(detail);
  }
  base::Buffer notice;
  wire::append_notice(notice, {.severity = "NOTICE", .code = "00000", .message = message, .detail = detail});
  out += notice.view();
}

}  // namespace pgweir::proxy
