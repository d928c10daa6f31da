// The memory of the cache engine while the sizes of replies change: what the process has in RAM against the
// limit, and how much of the limit are keys and replies. `./dev bench memory` runs it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache.h"

namespace pgweir::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMiB = 1 << 20, kGiB = 1 << 30;
constexpr std::uint64_t kReplyBytesMax = 8 * kMiB;
constexpr std::uint64_t kAboveLimitWanted = 64 * kMiB;
constexpr double kFillWanted = 0.75;  // from 1 GiB up

// Sizes are spread evenly over their logarithms.
struct Mixture {
  std::string_view name;
  double from, to;
};
constexpr std::array kMixtures{
    Mixture{"100 B to 8 MiB", 100, 8 << 20},   Mixture{"100 B to 2 KiB", 100, 2 << 10},
    Mixture{"8 to 64 KiB", 8 << 10, 64 << 10}, Mixture{"1 to 8 MiB", 1 << 20, 8 << 20},
    Mixture{"300 B to 20 KiB", 300, 20 << 10}, Mixture{"100 B to 8 MiB", 100, 8 << 20}};

std::uint64_t resident_bytes() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  CHECK(file != nullptr);
  unsigned long total = 0, resident = 0;
  CHECK(std::fscanf(file, "%lu %lu", &total, &resident) == 2);
  std::fclose(file);
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

class Soak {
 public:
  explicit Soak(std::uint64_t limit)
      : limit_(limit), replies_(kReplyBytesMax, 'r'), cache_(config(), clock_, generations_) {}

  // Replies are asked for, again and again or once, until `turnover` times the limit was filled.
  Json run(const Mixture& mixture, double turnover, unsigned workers) {
    filled_ = 0;
    running_ = workers;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < workers; ++i)
      threads.emplace_back([&, i] { work(mixture, turnover * static_cast<double>(limit_), i); });
    std::uint64_t resident = 0, counted = 0;
    const auto look = [&] {
      resident = std::max(resident, resident_bytes());
      counted = std::max(counted, cache_.stats().bytes);
    };
    while (running_ != 0) {
      look();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (std::thread& thread : threads) thread.join();
    look();
    const cache::CacheStats stats = cache_.stats();
    const double fill = static_cast<double>(stats.content_bytes) / static_cast<double>(limit_);
    return {{"sizes", mixture.name},
            {"entries", stats.entries},
            {"resident_bytes_max", resident},
            {"counted_bytes_max", counted},
            {"fill", fill}};
  }

  // Half the limit, while others ask. The longest lookup meanwhile against the longest before says whether
  // that is a stall.
  Json shrink() {
    const double longest_before =
        longest_lookup([] { std::this_thread::sleep_for(std::chrono::milliseconds(500)); });
    double seconds = 0;
    const double longest = longest_lookup([&] {
      const auto begin = std::chrono::steady_clock::now();
      cache_.set_memory_bytes(limit_ / 2);
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    });
    return {{"limit_bytes", limit_ / 2},
            {"resident_bytes", resident_bytes()},
            {"counted_bytes", cache_.stats().bytes},
            {"seconds", seconds},
            {"longest_lookup_seconds", longest},
            {"longest_lookup_before_seconds", longest_before}};
  }

 private:
  cache::CacheConfig config() const {
    cache::CacheConfig config;
    config.memory_bytes = limit_;
    config.entry_bytes_max = kReplyBytesMax;
    return config;
  }
  static cache::Key key_of(std::uint64_t number) {
    base::SipHash128 hash({.k0 = 1, .k1 = 2});
    hash.update_u64(number);
    return hash.finish();
  }

  // While work() runs, in seconds.
  double longest_lookup(const auto& work) {
    std::atomic<bool> ended{false};
    std::chrono::duration<double> longest{0};
    std::thread reader([&] {
      std::mt19937_64 random(1);
      while (!ended) {
        const auto begin = std::chrono::steady_clock::now();
        cache_.lookup(key_of(random()), nullptr, clock_.now());
        longest = std::max<std::chrono::duration<double>>(longest, std::chrono::steady_clock::now() - begin);
      }
    });
    work();
    ended = true;
    reader.join();
    return longest.count();
  }

