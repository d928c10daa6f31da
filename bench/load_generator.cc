#include "bench/load_generator.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

namespace pgweir::bench {
namespace {

constexpr std::size_t kReceiveBytes = 256 * 1024;
constexpr int kEventsMax = 256;
constexpr int kWaitMs = 100;
constexpr base::Nanos kDrainMax = 5 * base::kSecond;

base::Nanos own_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * base::kSecond + time.tv_nsec;
}

}  // namespace

base::Result<std::unique_ptr<LoadGenerator>> LoadGenerator::make(const LoadConfig& config,
                                                                 const Workload& workload, Mode mode,
                                                                 const std::vector<int>& fds) {
  if (config.depth == 0 || fds.empty()) {
    return base::fail(base::ErrorCode::kInvalid, "at least one connection and a depth of one are needed");
  }
  std::unique_ptr<LoadGenerator> generator(new LoadGenerator(config, workload));
  generator->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!generator->epoll_) return std::unexpected(system_error("epoll_create1"));
  generator->received_.resize(kReceiveBytes);
  for (int fd : fds) {
    Connection& connection = generator->connections_.emplace_back();
    connection.fd = fd;
    connection.sent_at.resize(config.depth);
    if (mode == Mode::kRedis) {
      connection.scanner = std::make_unique<RedisScanner>(config.expected);
    } else {
      connection.scanner = std::make_unique<PostgresScanner>(config.expected);
    }
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
    if (::epoll_ctl(generator->epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return std::unexpected(system_error("epoll_ctl"));
    }
  }
  return generator;
}

base::Result<LoadReport> LoadGenerator::run(const base::Clock& clock) {
  turned_at_ = clock.now();
  phase_end_ = turned_at_ + config_.warmup;
  for (Connection& connection : connections_) {
    if (auto sent = send_requests(connection, config_.depth, clock.now()); !sent) {
      return std::unexpected(sent.error());
    }
  }
  while (phase_ != Phase::kDone) {
    if (auto turned = turn(clock); !turned) return std::unexpected(turned.error());
  }
  std::uint64_t bytes = 0;
  for (const Connection& connection : connections_) bytes += connection.scanner->reply_bytes();
  if (report_.requests_total > 0) {
    report_.reply_bytes_mean = static_cast<double>(bytes) / static_cast<double>(report_.requests_total);
  }
  return report_;
}

base::Result<void> LoadGenerator::turn(const base::Clock& clock) {
  std::array<epoll_event, kEventsMax> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), kEventsMax, config_.poll ? 0 : kWaitMs);
  if (ready < 0 && errno != EINTR) return std::unexpected(system_error("epoll_wait"));
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Connection& connection = *static_cast<Connection*>(event.data.ptr);
    if ((event.events & EPOLLOUT) != 0) {
      const std::string unsent = std::exchange(connection.unsent, {});
      if (auto sent = flush(connection, unsent); !sent) return sent;
    }
    if ((event.events & ~static_cast<unsigned>(EPOLLOUT)) != 0) {
      if (auto read = read_replies(connection, clock); !read) return read;
    }
  }
  const base::Nanos now = clock.now();
  if (config_.poll && ready <= 0) polled_in_vain_ += now - turned_at_;
  turned_at_ = now;
  return update_phase(now, clock);
}

base::Result<void> LoadGenerator::update_phase(base::Nanos now, const base::Clock& clock) {
  switch (phase_) {
    case Phase::kWarmup:
      if (now < phase_end_ || (config_.touch_keys && touched_ < workload_.keys())) return {};
      return begin_measure(clock);
    case Phase::kMeasure:
      if (now < phase_end_) return {};
      return end_measure(now);
    case Phase::kDrain:
      if (in_flight_ == 0) {
        phase_ = Phase::kDone;
      } else if (now >= phase_end_) {
        return base::fail(base::ErrorCode::kUnavailable,
                          std::to_string(in_flight_) + " requests were never answered");
      }
      return {};
    case Phase::kDone:
      return {};
  }
  return {};
}

