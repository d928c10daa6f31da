#include "worker_pool.h"

#include <utility>

namespace shop {

WorkerPool::WorkerPool(std::string database_url, std::size_t threads, std::size_t waiting_max)
    : database_url_(std::move(database_url)), waiting_max_(waiting_max) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

WorkerPool::~WorkerPool() = default;

bool WorkerPool::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max_) return false;
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void WorkerPool::work(const std::stop_token& stop) {
  Database database(database_url_);
  (void)database.make_ready();  // spares the first requests the wait; a failure shows in them
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      if (stop.stop_requested()) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    job(database);
  }
}

}  // namespace shop
