// Closed-loop load on one thread: every connection keeps `depth` requests in flight.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/latency.h"
#include "bench/process_usage.h"
#include "bench/replies.h"
#include "bench/socket.h"
#include "bench/workload.h"

namespace pgweir::bench {

struct LoadConfig {
  std::size_t depth = 1;  // requests in flight on each connection, each with its own end
  base::Nanos warmup = base::kSecond;
  base::Nanos duration = 5 * base::kSecond;
  // The first requests ask for every key once, in order, before the measured time may begin.
  bool touch_keys = false;
  // Never sleep while replies are due: a server then does not pay for waking this thread, as it would not
  // for clients on machines of their own. Needs a processor for this thread alone.
  bool poll = false;
  Expectation expected;
  std::vector<pid_t> server_pids;  // whose CPU time to report; may be empty
};

struct LoadReport {
  std::uint64_t requests = 0;        // answered within the measured time
  std::uint64_t requests_total = 0;  // and those before and after it
  base::Nanos elapsed = 0;
  Latencies latencies;  // from the call that sends a request to the read that completes its reply
  double reply_bytes_mean = 0;
  base::Nanos server_cpu = 0;
  base::Nanos generator_cpu = 0;  // without polls that found nothing
};

// One thread. The sockets and the workload outlive it.
class LoadGenerator {
 public:
  // fds are connected, non-blocking and idle.
  static base::Result<std::unique_ptr<LoadGenerator>> make(const LoadConfig& config, const Workload& workload,
                                                           Mode mode, const std::vector<int>& fds);

  // Warms up, measures, and waits for what is still in flight. Any wrong reply ends the run with an
  // error that describes it.
  base::Result<LoadReport> run(const base::Clock& clock);

 private:
  struct Connection {
    int fd = -1;
    std::unique_ptr<ReplyScanner> scanner;
    std::vector<base::Nanos> sent_at;  // a ring of `depth`
    std::size_t oldest = 0;
    std::size_t in_flight = 0;
    std::string unsent;  // only while waits_to_send
    bool waits_to_send = false;
  };
  enum class Phase : std::uint8_t { kWarmup, kMeasure, kDrain, kDone };

  LoadGenerator(const LoadConfig& config, const Workload& workload) : config_(config), workload_(workload) {}

  base::Result<void> turn(const base::Clock& clock);
  base::Result<void> update_phase(base::Nanos now, const base::Clock& clock);
  base::Result<void> begin_measure(const base::Clock& clock);
  base::Result<void> end_measure(base::Nanos now);
  base::Result<void> read_replies(Connection& connection, const base::Clock& clock);
  void count_replies(Connection& connection, std::size_t completed, base::Nanos now);
  base::Result<void> send_requests(Connection& connection, std::size_t count, base::Nanos now);
  base::Result<void> flush(Connection& connection, std::string_view bytes);
  base::Result<void> wait_to_send(Connection& connection, bool wait);
  std::string_view next_request();

  LoadConfig config_;
  const Workload& workload_;
  Fd epoll_;
  std::deque<Connection> connections_;  // a deque: epoll holds their addresses
  std::vector<char> received_;
  std::string sending_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
  std::size_t touched_ = 0;
  Phase phase_ = Phase::kWarmup;
  base::Nanos phase_end_ = 0;
  base::Nanos measure_begin_ = 0;
  std::size_t in_flight_ = 0;
  ProcessUsage usage_before_;
  base::Nanos own_cpu_before_ = 0;
  base::Nanos turned_at_ = 0;       // when the last turn ended
  base::Nanos polled_in_vain_ = 0;  // while measuring
  LoadReport report_;
};

}  // namespace pgweir::bench
