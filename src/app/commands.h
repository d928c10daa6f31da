// The commands of pgweir; each file of this folder adds one to the command line and does nothing but
// wiring.
#pragma once

#include <CLI/CLI.hpp>

namespace pgweir::app {

// Each registers its subcommand; `exit_code` is set when the command has run.
void add_serve(CLI::App& cli, int& exit_code);
void add_drill(CLI::App& cli, int& exit_code);
void add_setup(CLI::App& cli, int& exit_code);
void add_explain(CLI::App& cli, int& exit_code);
void add_simulate(CLI::App& cli, int& exit_code);
void add_warm(CLI::App& cli, int& exit_code);
void add_switch(CLI::App& cli, int& exit_code);

}  // namespace pgweir::app
