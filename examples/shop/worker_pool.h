// Threads that wait for the database so that the network thread need not.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "database.h"

namespace shop {

// Each thread owns one connection. Jobs run in the order submitted, as threads become free.
class WorkerPool {
 public:
  using Job = std::move_only_function<void(Database&)>;

  // At most waiting_max jobs queue up; more are refused.
  WorkerPool(std::string database_url, std::size_t threads, std::size_t waiting_max);
  ~WorkerPool();  // drops what waits, finishes what runs
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False if the queue is full. Any thread.
  bool submit(Job job);

 private:
  void work(const std::stop_token& stop);

  const std::string database_url_;
  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Job> waiting_;            // under mutex_
  std::vector<std::jthread> threads_;  // last, so that they end before the rest goes
};

}  // namespace shop
