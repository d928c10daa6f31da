#include "io/resolver.h"

#include <utility>

namespace pgweir::io {

Resolver::Resolver() : thread_([this] { run(); }) {}

Resolver::~Resolver() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_one();
  thread_.join();
}

void Resolver::resolve(std::string host, std::uint16_t port, Loop& loop, Answer answer) {
  {
    std::lock_guard lock(mutex_);
    questions_.push_back({std::move(host), port, &loop, std::move(answer)});
  }
  asked_.notify_one();
}

void Resolver::run() {
  for (;;) {
    Question question;
    {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
      if (stopping_) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    auto addresses = io::resolve(question.host, question.port);
    question.loop->post([answer = std::move(question.answer), addresses = std::move(addresses)]() mutable {
      answer(std::move(addresses));
    });
  }
}

}  // namespace pgweir::io
