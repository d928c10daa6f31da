#include "app/explain_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace pgweir::app {
namespace {

using Json = nlohmann::ordered_json;
using query::ExplainedRelation;
using query::ExplainedRows;

// Extensions and applications keep what they like in settings of their own: their values are not shown.
bool is_shown(const query::SettingValue& setting) { return setting.name.find('.') == std::string::npos; }

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json to_json(const std::vector<ExplainedRelation>& relations) {
  Json list = Json::array();
  for (const ExplainedRelation& relation : relations)
    list.push_back(
        {{"relation", relation.name},
         {"kind", relation.kind},
         {"published", relation.holds_rows ? Json(relation.published) : Json(nullptr)},
         {"replica_identity", relation.holds_rows ? Json(relation.replica_identity) : Json(nullptr)}});
  return list;
}

Json to_json(const std::vector<ExplainedRows>& rows) {
  Json list = Json::array();
  for (const ExplainedRows& of : rows)
    list.push_back(
        {{"relation", of.relation}, {"predicates", of.predicates}, {"advice", or_null(of.advice)}});
  return list;
}

Json key_json(const ExplainSession& session) {
  Json settings = Json::object();
  for (const query::SettingValue& setting : query::settings_in(session.settings.digest))
    settings[setting.name] = setting.value && is_shown(setting) ? Json(*setting.value) : Json(nullptr);
  return {{"database", session.database},
          {"current_user", session.settings.current_user},
          {"session_user", session.settings.session_user},
          {"search_path", session.settings.search_path},
          {"settings", settings}};
}

Json freshness_json(const query::Explanation& explanation, const ExplainSession& session) {
  Json missing = Json::array();
  for (const sync::Finding& finding : session.setup.findings)
    if (!finding.advice)
      missing.push_back({{"code", finding.code}, {"what", finding.what}, {"fix", finding.fix}});
  return {{"promise", sync::promise_name(promise_of(explanation, session))},
          {"followed_as", session.follows ? Json(session.setup.facts.role) : Json(nullptr)},
          {"missing", missing}};
}

class Text {
 public:
  explicit Text(bool colour) : colour_(colour) {}

  void line(std::string_view label, std::string_view value) {
    out_ += fmt::format("{:<12}{}\n", label, value);
  }
  std::string paint(std::string_view code, std::string_view text) const {
    return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  void relations(std::string_view label, const std::vector<ExplainedRelation>& relations) {
    for (std::size_t i = 0; i < relations.size(); ++i) {
      const ExplainedRelation& relation = relations[i];
      const std::string stream =
          !relation.holds_rows
              ? std::string()
              : fmt::format(", {}, replica identity {}", relation.published ? "published" : "not published",
                            relation.replica_identity);
      line(i == 0 ? label : "", fmt::format("{} ({}{})", relation.name, relation.kind, stream));
    }
  }
  void rows(std::string_view label, const std::vector<ExplainedRows>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      line(i == 0 ? label : "",
           fmt::format("{}: {}", rows[i].relation, fmt::join(rows[i].predicates, " or ")));
    for (const ExplainedRows& of : rows)
      if (!of.advice.empty()) line("", of.advice);
  }
  std::string take() { return std::move(out_); }

 private:
  const bool colour_;
  std::string out_;
};

void write_verdict(Text& text, const query::Explanation& explanation) {
  if (explanation.cacheable()) {
    text.line("cacheable", text.paint("32", "yes"));
  } else {
    text.line("cacheable", text.paint("31", "no"));
    const std::string detail = explanation.detail.empty() ? "" : ": " + explanation.detail;
    text.line("reason", explanation.reason + detail);
    text.line("what to do", explanation.advice);
  }
  if (!explanation.template_id.empty()) text.line("template", explanation.template_id);
  if (explanation.rule) text.line("rule", *explanation.rule);
}

void write_key(Text& text, const ExplainSession& session) {
  const query::SessionSettings& settings = session.settings;
  text.line("in its key",
            fmt::format("database {}, user {}{}, search_path {}", session.database, settings.current_user,
                        settings.session_user == settings.current_user
                            ? std::string()
                            : fmt::format(" (session user {})", settings.session_user),
                        fmt::join(settings.search_path, ", ")));
  for (const query::SettingValue& setting : query::settings_in(settings.digest))
    text.line("", fmt::format("{} = {}", setting.name,
                              !is_shown(setting) ? "(not shown)" : setting.value.value_or("NULL")));
}

void write_freshness(Text& text, const query::Explanation& explanation, const ExplainSession& session) {
  const sync::SetupStatus& setup = session.setup;
  text.line("promise", sync::promise_name(promise_of(explanation, session)));
  if (explanation.accepts_ttl) text.line("", "a rule or a hint accepts that");
  if (!session.follows && !explanation.accepts_ttl && setup.promise == sync::Promise::kFull)
    text.line("", "full, if pgweir follows the changes: --role NAME judges by its login");
  for (const sync::Finding& finding : setup.findings)
    if (!finding.advice) text.line("", fmt::format("{}; {} [{}]", finding.what, finding.fix, finding.code));
}

}  // namespace

sync::Promise promise_of(const query::Explanation& explanation, const ExplainSession& session) {
  const sync::Promise promise = session.setup.promise;
  if (promise == sync::Promise::kFull && (!session.follows || explanation.accepts_ttl))
    return sync::Promise::kFencesAndTtl;
  return promise;
}

std::string explain_json(const query::Explanation& explanation, const ExplainSession& session) {
  const bool writes = explanation.writes_everything || !explanation.writes.empty();
  Json json{{"cacheable", explanation.cacheable()},
            {"reason", explanation.reason},
            {"detail", or_null(explanation.detail)},
            {"advice", or_null(explanation.advice)},
            {"template", or_null(explanation.template_id)},
            {"rule", explanation.rule ? Json(*explanation.rule) : Json(nullptr)},
            {"reads", to_json(explanation.reads)},
            {"rows", to_json(explanation.rows)}};
  json["writes"] = !writes ? Json(nullptr)
                           : Json{{"everything", explanation.writes_everything},
                                  {"why", or_null(explanation.untold)},
                                  {"relations", to_json(explanation.writes)},
                                  {"rows", to_json(explanation.changed_rows)}};
  json["key"] = key_json(session);
  json["freshness"] = freshness_json(explanation, session);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string explain_text(const query::Explanation& explanation, const ExplainSession& session, bool colour) {
  Text text(colour);
  write_verdict(text, explanation);
  text.relations("reads", explanation.reads);
  text.rows("rows", explanation.rows);
  text.relations("changes", explanation.writes);
  text.rows("rows", explanation.changed_rows);
  if (explanation.writes_everything) {
    text.line("changes", "cannot be told, so everything" +
                             (explanation.untold.empty() ? std::string() : ": " + explanation.untold));
  }
  if (!explanation.cacheable()) return text.take();
  write_key(text, session);
  write_freshness(text, explanation, session);
  return text.take();
}

}  // namespace pgweir::app
