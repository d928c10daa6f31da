#include <memory>

#include "app/commands.h"
#include "drill/shop_day.h"

namespace pgweir::app {

void add_drill(CLI::App& cli, int& exit_code) {
  auto options = std::make_shared<drill::ShopDayOptions>();
  auto format = std::make_shared<std::string>("text");
  CLI::App* command =
      cli.add_subcommand("drill", "bring up a private PostgreSQL, users and pgweir, and watch them");
  command->require_subcommand(1);
  command->footer("Examples:\n  pgweir drill shop\n  pgweir drill shop --help");
  CLI::App* shop =
      command->add_subcommand("shop", "an ordinary day: a shop API with and without pgweir, side by side");
  shop->add_option("--seconds", options->seconds, "how long the traffic lasts; 0: until Ctrl-C")
      ->capture_default_str();
  shop->add_option("--dir", options->dir, "keeps the database from one run to the next, and the logs")
      ->capture_default_str();
  shop->add_option("--port", options->port,
                   "of the private PostgreSQL; the next four are pgweir, its dashboard, the API through "
                   "pgweir and the "
                   "API direct")
      ->capture_default_str();
  shop->add_option("--requests", options->requests_per_s, "HTTP requests per second, arriving at random")
      ->capture_default_str();
  shop->add_option("--direct-share", options->direct_share, "share of the reads sent past pgweir, to compare")
      ->capture_default_str();
  shop->add_option("--users", options->users, "simulated users")->capture_default_str();
  shop->add_option("--seed", options->seed, "of the data and of the traffic")->capture_default_str();
  shop->add_option("--format", *format, "text, or json: one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  shop->footer(
      "Examples:\n  pgweir drill shop\n  pgweir drill shop --seconds 30 --requests 1000\n"
      "  pgweir drill shop --seconds 10 --format json | jq .hit_ratio");
  shop->callback([options, format, &exit_code] {
    options->json = *format == "json";
    exit_code = drill::run_shop_day(*options);
  });
}

}  // namespace pgweir::app
