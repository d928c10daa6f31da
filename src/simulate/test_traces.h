// Traces made from a seed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "simulate/trace.h"

namespace pgweir::simulate {

// Zipf's law over `keys` keys.
class Zipf {
 public:
  Zipf(std::uint32_t keys, double exponent) : sums_(keys) {
    double sum = 0;
    for (std::uint32_t i = 0; i < keys; ++i) {
      sum += std::pow(i + 1, -exponent);
      sums_[i] = sum;
    }
  }
  template <class Random>
  std::uint32_t operator()(Random& random) const {
    const double at = std::uniform_real_distribution<double>(0, sums_.back())(random);
    const auto it = std::lower_bound(sums_.begin(), sums_.end(), at);
    return static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(it - sums_.begin(), std::ssize(sums_) - 1));
  }

 private:
  std::vector<double> sums_;
};

enum class Mixture { kPlain, kHalfScan, kLoop };

struct TraceShape {
  std::uint32_t keys = 10'000;
  std::size_t requests = 200'000;
  double exponent = 0.85;
  Mixture mixture = Mixture::kPlain;
  double cost_sigma = 1.5;  // of the logarithm
  std::uint64_t seed = 1;
};

// Each key has a cost of its own, log-normal around a millisecond. kHalfScan: every other request is for a
// key that nobody asked for before or will again. kLoop: seven of ten go round through half as many other
// keys.
inline Trace make_trace(const TraceShape& shape) {
  std::mt19937_64 random(shape.seed);
  const Zipf zipf(shape.keys, shape.exponent);
  std::lognormal_distribution<double> cost(std::log(1000.0), shape.cost_sigma);
  std::vector<std::uint32_t> costs;
  Trace trace;
  trace.keys = shape.keys;
  std::uint32_t turn = 0;
  for (std::size_t i = 0; i < shape.requests; ++i) {
    Request request{.time_ms = static_cast<std::int64_t>(i), .size_bytes = 500, .ttl_ms = Request::kForever};
    request.key = zipf(random);
    if (shape.mixture == Mixture::kHalfScan && random() % 2 == 0) request.key = trace.keys++;
    if (shape.mixture == Mixture::kLoop && random() % 10 < 7)
      request.key = shape.keys + turn++ % (shape.keys / 2);
    trace.keys = std::max(trace.keys, request.key + 1);
    while (costs.size() < trace.keys)
      costs.push_back(static_cast<std::uint32_t>(std::min(cost(random), 1e9)));
    request.cost_us = costs[request.key];
    trace.requests.push_back(request);
  }
  return trace;
}

}  // namespace pgweir::simulate
