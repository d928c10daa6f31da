// shop-load: fills a database with the shop's made-up data.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "loader.h"

int main(int argc, char** argv) {
  shop::LoadOptions options;
  options.terminal = isatty(STDOUT_FILENO) == 1;
  CLI::App app("Fills a PostgreSQL database with the shop's data", "shop-load");
  app.add_option("--database", options.database_url,
                 "Connection string, e.g. postgres://shop@127.0.0.1:5432/shop")
      ->envname("DATABASE_URL")
      ->required();
  app.add_option("--seed", options.seed, "The same seed gives the same data")->capture_default_str();
  const auto size = [&](const char* flag, std::uint32_t& value) {
    app.add_option(flag, value, "Number of rows")->check(CLI::Range(1u, 100'000'000u))->capture_default_str();
  };
  size("--categories", options.sizes.categories);
  size("--products", options.sizes.products);
  size("--customers", options.sizes.customers);
  size("--orders", options.sizes.orders);
  size("--reviews", options.sizes.reviews);
  app.add_flag("--replace", options.replace, "Drop the shop's tables first if they are there");
  CLI11_PARSE(app, argc, argv);

  if (auto loaded = shop::load_shop(options); !loaded) {
    fmt::print(stderr, "\nshop-load: {}\n", loaded.error().message);
    return 1;
  }
  return 0;
}
