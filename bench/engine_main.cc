// The cache engine by itself: replay of a trace against the barest S3-FIFO, hits by number of threads, memory
// for each entry, what is written to a disk. `./dev bench engine` runs it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache.h"
#include "cache/disk_store.h"
#include "io/device.h"
#include "simulate/replay.h"
#include "simulate/test_traces.h"

namespace pgweir::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kReplayWanted = 1.0 / 6;
constexpr std::uint64_t kOverheadWanted = 96;
constexpr double kAmplificationWanted = 1.1;

double seconds_of(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The processor's, so that what else runs on this machine counts for nobody.
double cpu_seconds_of(const auto& work) {
  const base::ThreadCpuClock clock;
  const base::Nanos begin = clock.now();
  work();
  return static_cast<double>(clock.now() - begin) / static_cast<double>(base::kSecond);
}

// S3-FIFO over numbered keys of one size: rings in arrays, and nothing that a real cache needs besides.
class BareS3Fifo {
 public:
  BareS3Fifo(std::uint32_t keys, std::uint32_t capacity)
      : states_(keys), left_(keys), small_(capacity + 1), main_(capacity + 1), capacity_(capacity) {}

  bool get(std::uint32_t key) {
    State& state = states_[key];
    if (state.cached) {
      state.frequency = static_cast<std::uint8_t>(std::min(state.frequency + 1, 3));
      return true;
    }
    if (small_.size() + main_.size() == capacity_) evict();
    const bool returns = left_[key] != 0 && leavings_ - left_[key] <= capacity_ - capacity_ / 10;
    left_[key] = 0;
    state = {.cached = true};
    (returns ? main_ : small_).push(key);
    return false;
  }

 private:
  struct State {
    bool cached = false;
    std::uint8_t frequency = 0;
  };
  class Ring {
   public:
    explicit Ring(std::size_t capacity) : keys_(capacity) {}
    std::size_t size() const { return size_; }
    void push(std::uint32_t key) {
      keys_[tail_] = key;
      tail_ = next(tail_);
      ++size_;
    }
    std::uint32_t pop() {
      const std::uint32_t key = keys_[head_];
      head_ = next(head_);
      --size_;
      return key;
    }

   private:
    std::size_t next(std::size_t i) const { return i + 1 == keys_.size() ? 0 : i + 1; }
    std::vector<std::uint32_t> keys_;
    std::size_t head_ = 0, tail_ = 0, size_ = 0;
  };

  void evict() {
    for (;;) {
      const bool from_small = small_.size() != 0 && (main_.size() == 0 || small_.size() * 10 >= capacity_);
      const std::uint32_t key = (from_small ? small_ : main_).pop();
      State& state = states_[key];
      if (from_small ? state.frequency > 1 : state.frequency > 0) {
        state.frequency = from_small ? 0 : static_cast<std::uint8_t>(state.frequency - 1);
        main_.push(key);
        continue;
      }
      state.cached = false;
      if (from_small) left_[key] = ++leavings_;
      return;
    }
  }

  std::vector<State> states_;
  std::vector<std::uint64_t> left_;
  Ring small_, main_;
  std::size_t capacity_;
  std::uint64_t leavings_ = 0;
};

Json replay_report(std::size_t requests) {
  simulate::TraceShape shape{.keys = 1'000'000, .requests = requests, .exponent = 0.9};
  const simulate::Trace trace = simulate::make_trace(shape);
  const std::uint32_t capacity = shape.keys / 10;
  std::uint64_t bare_hits = 0, engine_hits = 0;
  std::array<double, 5> ratios{};
  double bare_rate = 0, engine_rate = 0;
  for (double& ratio : ratios) {
    bare_hits = 0;
    BareS3Fifo bare(trace.keys, capacity);
    bare_rate = static_cast<double>(requests) / cpu_seconds_of([&] {
                  for (const simulate::Request& request : trace.requests)
                    bare_hits += bare.get(request.key) ? 1 : 0;
                });
    engine_rate = static_cast<double>(requests) / cpu_seconds_of([&] {
                    const simulate::Setup setup{.capacity = capacity, .counts_entries = true};
                    engine_hits = simulate::replay(trace, setup, nullptr).hits;
                  });
    ratio = engine_rate / bare_rate;
  }
  std::ranges::sort(ratios);
  return {{"requests", requests},      {"bare_rps", bare_rate},
          {"engine_rps", engine_rate}, {"ratio", ratios[ratios.size() / 2]},
          {"wanted", kReplayWanted},   {"bare_hits", bare_hits},
          {"engine_hits", engine_hits}};
}

cache::Key key_of(std::uint64_t number) {
  base::SipHash128 hash({.k0 = 1, .k1 = 2});
  hash.update_u64(number);
  return hash.finish();
}

// All keys are there; each thread asks for them in an order of its own and copies the reply.
Json hits_report(unsigned threads, double seconds) {
  constexpr std::uint32_t kKeys = 100'000;
  constexpr std::size_t kReplyBytes = 256;
  const base::SystemClock clock;
  cache::Generations generations;
  cache::CacheConfig config;
  config.ttl_jitter = 0;
  cache::Cache cache(config, clock, generations);
  const std::string reply(kReplyBytes, 'r');
  const std::string_view part(reply);
  std::vector<cache::Key> keys;
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    keys.push_back(key_of(i));
    const std::array dependencies{generations.depend(i), generations.depend(i + kKeys)};
    cache.lookup(keys.back(), nullptr).fill.keep({&part, 1}, 0, dependencies, base::kSecond * 3600, 1);
  }
  std::atomic<bool> ended{false};
  std::atomic<std::uint64_t> hits{0};
  std::vector<std::thread> workers;
  workers.reserve(threads);
  for (unsigned worker = 0; worker < threads; ++worker) {
    workers.emplace_back([&, worker] {
      std::mt19937_64 random(worker);
      std::array<char, kReplyBytes> out{};
      std::uint64_t mine = 0;
      while (!ended.load(std::memory_order_relaxed)) {
        const cache::Lookup found = cache.lookup(keys[random() % kKeys], nullptr, clock.now());
        if (found.outcome != cache::Outcome::kHit) continue;
        std::ranges::copy(found.entry.bytes(), out.begin());
        ++mine;
      }
      hits += mine;
    });
  }
  const double took =
      seconds_of([&] { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); });
  ended = true;
  for (std::thread& worker : workers) worker.join();
  return {{"workers", threads}, {"hits_per_second", static_cast<double>(hits) / took}};
}

