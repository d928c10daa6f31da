// pgweir off, pgweir on: whether a running pgweir answers from its cache.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "app/commands.h"
#include "app/console_client.h"

namespace pgweir::app {
namespace {

constexpr int kRefused = 2;  // pgweir cannot be reached

int switch_to(const std::string& address, const char* command) {
  const auto console = ConsoleClient::connect(address);
  const auto done = console ? console->ask(command) : std::unexpected(console.error());
  if (!done) {
    fmt::print(stderr, "pgweir: {}\n", done.error().message);
    return kRefused;
  }
  return 0;
}

void add(CLI::App& cli, int& exit_code, const char* name, const char* command, const char* meaning,
         const char* footer) {
  auto address = std::make_shared<std::string>("127.0.0.1:6432");
  CLI::App* added = cli.add_subcommand(name, meaning);
  added->add_option("--connect", *address, "where pgweir listens, on this machine")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  added->footer(footer);
  added->callback([address, command, &exit_code] { exit_code = switch_to(*address, command); });
}

}  // namespace

void add_switch(CLI::App& cli, int& exit_code) {
  add(cli, exit_code, "off", "OFF", "have a running pgweir pass everything on to PostgreSQL",
      "All goes through the guard, so PostgreSQL has no more to do at once than its limit (SHOW GUARD).\n"
      "What is cached stays, is kept fresh, and answers again after `pgweir on`, or a restart.\n"
      "Examples:\n"
      "  pgweir off\n"
      "  pgweir off --connect 127.0.0.1:6432\n"
      "  psql -h 127.0.0.1 -p 6432 pgweir -c OFF");
  add(cli, exit_code, "on", "ON", "have a running pgweir answer from its cache again",
      "Examples:\n"
      "  pgweir on\n"
      "  pgweir on --connect 127.0.0.1:6432");
}

}  // namespace pgweir::app
