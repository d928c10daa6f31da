// Looks names up off the event loops, on one thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "io/loop.h"
#include "io/socket.h"

namespace pgweir::io {

// Any thread may ask; the answer runs on the loop given, which must outlive the resolver.
class Resolver {
 public:
  using Answer = std::function<void(base::Result<std::vector<SocketAddress>>)>;

  Resolver();
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void resolve(std::string host, std::uint16_t port, Loop& loop, Answer answer);

 private:
  struct Question {
    std::string host;
    std::uint16_t port;
    Loop* loop;
    Answer answer;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<Question> questions_;  // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace pgweir::io
