// pgweir warm: has a running pgweir ask its recorded statements again, and shows how that fares.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "app/console_client.h"

namespace pgweir::app {
namespace {

constexpr int kNotAsked = 1;  // the warm-up has ended without asking
constexpr int kRefused = 2;   // pgweir cannot be reached, or has no warm-up

struct WarmOptions {
  std::string address = "127.0.0.1:6432", format = "text";
  bool no_wait = false;
};

using Row = ConsoleClient::Row;

int complain(const WarmOptions& options, const std::string& message) {
  if (options.format == "json")
    fmt::print("{}\n", nlohmann::json{{"error", message}}.dump(-1, ' ', false,
                                                               nlohmann::json::error_handler_t::replace));
  else
    fmt::print(stderr, "pgweir warm: {}\n", message);
  return kRefused;
}

std::string value(const Row& row, std::string_view column) {
  const auto found = row.find(column);
  return found != row.end() ? found->second : "";
}

bool is_over(const Row& row) {
  const std::string state = value(row, "state");
  return state == "done" || state == "failed" || state == "stopped";
}

constexpr std::string_view kOutcomes[] = {"filled", "present", "passed", "uncacheable", "unlike", "failed"};

std::string counts(const Row& row) {
  std::string text;
  for (const std::string_view outcome : kOutcomes)
    if (const std::string n = value(row, outcome); !n.empty() && n != "0")
      text += fmt::format(", {} {}", n, outcome);
  return text;
}

void print_end(const WarmOptions& options, const Row& row) {
  if (options.format == "text") {
    fmt::print("{}: {} of {} statements in {} s{}\n", value(row, "state"), value(row, "done"),
               value(row, "statements"), value(row, "seconds"), counts(row));
    if (!value(row, "why").empty()) fmt::print("left out: {}\n", value(row, "why"));
    return;
  }
  nlohmann::ordered_json json;
  const auto number = [&](std::string_view column) {
    return nlohmann::json::parse(value(row, column), nullptr, false);
  };
  json["state"] = value(row, "state");
  for (const char* column : {"statements", "done"}) json[column] = number(column);
  for (const std::string_view outcome : kOutcomes) json[std::string(outcome)] = number(outcome);
  json["seconds"] = number("seconds");
  json["why"] = value(row, "why").empty() ? nlohmann::json(nullptr) : nlohmann::json(value(row, "why"));
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

int follow(const WarmOptions& options, const ConsoleClient& console) {
  const bool shows = options.format == "text" && isatty(STDERR_FILENO) != 0;
  for (;;) {
    const auto row = console.ask("SHOW WARM");
    if (shows) fmt::print(stderr, "\r\033[K");
    if (!row) return complain(options, row.error().message);
    if (is_over(*row)) {
      print_end(options, *row);
      return value(*row, "state") == "done" ? 0 : kNotAsked;
    }
    if (shows)
      fmt::print(stderr, "{} of {} statements{}", value(*row, "done"), value(*row, "statements"),
                 counts(*row));
    constexpr int kPauseMs = 200;
    poll(nullptr, 0, kPauseMs);
  }
}

int warm(const WarmOptions& options) {
  const auto console = ConsoleClient::connect(options.address);
  if (!console) return complain(options, console.error().message);
  constexpr std::string_view kNotOver = "55006";
  const auto begun = console->ask("WARM");
  if (!begun && begun.error().code != kNotOver) return complain(options, begun.error().message);
  if (!begun && options.format == "text") fmt::print(stderr, "a warm-up is not over yet: this is it\n");
  return options.no_wait ? 0 : follow(options, *console);
}

}  // namespace

void add_warm(CLI::App& cli, int& exit_code) {
  auto options = std::make_shared<WarmOptions>();
  CLI::App* command = cli.add_subcommand(
      "warm", "have a running pgweir ask its recorded statements again, to fill the cache");
  command->add_option("--connect", options->address, "where pgweir listens, on this machine")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command->add_flag("--no-wait", options->no_wait, "only begin");
  command->add_option("--format", options->format, "text, or json: one object")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "pgweir serve does the same after each start, with the settings warm.user and warm.record.\n"
      "Exit status: 0 if it is done, 1 if nothing could be asked, 2 if pgweir has no warm-up.\n"
      "Examples:\n"
      "  pgweir warm\n"
      "  pgweir warm --connect 127.0.0.1:6432 --format json\n"
      "  psql -h 127.0.0.1 -p 6432 pgweir -c 'SHOW WARM'");
  command->callback([options, &exit_code] { exit_code = warm(*options); });
}

}  // namespace pgweir::app
