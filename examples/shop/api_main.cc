// shop-api: the shop's HTTP service. All it knows of the database is a connection string.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <string>

#include "database.h"
#include "http_server.h"
#include "worker_pool.h"

namespace {

struct Options {
  std::string listen = "127.0.0.1:8080";
  std::string database;
  std::size_t threads = 8;
};

constexpr std::size_t kWaitingMax = 1000;  // requests that may wait for a database thread

int serve(const Options& options) {
  const auto address = shop::parse_address(options.listen);
  if (!address) return fmt::print(stderr, "shop-api: {}\n", address.error().message), 2;
  if (auto reached = shop::Database(options.database).connect(); !reached) {
    return fmt::print(stderr, "shop-api: {}\n", reached.error().message), 1;
  }
  boost::asio::io_context loop(1);
  shop::WorkerPool pool(options.database, options.threads, kWaitingMax);
  shop::HttpServer server(loop, pool);
  if (auto listening = server.listen(*address); !listening) {
    return fmt::print(stderr, "shop-api: {} ({})\n", listening.error().message, options.listen), 1;
  }
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const auto&, int) { loop.stop(); });
  fmt::print("shop-api: listening on http://{}\n", options.listen);
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("The shop's HTTP API on PostgreSQL", "shop-api");
  app.add_option("--listen", options.listen, "Address to listen on")->capture_default_str();
  app.add_option("--database", options.database,
                 "Connection string, e.g. postgres://shop@127.0.0.1:5432/shop")
      ->envname("DATABASE_URL")
      ->required();
  app.add_option("--threads", options.threads, "Database connections, one thread each")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return serve(options);
}
