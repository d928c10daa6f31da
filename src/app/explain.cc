#include <fmt/format.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/explain_report.h"
#include "app/explain_session.h"
#include "config/config.h"
#include "config/upstream_url.h"
#include "query/scan.h"
#include "query/statement_table.h"

namespace pgweir::app {
namespace {

constexpr int kNotCacheable = 1;
constexpr int kRefused = 2;  // the database cannot be reached, or refuses

struct ExplainOptions {
  std::string sql, url, role, config_file, format = "text";
  std::vector<std::string> parameters;
  std::shared_ptr<const query::Rules> rules;  // null: none
};

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connected = std::unique_ptr<PGconn, Finish>;

int complain(const ExplainOptions& options, const std::string& message) {
  if (options.format == "json") {
    const nlohmann::json error{{"error", message}};
    fmt::print("{}\n", error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print(stderr, "pgweir explain: {}\n", message);
  }
  return kRefused;
}

// Fills in what the options leave to the file; the message if it cannot be used.
std::optional<std::string> read_config(ExplainOptions& options) {
  if (options.config_file.empty()) return std::nullopt;
  std::ifstream in(options.config_file, std::ios::binary);
  if (!in) return options.config_file + ": cannot be read";
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto config = config::load(text, options.config_file);
  if (!config) return config.error().front().to_string();
  if (options.url.empty()) options.url = config::format_upstream(config->upstream);
  if (options.role.empty()) options.role = config->sync.user;
  auto rules = query::Rules::make(config->rules);
  if (!rules) return options.config_file + ": " + rules.error().message;
  options.rules = std::move(*rules);
  return std::nullopt;
}

// libpq repeats a URL that it cannot read, and a password may be in it.
std::string why_not_connected(PGconn* connection, const std::string& url) {
  std::string message = PQerrorMessage(connection);
  for (std::size_t at = 0; (at = message.find(url, at)) != message.npos;)
    message.replace(at, url.size(), "…");
  while (message.ends_with('\n')) message.pop_back();
  return "cannot connect; --url takes postgres://user@host:port/database: " + message;
}

bool is_ascii(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_readable(PGconn* connection, const ExplainSession& session, const std::string& sql) {
  const char* const plain = PQparameterStatus(connection, "standard_conforming_strings");
  return plain != nullptr && std::string_view(plain) == "on" &&
         (session.settings.readable_text || is_ascii(sql));
}

// What speaks against a look-up though the statement itself may be cached, in the proxy's order.
void add_obstacle(query::Explanation& explanation, const query::Verdict& verdict,
                  const ExplainSession& session, const std::vector<std::string>& parameters) {
  if (!explanation.cacheable()) return;
  const bool wants_stream = session.follows && !verdict.accept_ttl;
  if (wants_stream && session.setup.promise != sync::Promise::kFull)
    return explanation.refuse("stream_behind", session.setup.findings.front().what);
  if (wants_stream && verdict.unfollowed != 0) {
    const query::Relation* const relation = session.catalog->relation(verdict.unfollowed);
    return explanation.refuse("not_followed", relation == nullptr ? "" : query::qualified_name(*relation));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (query::has_time_word(parameters[i]))
      return explanation.refuse("time_parameter", "$" + std::to_string(i + 1));
}

query::Explanation explain(PGconn* connection, const ExplainSession& session, const ExplainOptions& options) {
  const query::SearchPath path(session.settings.search_path, session.settings.temporary_names);
  query::StatementTable table({});
  table.set_rules(options.rules);
  const query::Scan scan = query::scan(options.sql, base::random_secret());
  const query::Verdict unreadable = query::unknown_verdict(query::Reason::kUnsafeEncoding);
  const query::Verdict& verdict = is_readable(connection, session, options.sql)
                                      ? table.verdict(options.sql, scan, *session.catalog, path)
                                      : unreadable;
  query::Explanation explanation =
      query::explain(verdict, *session.catalog, options.sql, options.rules.get());
  if (explanation.writes_everything && &verdict != &unreadable)
    explanation.untold = query::why_untold(options.sql, *session.catalog, path);
  add_obstacle(explanation, verdict, session, options.parameters);
  return explanation;
}

int run(ExplainOptions options) {
  if (auto wrong = read_config(options)) return complain(options, *wrong);
  if (options.url.empty()) return complain(options, "--url is needed: postgres://user@host/database");
  if (options.sql == "-") options.sql.assign(std::istreambuf_iterator<char>(std::cin), {});
  const Connected connection(PQconnectdb(options.url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK)
    return complain(options, why_not_connected(connection.get(), options.url));
  PQsetNoticeProcessor(connection.get(), [](void*, const char*) {}, nullptr);
  const auto session = read_explain_session(connection.get(), options.role);
  if (!session) return complain(options, session.error().message);
  const query::Explanation explanation = explain(connection.get(), *session, options);
  const bool colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  fmt::print("{}", options.format == "json" ? explain_json(explanation, *session)
                                            : explain_text(explanation, *session, colour));
  return explanation.cacheable() ? 0 : kNotCacheable;
}

}  // namespace

void add_explain(CLI::App& cli, int& exit_code) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command =
      cli.add_subcommand("explain", "say whether a statement may be cached, what it depends on, and why not");
  command->add_option("sql", options->sql, "the statement; - reads it from standard input")
      ->type_name("SQL")
      ->required();
  command
      ->add_option("--url", options->url,
                   "the database, as the user whose session is to be judged; PostgreSQL itself, not pgweir")
      ->type_name("URL");
  command
      ->add_option(
          "--role", options->role,
          "the login that follows the changes (pgweir serve --sync-user): judge by its change stream")
      ->type_name("NAME");
  command
      ->add_option("--config", options->config_file,
                   "pgweir's own file: its rules count, and --url and --role come from it")
      ->type_name("FILE");
  command
      ->add_option("-p,--param", options->parameters, "the value of a parameter, $1 first; may be repeated")
      ->type_name("VALUE")
      ->allow_extra_args(false);
  command->add_option("--format", options->format, "text, or json: one object")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "The statement is not run. Exit status: 0 if it may be cached, 1 if not, 2 if that cannot be told.\n"
      "Examples:\n"
      "  pgweir explain --url postgres://app@db/shop \"SELECT name FROM products WHERE id = 7\"\n"
      "  pgweir explain --url postgres://app@db/shop --role pgweir \\\n"
      "    \"SELECT name FROM products WHERE id = \\$1\" -p 7\n"
      "  pgweir explain --config /etc/pgweir.toml --format json - < statement.sql");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace pgweir::app
