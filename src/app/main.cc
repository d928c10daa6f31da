#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "app/commands.h"

int main(int argc, char** argv) {
  CLI::App cli("pgweir: a caching layer for PostgreSQL that cannot take the database down", "pgweir");
  cli.set_version_flag("--version", std::string("pgweir ") + PGWEIR_VERSION);
  cli.require_subcommand(1);
  cli.footer(
      "Examples:\n"
      "  pgweir serve --upstream postgres://127.0.0.1:5432      then connect to 127.0.0.1:6432\n"
      "  pgweir drill shop --seconds 30                         watch it at work on a private database\n"
      "  pgweir COMMAND --help");
  int exit_code = 0;
  pgweir::app::add_serve(cli, exit_code);
  pgweir::app::add_drill(cli, exit_code);
  pgweir::app::add_setup(cli, exit_code);
  pgweir::app::add_explain(cli, exit_code);
  pgweir::app::add_simulate(cli, exit_code);
  pgweir::app::add_warm(cli, exit_code);
  pgweir::app::add_switch(cli, exit_code);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    // Before it looks at words that it does not know, the parser misses a command.
    const auto unknown = cli.remaining(true);
    if (unknown.empty()) return cli.exit(error), 2;
    fmt::print(stderr, "pgweir: there is no command '{}'; pgweir --help lists them\n", unknown.front());
    return 2;
  } catch (const CLI::ParseError& error) {
    const int code = cli.exit(error);
    return code == 0 ? 0 : 2;
  }
  return exit_code;
}
