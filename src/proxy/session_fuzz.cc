// Any bytes from the client and any bytes from PostgreSQL, cut and interleaved in any way: nothing may
// crash, and what is kept of them stays bounded.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "proxy/test_paths.h"
#include "proxy/test_server.h"

namespace {

using pgweir::proxy::TestPaths;
using pgweir::proxy::TestServer;

// Messages are taken up to 64 KiB at once from the client; PostgreSQL's short ones are read whole.
constexpr std::size_t kWaitingBytesMax = 256 * 1024;

void check(TestPaths& paths) {
  CHECK(paths.client_bytes_waiting() <= kWaitingBytesMax);
  CHECK(paths.upstream_bytes_waiting() <= kWaitingBytesMax);
}

}  // namespace

// The input is a list of pieces, each with a byte before it: the two low bits say who sends it, the rest
// how long it is. 0: the client; 1: PostgreSQL, as it is; 2: the client, as the body of a message; 3: a
// server that plays by the rules answers what it was sent.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kQuiet = (spdlog::set_level(spdlog::level::off), true);
  CHECK(kQuiet);
  pgweir::proxy::TestWorker worker;
  worker.load_catalog();
  TestPaths paths(worker);
  paths.report_readable_text();
  TestServer server;
  std::size_t sent = 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty() && !paths.has_fault()) {
    const auto head = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    const std::string_view piece = rest.substr(0, std::min<std::size_t>(rest.size(), head >> 2));
    rest.remove_prefix(piece.size());
    switch (head & 3) {
      case 0:
        paths.from_client(piece);
        break;
      case 1:
        paths.from_upstream(piece);
        break;
      case 2:
        if (!piece.empty()) paths.from_client(pgweir::proxy::message(piece.front(), piece.substr(1)));
        break;
      default:
        server.receive(std::string_view(paths.to_upstream).substr(sent));
        sent = paths.to_upstream.size();
        paths.from_upstream(std::exchange(server.out(), {}));
        break;
    }
    check(paths);
  }
  paths.query().take_fences();
  return 0;
}
