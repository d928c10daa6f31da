// Open-loop load on the shop API: requests come when users send them, however slow the answers are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/counters.h"
#include "drill/shoppers.h"

namespace pgweir::drill {

struct TrafficOptions {
  double requests_per_s = 0;  // above 0
  double direct_share = 0;    // of the reads, sent to the direct API instead; 0 … 1
  std::size_t users = 0;      // above 0
  std::uint64_t seed = 1;
  ShopSizes sizes;
  std::uint16_t through_port = 0;  // the API that reaches the database through pgweir, on 127.0.0.1
  std::uint16_t direct_port = 0;   // the API that reaches it directly
  std::size_t connections = 64;    // kept alive to each API
  base::Nanos deadline = 10 * base::kSecond;  // after which a request counts as failed
};

// Written by the traffic's thread, read by any.
struct EndpointStats {
  base::Counter answered;   // with 2xx or 4xx: the service did its work
  base::Counter failed;     // 5xx, connection lost, no answer before the deadline
  base::Histogram latency;  // of what was answered, from the moment the user wanted it sent
};

using TargetStats = std::array<EndpointStats, kEndpoints>;

struct TrafficStats {
  base::Counter sent;   // arrivals, answered or not yet
  TargetStats through;  // reads and writes
  TargetStats direct;   // reads only: what a user writes goes through pgweir
};

// Latency is measured from a request's intended start, so that a stall shows in every request that it
// delayed. Runs on a thread of its own.
class Traffic {
 public:
  explicit Traffic(const TrafficOptions& options);
  ~Traffic();  // stops
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  void start();
  void stop();  // ends the thread; requests under way are given up
  const TrafficStats& stats() const { return *stats_; }

 private:
  class Loop;
  std::unique_ptr<TrafficStats> stats_;  // large
  std::unique_ptr<Loop> loop_;
  std::jthread thread_;
};

}  // namespace pgweir::drill
