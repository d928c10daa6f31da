// The limiter against a simulated database: so many cores, shared by all that runs. Seeded.
#include "guard/limiter.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "guard/gate.h"

namespace pgweir::guard {
namespace {

using base::kMillisecond;
using base::kSecond;
using base::Nanos;

// Low enough for the limit to move on two cores too.
constexpr GuardConfig kLow{.limit_min = 4};

class NoWaiter final : public Waiter {
 public:
  void turn_has_come() noexcept override {}
};

// Clients that ask again as soon as they have their answer, a database that shares its cores among what runs,
// and the real gate between them.
class Simulation {
 public:
  struct Options {
    unsigned clients = 256;
    double cores = 2;
    double work_seconds = 0.01;  // mean of a statement, alone
    double sigma = 0.5;          // of its logarithm
    unsigned templates = 4;
    std::uint64_t seed = 1;
  };

  Simulation(const GuardConfig& config, const Options& options)
      : options_(options), gate_(config, clock_), random_(options.seed) {
    for (unsigned i = 0; i < options.clients; ++i)
      clients_.push_back(std::make_unique<Client>(gate_, std::make_shared<NoWaiter>()));
  }

  // Work that others give the database.
  void set_foreign(double jobs) { foreign_ = jobs; }
  void set_busy(unsigned clients) { busy_ = clients; }

  struct Result {
    double done_per_second = 0;
    double median_seconds = 0;  // of what was let in
    double active = 0;          // mean
    unsigned active_max = 0;
  };
  Result run(Nanos duration) {
    const Nanos end = clock_.now() + duration;
    const Nanos began = clock_.now();
    std::vector<double> latencies;
    double active_sum = 0;
    unsigned active_max = 0;
    while (clock_.now() < end) {
      begin_statements();
      Client* next = nullptr;
      unsigned running = 0;
      for (const auto& client : clients_) {
        if (!client->running) continue;
        ++running;
        if (next == nullptr || client->left < next->left) next = client.get();
      }
      const double rate = std::min(1.0, options_.cores / (running + foreign_));
      const Nanos step = next == nullptr
                             ? 10 * kMillisecond
                             : std::clamp<Nanos>(static_cast<Nanos>(next->left / rate * 1e9), 1, kSecond);
      clock_.advance(step);
      active_sum += static_cast<double>(running) * static_cast<double>(step);
      active_max = std::max(active_max, running);
      for (const auto& client : clients_)
        if (client->running) client->left -= static_cast<double>(step) / 1e9 * rate;
      if (next != nullptr) {
        latencies.push_back(static_cast<double>(clock_.now() - next->began) / 1e9);
        next->running = false;
        next->permit.replied();
        next->permit.release();
      }
    }
    Result result{.active_max = active_max};
    const auto passed = static_cast<double>(clock_.now() - began);
    result.done_per_second = static_cast<double>(latencies.size()) / passed * 1e9;
    result.active = active_sum / passed;
    if (!latencies.empty()) {
      std::ranges::nth_element(latencies,
                               latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2));
      result.median_seconds = latencies[latencies.size() / 2];
    }
    return result;
  }
  const GuardStats& stats() const { return gate_.stats(); }
  // What the database does at best.
  double capacity() const { return options_.cores / options_.work_seconds; }

 private:
  struct Client {
    Client(Gate& gate, std::shared_ptr<Waiter> waiter) : permit(gate, std::move(waiter)) {}
    Permit permit;
    bool running = false;
    double left = 0;  // seconds of work
    Nanos began = 0;
  };

  void begin_statements() {
    for (unsigned i = 0; i < clients_.size(); ++i) {
      Client& client = *clients_[i];
      if (client.running) continue;
      if (client.permit.state() == Permit::State::kNone && i < busy_) {
        const std::uint64_t of = random_() % options_.templates;
        client.permit.ask({.template_hash = (of + 1) << 54, .client = i % 8});
        // Each template has its own size, and each statement its own; with four templates the mean is right.
        const double size =
            options_.work_seconds * (0.55 + 1.2 * static_cast<double>(of) / options_.templates);
        std::lognormal_distribution<double> spread(-options_.sigma * options_.sigma / 2, options_.sigma);
        client.left = size * spread(random_);
      }
      if (!client.permit.is_held()) continue;
      client.running = true;
      client.permit.sent();
      client.began = clock_.now();
    }
  }

