// bench-echo: see echo_server.h. Prints the port it listens on, then serves until it is killed.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/echo_server.h"

int main(int argc, char** argv) {
  using namespace pgweir;
  CLI::App app{"Answers every PostgreSQL request with the same canned rows, on one thread"};
  app.footer(
      "Example:\n  bench-echo --port 5433 --value-bytes 256 &\n  psql 'host=127.0.0.1 port=5433' -c 'select "
      "1'");
  bench::EchoConfig config;
  app.add_option("--host", config.host, "numeric IPv4 address to listen on")->capture_default_str();
  app.add_option("--port", config.port, "0: any free one")->capture_default_str();
  app.add_option("--rows", config.rows, "rows of each reply")->capture_default_str();
  app.add_option("--value-bytes", config.value_bytes, "bytes of the one column")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  bench::raise_file_limit();
  auto server = bench::EchoServer::start(config);
  if (!server) {
    std::fprintf(stderr, "bench-echo: %s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("listening on %s:%u\n", config.host.c_str(), unsigned{(*server)->port()});
  std::fflush(stdout);
  for (;;) {
    if (auto turned = (*server)->turn(-1); !turned) {
      std::fprintf(stderr, "bench-echo: %s\n", turned.error().message.c_str());
      return 1;
    }
  }
}
