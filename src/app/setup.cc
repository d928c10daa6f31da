#include "sync/setup.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "sync/setup_status.h"

namespace pgweir::app {
namespace {

constexpr int kLess = 1;     // the promise is not full, or something is left to do
constexpr int kRefused = 2;  // the database cannot be reached, or refuses

struct SetupOptions {
  std::string url, role, format = "text";
  bool print = false, apply = false, undo = false, status = false;
};

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connected = std::unique_ptr<PGconn, Finish>;

int complain(const SetupOptions& options, const std::string& message) {
  if (options.format == "json")
    fmt::print("{}\n", nlohmann::json{{"error", message}}.dump());
  else
    fmt::print(stderr, "pgweir setup: {}\n", message);
  return kRefused;
}

int print_script(const SetupOptions& options) {
  const auto script = options.undo ? sync::undo_script(options.role) : sync::setup_script(options.role);
  if (!script) return complain(options, script.error().message);
  if (options.format == "json")
    fmt::print("{}\n", nlohmann::json{{"sql", *script}}.dump());
  else
    fmt::print("{}", *script);
  return 0;
}

int print_outcome(const SetupOptions& options, const std::string& database,
                  const sync::SetupOutcome& outcome) {
  if (options.format == "json") {
    const nlohmann::json report{
        {"database", database}, {"done", outcome.done}, {"warnings", outcome.warnings}};
    fmt::print("{}\n", report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return 0;
  }
  if (outcome.done.empty()) fmt::print("{}: nothing to do\n", database);
  for (const std::string& line : outcome.done) fmt::print("{}: {}\n", database, line);
  for (const std::string& line : outcome.warnings) fmt::print("{}: note: {}\n", database, line);
  return 0;
}

nlohmann::json json_of(const sync::SetupStatus& status) {
  nlohmann::json findings = nlohmann::json::array();
  for (const sync::Finding& finding : status.findings)
    findings.push_back(
        {{"code", finding.code}, {"advice", finding.advice}, {"what", finding.what}, {"fix", finding.fix}});
  return {{"database", status.facts.database},
          {"role", status.facts.role},
          {"promise", sync::promise_name(status.promise)},
          {"tables_published_with_rows", status.facts.tables_in_rows},
          {"tables_published_with_inserts_only", status.facts.tables_in_inserts},
          {"findings", findings}};
}

int print_status(const SetupOptions& options, const sync::SetupStatus& status) {
  const int code = status.promise == sync::Promise::kFull ? 0 : kLess;
  if (options.format == "json") {
    fmt::print("{}\n", json_of(status).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return code;
  }
  fmt::print("database {}, followed as {}\npromise: {}\n", status.facts.database, status.facts.role,
             sync::promise_name(status.promise));
  fmt::print("published: {} tables with rows, {} with inserts only\n", status.facts.tables_in_rows,
             status.facts.tables_in_inserts);
  for (const sync::Finding& finding : status.findings)
    fmt::print("\n{} [{}]\n  {}\n  fix: {}\n", finding.advice ? "advice" : "missing", finding.code,
               finding.what, finding.fix);
  return code;
}

// libpq repeats a URL that it cannot read, and a password may be in it.
std::string why_not_connected(PGconn* connection, const std::string& url) {
  std::string message = PQerrorMessage(connection);
  for (std::size_t at = 0; (at = message.find(url, at)) != message.npos;)
    message.replace(at, url.size(), "…");
  while (message.ends_with('\n')) message.pop_back();
  return message;
}

int setup(const SetupOptions& options) {
  if (options.print || !(options.apply || options.undo || options.status)) return print_script(options);
  if (options.url.empty()) return complain(options, "--url is needed: postgres://admin@host/database");
  const Connected connection(PQconnectdb(options.url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return complain(options, why_not_connected(connection.get(), options.url));
  }
  if (options.status) {
    const auto status = sync::read_setup_status(connection.get(), options.role);
    return status ? print_status(options, *status) : complain(options, status.error().message);
  }
  const auto outcome = options.undo ? sync::undo_setup(connection.get(), options.role)
                                    : sync::apply_setup(connection.get(), options.role);
  return outcome ? print_outcome(options, PQdb(connection.get()), *outcome)
                 : complain(options, outcome.error().message);
}

}  // namespace

void add_setup(CLI::App& cli, int& exit_code) {
  auto options = std::make_shared<SetupOptions>();
  CLI::App* command = cli.add_subcommand("setup", "prepare a database so that its changes can be followed");
  command
      ->add_option("--url", options->url,
                   "the database, as its administrator; once for each database that is to be followed")
      ->type_name("URL");
  command
      ->add_option(
          "--role", options->role,
          "the login that follows the changes: made if missing, and given what it needs; for --status "
          "the one to judge by (default: the one that connects)")
      ->type_name("NAME");
  auto* print = command->add_flag("--print", options->print, "print the SQL and run nothing (default)");
  auto* apply = command->add_flag("--apply", options->apply, "make what is missing; may be repeated");
  auto* undo =
      command->add_flag("--undo", options->undo, "take all of it back; with --print, print that SQL");
  auto* status =
      command->add_flag("--status", options->status, "say which promise holds, and what is missing");
  apply->excludes(print)->excludes(undo)->excludes(status);
  status->excludes(print)->excludes(undo);
  command->add_option("--format", options->format, "text, or json: one object")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Exit status: 0 if all is well, 1 if --status finds less than the full promise, 2 if it cannot be "
      "done.\n"
      "Examples:\n"
      "  pgweir setup --role pgweir > setup.sql\n"
      "  pgweir setup --url postgres://postgres@db/shop --role pgweir --apply\n"
      "  pgweir setup --url postgres://postgres@db/shop --role pgweir --status\n"
      "  pgweir setup --url postgres://postgres@db/shop --role pgweir --undo");
  command->callback([options, &exit_code] { exit_code = setup(*options); });
}

}  // namespace pgweir::app