  Options options_;
  base::ManualClock clock_;
  Gate gate_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Client>> clients_;
  double foreign_ = 0;
  unsigned busy_ = 1U << 30;
};

struct Shape {
  double cores;
  double work_seconds;
  double sigma;
};

class LimiterTest : public testing::TestWithParam<Shape> {
 protected:
  Simulation::Options options() const {
    const auto [cores, work, sigma] = GetParam();
    return {.cores = cores, .work_seconds = work, .sigma = sigma};
  }
};

// From a cold start with more clients than the database has use for.
TEST_P(LimiterTest, AllCoresAreBusyAndTheLatencyStaysLow) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    auto with = options();
    with.seed = seed;
    Simulation calm(kLow, with);
    calm.set_busy(2);
    const auto alone = calm.run(20 * kSecond);
    Simulation simulation(kLow, with);
    simulation.run(20 * kSecond);
    const auto result = simulation.run(30 * kSecond);
    EXPECT_GE(result.done_per_second, 0.9 * std::min(simulation.capacity(), 64 / with.work_seconds)) << seed;
    EXPECT_LE(result.active_max, 64U);
    if (with.cores <= 16) {
      EXPECT_LE(result.median_seconds, 4 * alone.median_seconds) << seed;
    }
  }
}

TEST_P(LimiterTest, ForeignLoadBringsTheLimitDownAndItComesBack) {
  auto with = options();
  Simulation simulation(kLow, with);
  simulation.set_busy(static_cast<unsigned>(with.cores));
  const double calm = simulation.run(30 * kSecond).median_seconds;
  simulation.set_busy(256);
  simulation.run(30 * kSecond);
  const auto before = simulation.run(30 * kSecond);
  simulation.set_foreign(with.cores);
  simulation.run(20 * kSecond);
  const auto during = simulation.run(20 * kSecond);
  EXPECT_LE(during.active, std::max(0.85 * before.active, 4.5));
  if (during.active > 4.5) {
    EXPECT_LE(during.median_seconds, 2.2 * calm);
  }
  simulation.set_foreign(0);
  simulation.run(20 * kSecond);
  const auto after = simulation.run(30 * kSecond);
  EXPECT_GE(after.active, 0.7 * before.active);
  EXPECT_GE(after.done_per_second, 0.9 * before.done_per_second);
}

INSTANTIATE_TEST_SUITE_P(Databases, LimiterTest,
                         testing::Values(Shape{2, 0.01, 0.5}, Shape{2, 0.1, 0.3}, Shape{8, 0.005, 1.0},
                                         Shape{16, 0.02, 0.5}, Shape{32, 0.01, 0.5}));

TEST(LimiterBoundsTest, AFixedLimitIsKept) {
  Simulation simulation({.limit = 7}, {.clients = 100});
  const auto result = simulation.run(10 * kSecond);
  EXPECT_EQ(result.active_max, 7U);
  EXPECT_NEAR(result.active, 7, 0.1);
}

TEST(LimiterBoundsTest, WithoutPressureTheLimitStays) {
  Simulation simulation(kLow, {.clients = 2});
  simulation.run(20 * kSecond);
  EXPECT_EQ(simulation.stats().limit.get(), 4);
}

TEST(LimiterTemplatesTest, ATemplateIsRememberedAmongManyThatCameOnce) {
  Limiter limiter({});
  const std::uint64_t hot = 0xdeadbeefcafef00d;
  std::mt19937_64 random(1);
  Nanos now = kSecond;
  for (int i = 0; i < 50'000; ++i) {
    now += kMillisecond;
    limiter.add({.template_hash = i % 3 == 0 ? hot : random(), .latency = kMillisecond, .active = 1}, now);
  }
  EXPECT_NEAR(static_cast<double>(limiter.calm_latency(hot)), kMillisecond, 10);
}

}  // namespace
}  // namespace pgweir::guard
