// For tests: a session before a TestServer that answers at once, and what a client says to it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/test_paths.h"
#include "proxy/test_server.h"

namespace pgweir::proxy {

inline std::string simple_query(std::string_view sql) {
  base::Buffer out;
  wire::append_query(out, sql);
  return std::string(out.view());
}

inline std::string preparation(std::string_view name, std::string_view sql) {
  base::Buffer out;
  wire::append_parse(out, name, sql, {});
  out.append(wire::kSync);
  return std::string(out.view());
}

// Bind with one parameter as text, Describe, Execute, Sync.
inline std::string execution(std::string_view name, std::string_view value) {
  base::Buffer bind;
  wire::append_string(bind, "");
  wire::append_string(bind, name);
  wire::append_u16(bind, 0);
  wire::append_u16(bind, 1);
  wire::append_u32(bind, static_cast<std::uint32_t>(value.size()));
  bind.append(value);
  wire::append_u16(bind, 0);
  return message('B', bind.view()) + message('D', std::string_view("P\0", 2)) +
         message('E', std::string_view("\0\0\0\0\0", 5)) + std::string(wire::kSync);
}

class TestSession {
 public:
  TestSession() : own_worker_(std::make_unique<TestWorker>()), worker_(*own_worker_) {
    worker_.load_catalog();
    paths_.report_readable_text();
  }
  // One more session of a worker's, which must outlive it.
  explicit TestSession(TestWorker& worker) : worker_(worker) { paths_.report_readable_text(); }

  // Sends, and has the server answer until nothing more is said.
  void say(std::string_view bytes) {
    paths_.from_client(bytes);
    while (answered_ != paths_.to_upstream.size()) {
      server_.receive(std::string_view(paths_.to_upstream).substr(answered_));
      answered_ = paths_.to_upstream.size();
      paths_.from_upstream(std::exchange(server_.out(), {}));
    }
  }
  // How many of the statements in it hit.
  std::uint64_t hits_of(std::string_view bytes) {
    const std::uint64_t before = worker_.hits();
    say(bytes);
    return worker_.hits() - before;
  }

  TestWorker& worker() { return worker_; }
  TestPaths& paths() { return paths_; }
  TestServer& server() { return server_; }
  // What the client gets for it.
  std::string reply_to(std::string_view bytes) {
    const std::size_t before = paths_.to_client.size();
    say(bytes);
    return paths_.to_client.substr(before);
  }

 private:
  std::unique_ptr<TestWorker> own_worker_;
  TestWorker& worker_;
  TestPaths paths_{worker_};
  TestServer server_;
  std::size_t answered_ = 0;
};

}  // namespace pgweir::proxy