base::Result<void> LoadGenerator::begin_measure(const base::Clock& clock) {
  if (!config_.server_pids.empty()) {
    auto usage = usage_of(config_.server_pids);
    if (!usage) return std::unexpected(usage.error());
    usage_before_ = *usage;
  }
  own_cpu_before_ = own_cpu();
  polled_in_vain_ = 0;
  phase_ = Phase::kMeasure;
  measure_begin_ = clock.now();
  phase_end_ = measure_begin_ + config_.duration;
  return {};
}

base::Result<void> LoadGenerator::end_measure(base::Nanos now) {
  report_.elapsed = now - measure_begin_;
  report_.generator_cpu = std::max<base::Nanos>(own_cpu() - own_cpu_before_ - polled_in_vain_, 0);
  if (!config_.server_pids.empty()) {
    auto usage = usage_of(config_.server_pids);
    if (!usage) return std::unexpected(usage.error());
    report_.server_cpu = usage->cpu - usage_before_.cpu;
  }
  phase_ = Phase::kDrain;
  phase_end_ = now + kDrainMax;
  return {};
}

base::Result<void> LoadGenerator::read_replies(Connection& connection, const base::Clock& clock) {
  const ssize_t got = ::recv(connection.fd, received_.data(), received_.size(), 0);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return {};
    return std::unexpected(system_error("recv"));
  }
  if (got == 0) return base::fail(base::ErrorCode::kClosed, "the server closed a connection");
  const auto completed = connection.scanner->scan({received_.data(), static_cast<std::size_t>(got)});
  if (!completed) return std::unexpected(completed.error());
  if (*completed == 0) return {};
  if (*completed > connection.in_flight) {
    return base::fail(base::ErrorCode::kInvalid, "the server sent more replies than there were requests");
  }
  const base::Nanos now = clock.now();
  count_replies(connection, *completed, now);
  if (phase_ == Phase::kDrain) return {};
  return send_requests(connection, *completed, now);
}

void LoadGenerator::count_replies(Connection& connection, std::size_t completed, base::Nanos now) {
  report_.requests_total += completed;
  in_flight_ -= completed;
  connection.in_flight -= completed;
  if (phase_ == Phase::kMeasure) report_.requests += completed;
  for (; completed > 0; --completed) {
    const base::Nanos sent_at = connection.sent_at[connection.oldest];
    if (++connection.oldest == config_.depth) connection.oldest = 0;
    if (phase_ == Phase::kMeasure && sent_at >= measure_begin_) report_.latencies.record(now - sent_at);
  }
}

base::Result<void> LoadGenerator::send_requests(Connection& connection, std::size_t count, base::Nanos now) {
  std::string_view bytes;
  if (count == 1) {
    bytes = next_request();
  } else {
    sending_.clear();
    for (std::size_t i = 0; i < count; ++i) sending_.append(next_request());
    bytes = sending_;
  }
  for (std::size_t i = 0; i < count; ++i) {
    connection.sent_at[(connection.oldest + connection.in_flight) % config_.depth] = now;
    ++connection.in_flight;
  }
  in_flight_ += count;
  if (connection.waits_to_send) {
    connection.unsent.append(bytes);
    return {};
  }
  return flush(connection, bytes);
}

base::Result<void> LoadGenerator::flush(Connection& connection, std::string_view bytes) {
  const ssize_t sent = ::send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return std::unexpected(system_error("send"));
  bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
  if (bytes.empty() && !connection.waits_to_send) return {};
  connection.unsent.assign(bytes);
  return wait_to_send(connection, !bytes.empty());
}

base::Result<void> LoadGenerator::wait_to_send(Connection& connection, bool wait) {
  if (connection.waits_to_send == wait) return {};
  connection.waits_to_send = wait;
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
  if (wait) event.events |= EPOLLOUT;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd, &event) != 0) {
    return std::unexpected(system_error("epoll_ctl"));
  }
  return {};
}

std::string_view LoadGenerator::next_request() {
  if (config_.touch_keys && touched_ < workload_.keys()) return workload_.request(touched_++);
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return workload_.request(random_ % workload_.keys());
}

}  // namespace pgweir::bench