Json overhead_report() {
  constexpr std::uint32_t kEntries = 300'000;
  constexpr std::size_t kReplyBytes = 256;
  const base::ManualClock clock;
  cache::Generations generations;
  cache::CacheConfig config;
  config.memory_bytes = std::uint64_t{1} << 30;
  cache::Cache cache(config, clock, generations);
  const std::string reply(kReplyBytes, 'r');
  const std::string_view part(reply);
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    const std::array dependencies{generations.depend(i), generations.depend(i + kEntries)};
    cache.lookup(key_of(i), nullptr).fill.keep({&part, 1}, 0, dependencies, base::kSecond * 3600, 1);
  }
  const cache::CacheStats stats = cache.stats();
  const double each = static_cast<double>(stats.bytes) / static_cast<double>(stats.entries);
  return {{"entries", stats.entries},
          {"reply_bytes", kReplyBytes},
          {"overhead_bytes", each - kReplyBytes - sizeof(cache::Key)},
          {"wanted", kOverheadWanted}};
}

// What is written for each byte that is given to the store, by the size of the replies. Whole segments only.
double amplification(io::Device& device, std::size_t reply_bytes) {
  constexpr std::uint64_t kWrittenBytes = std::uint64_t{128} << 20;
  const base::SystemClock clock;
  cache::DiskStore store({}, device, clock, [](const cache::disk::Record&) { return false; });
  if (!store.open()) return 0;
  const auto work = [&] {
    while (store.has_work() && store.work()) {
    }
  };
  work();
  const std::string reply(reply_bytes, 'r');
  const std::array<cache::Dependency, 2> dependencies{};
  const std::uint64_t before = store.stats().written_bytes;
  std::uint64_t written = before;
  for (std::uint64_t i = 0;; ++i) {
    const cache::DiskStats stats = store.stats();
    const bool ended_segment = stats.written_bytes != std::exchange(written, stats.written_bytes);
    if (ended_segment && written - before >= kWrittenBytes)
      return static_cast<double>(written - before) / static_cast<double>(stats.appended_bytes);
    static_cast<void>(store.append({.key = key_of(i),
                                    .asked_at = clock.now(),
                                    .expires_at = clock.now() + base::kSecond * 3600,
                                    .dependencies = dependencies,
                                    .bytes = reply},
                                   store.epoch()));
    work();
  }
}