  void work(const Mixture& mixture, double enough, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> log_size(std::log(mixture.from), std::log(mixture.to));
    std::vector<std::uint64_t> recent(1024, 0);
    while (static_cast<double>(filled_.load(std::memory_order_relaxed)) < enough) {
      std::uint64_t& one = recent[random() % recent.size()];
      if (random() % 2 == 0) one = random();  // else it may be there yet
      cache::Lookup found = cache_.lookup(key_of(one), nullptr, clock_.now());
      if (!found.fill) continue;
      const auto size = static_cast<std::size_t>(std::exp(log_size(random)));
      const std::string_view reply(replies_.data(), size);
      const std::array dependencies{generations_.depend(static_cast<cache::Slot>(one % generations_.size())),
                                    generations_.depend(1)};
      found.fill.keep({&reply, 1}, 0, dependencies, 3600 * base::kSecond, base::kMillisecond);
      filled_.fetch_add(size, std::memory_order_relaxed);
    }
    --running_;
  }

  std::uint64_t limit_;
  std::string replies_;
  base::SystemClock clock_;
  cache::Generations generations_;
  cache::Cache cache_;
  std::atomic<std::uint64_t> filled_{0};
  std::atomic<unsigned> running_{0};
};

bool is_reached(const Json& phase, std::uint64_t limit, bool counts_fill) {
  return phase["resident_bytes_max"].get<std::uint64_t>() <= limit + kAboveLimitWanted &&
         (!counts_fill || phase["fill"].get<double>() >= kFillWanted);
}

Json soak(std::uint64_t limit, double turnover, unsigned workers) {
  Soak soak(limit);
  Json report{{"limit_bytes", limit}};
  for (const Mixture& mixture : kMixtures) {
    Json phase = soak.run(mixture, turnover, workers);
    // Where replies are as small as their overhead, no cache could be as full of them.
    const bool counts_fill = limit >= kGiB && mixture.to >= kReplyBytesMax;
    phase["reached"] = is_reached(phase, limit, counts_fill);
    report["mixtures"].push_back(std::move(phase));
  }
  report["shrink"] = soak.shrink();
  return report;
}

double mib(const Json& bytes) { return static_cast<double>(bytes.get<std::uint64_t>()) / kMiB; }

void print_text(const Json& report) {
  for (const Json& one : report) {
    fmt::print("limit {:.0f} MiB\n", mib(one["limit_bytes"]));
    fmt::print("  {:<18} {:>9} {:>14} {:>13} {:>6}\n", "replies of", "entries", "resident, MiB",
               "counted, MiB", "fill");
    for (const Json& phase : one["mixtures"])
      fmt::print("  {:<18} {:>9} {:>14.1f} {:>13.1f} {:>6.3f} {}\n", phase["sizes"].get<std::string>(),
                 phase["entries"].get<std::uint64_t>(), mib(phase["resident_bytes_max"]),
                 mib(phase["counted_bytes_max"]), phase["fill"].get<double>(),
                 phase["reached"].get<bool>() ? "reached" : "MISSED");
    const Json& shrink = one["shrink"];
    fmt::print(
        "  to {:.0f} MiB in {:.2f} s: resident {:.1f} MiB; the longest lookup meanwhile {:.2f} ms, before "
        "{:.2f} ms\n",
        mib(shrink["limit_bytes"]), shrink["seconds"].get<double>(), mib(shrink["resident_bytes"]),
        shrink["longest_lookup_seconds"].get<double>() * 1e3,
        shrink["longest_lookup_before_seconds"].get<double>() * 1e3);
  }
}

}  // namespace
}  // namespace pgweir::bench

int main(int argc, char** argv) {
  using namespace pgweir::bench;
  CLI::App cli("The memory of the cache engine while the sizes of replies change", "bench-memory");
  std::string format = "text";
  std::vector<std::uint64_t> limits_mib{64, 1024};
  double turnover = 2;
  unsigned workers = 2;
  bool is_long = false;
  cli.add_option("--format", format)->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  cli.add_option("--limits", limits_mib, "MiB, with commas")->delimiter(',')->check(CLI::Range(1, 1 << 20));
  cli.add_option("--turnover", turnover, "how often each mixture fills the limit")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  cli.add_option("--workers", workers)->check(CLI::Range(1, 64))->capture_default_str();
  cli.add_flag("--long", is_long, "8 GiB too");
  CLI11_PARSE(cli, argc, argv);
  if (is_long) limits_mib.push_back(8192);
  Json report = Json::array();
  bool all_reached = true;
  for (const std::uint64_t limit : limits_mib) {
    report.push_back(soak(limit * kMiB, turnover, workers));
    for (const Json& phase : report.back()["mixtures"])
      all_reached = all_reached && phase["reached"].get<bool>();
  }
  if (format == "json") {
    fmt::print("{}\n", report.dump(2));
  } else {
    print_text(report);
  }
  return all_reached ? 0 : 1;
}