// The store on a file: what is written for what is given to it, and what it takes to find it again.
Json disk_report() {
  constexpr std::uint64_t kEntries = 1'000'000;
  constexpr std::size_t kReplyBytes = 512;
  const std::filesystem::path path =
      std::filesystem::path("/var/tmp") / fmt::format("pgweir-bench-{}", getpid());
  io::FileDevice device({.path = path, .size_bytes = std::uint64_t{1} << 30});
  const base::SystemClock clock;
  const auto is_dead = [](const cache::disk::Record&) { return false; };
  const std::string reply(kReplyBytes, 'r');
  const std::array<cache::Dependency, 2> dependencies{};
  cache::DiskStats written, found;
  {
    cache::DiskStore store({}, device, clock, is_dead);
    if (!store.open()) return nullptr;
    while (store.has_work() && store.work()) {
    }
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      const cache::Key key = key_of(i);
      const auto place = store.append({.key = key,
                                       .asked_at = clock.now(),
                                       .expires_at = clock.now() + base::kSecond * 3600,
                                       .dependencies = dependencies,
                                       .bytes = reply},
                                      store.epoch());
      if (place) store.publish(key, *place);
      while (store.has_work() && store.work()) {
      }
    }
    static_cast<void>(store.flush());
    written = store.stats();
  }
  cache::DiskStore again({}, device, clock, is_dead);
  const std::clock_t begin = std::clock();
  const bool opened = again.open().has_value();
  const double cpu = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  if (!opened) {
    std::filesystem::remove(path);
    return nullptr;
  }
  Json by_size = Json::array();
  {
    io::FileDevice small({.path = path.string() + "-sizes", .size_bytes = std::uint64_t{256} << 20});
    for (const std::size_t bytes : {100, 200, 300, 400, 600, 1000, 4000, 16000})
      by_size.push_back({{"reply_bytes", bytes}, {"write_amplification", amplification(small, bytes)}});
    std::filesystem::remove(path.string() + "-sizes");
  }
  std::filesystem::remove(path);
  found = again.stats();
  const auto entries = static_cast<double>(found.entries);
  return {{"reply_bytes", kReplyBytes},
          {"write_amplification",
           static_cast<double>(written.written_bytes) / static_cast<double>(written.appended_bytes)},
          {"wanted", kAmplificationWanted},
          {"by_size", std::move(by_size)},
          {"entries", found.entries},
          {"rebuild_cpu_seconds_per_million", cpu * 1e6 / entries},
          {"index_bytes_per_entry", static_cast<double>(found.index_bytes) / entries}};
}

void print_disk(const Json& disk) {
  if (disk.is_null()) return fmt::print("disk: /var/tmp has no room for a file of 1 GiB\n");
  const double amplification = disk["write_amplification"].get<double>();
  fmt::print("disk, {} entries of {} bytes, two dependencies\n", disk["entries"].get<std::uint64_t>(),
             disk["reply_bytes"].get<std::size_t>());
  fmt::print("  {:.3f} bytes written for each that was given to it, wanted at most {}: {}\n", amplification,
             kAmplificationWanted, amplification <= kAmplificationWanted ? "reached" : "MISSED");
  fmt::print("  by the size of the reply:");
  for (const Json& one : disk["by_size"])
    fmt::print(" {} B {:.3f}", one["reply_bytes"].get<std::size_t>(),
               one["write_amplification"].get<double>());
  fmt::print("\n");
  fmt::print("  {:.2f} s of CPU to find a million again, {:.1f} bytes of index each\n",
             disk["rebuild_cpu_seconds_per_million"].get<double>(),
             disk["index_bytes_per_entry"].get<double>());
}

void print_text(const Json& report) {
  const Json& replay = report["replay"];
  fmt::print("replay, {} requests, one thread, capacity a tenth of the keys; median of 5, by CPU time\n",
             replay["requests"].get<std::uint64_t>());
  fmt::print("  bare S3-FIFO on arrays {:>12.0f} requests/s\n", replay["bare_rps"].get<double>());
  fmt::print("  the engine             {:>12.0f} requests/s, {:.3f} of it, wanted {:.3f}: {}\n",
             replay["engine_rps"].get<double>(), replay["ratio"].get<double>(), kReplayWanted,
             replay["ratio"].get<double>() >= kReplayWanted ? "reached" : "MISSED");
  fmt::print("hits, 256 bytes each, copied out\n");
  for (const Json& one : report["hits"])
    fmt::print("  {:>2} workers {:>12.0f} hits/s\n", one["workers"].get<unsigned>(),
               one["hits_per_second"].get<double>());
  const double overhead = report["overhead"]["overhead_bytes"].get<double>();
  fmt::print(
      "memory for each entry beyond key and reply, two dependencies\n  {:.0f} bytes, wanted at most {}: {}\n",
      overhead, kOverheadWanted, overhead <= kOverheadWanted ? "reached" : "MISSED");
  print_disk(report["disk"]);
}

}  // namespace
}  // namespace pgweir::bench

int main(int argc, char** argv) {
  CLI::App cli("The cache engine by itself", "bench-engine");
  std::string format = "text";
  std::size_t requests = 5'000'000;
  double seconds = 1;
  cli.add_option("--format", format)->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  cli.add_option("--requests", requests, "of the replay")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  cli.add_option("--seconds", seconds, "of hits, for each number of workers")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  pgweir::bench::Json report{{"replay", pgweir::bench::replay_report(requests)}};
  report["hits"] = pgweir::bench::Json::array();
  for (unsigned workers = 1; workers <= std::max(1U, std::thread::hardware_concurrency()); workers *= 2)
    report["hits"].push_back(pgweir::bench::hits_report(workers, seconds));
  report["overhead"] = pgweir::bench::overhead_report();
  report["disk"] = pgweir::bench::disk_report();
  if (format == "json") {
    fmt::print("{}\n", report.dump(2));
  } else {
    pgweir::bench::print_text(report);
  }
  return 0;
}
