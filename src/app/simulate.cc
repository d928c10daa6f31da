#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "base/log.h"
#include "cache/policy_kind.h"
#include "config/units.h"
#include "simulate/report.h"

namespace pgweir::app {
namespace {

constexpr std::uint64_t kEntriesMax = std::uint64_t{1} << 32;

struct SimulateOptions {
  std::string trace;
  std::vector<std::string> memory;
  std::vector<std::uint64_t> entries;
  std::string disk;
  std::vector<std::string> policies;
  std::vector<std::string> limits;
  std::string junit;
  std::string format = "text";
};

int complain(const std::string& message) {
  fmt::print(stderr, "pgweir simulate: {}\n", message);
  return 2;
}

// A bar on a terminal, nothing elsewhere.
class Bar {
 public:
  explicit Bar(std::string title) : title_(std::move(title)), shows_(isatty(STDERR_FILENO) == 1) {}
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;
  ~Bar() {
    if (shows_) fmt::print(stderr, "\r\x1b[K");
  }
  void show(double share) {
    constexpr int kWidth = 40;
    const int full = static_cast<int>(share * kWidth);
    if (!shows_ || full == last_) return;
    last_ = full;
    fmt::print(stderr, "\r\x1b[K{} [{:<{}}] {:.0f} %", title_,
               std::string(static_cast<std::size_t>(full), '#'), kWidth, share * 100);
  }

 private:
  std::string title_;
  bool shows_;
  int last_ = -1;
};

base::Result<std::vector<simulate::Setup>> setups_of(const SimulateOptions& options) {
  std::vector<simulate::Setup> setups;
  std::vector<std::uint64_t> capacities = options.entries;
  for (const std::string& text : options.memory) {
    const auto bytes = config::parse_bytes(text);
    if (!bytes) return std::unexpected(bytes.error());
    capacities.push_back(*bytes);
  }
  std::uint64_t disk_bytes = 0;
  if (!options.disk.empty()) {
    const auto bytes = config::parse_bytes(options.disk);
    if (!bytes) return std::unexpected(bytes.error());
    if (*bytes < simulate::Setup::kDiskMin)
      return base::fail(base::ErrorCode::kInvalid,
                        "a disk of " + options.disk + " is too small: 64MiB at least");
    disk_bytes = *bytes;
  }
  const std::uint64_t kBytesMin = disk_bytes == 0 ? 64 << 10 : simulate::Setup::kMemoryWithDiskMin;
  for (const std::string& policy : options.policies) {
    const auto kind = cache::policy_of_name(policy);
    if (!kind)
      return base::fail(base::ErrorCode::kInvalid,
                        "no policy is called '" + policy + "'; there are s3fifo, lru, cost");
    for (const std::uint64_t capacity : capacities) {
      if (options.memory.empty() ? capacity == 0 || capacity > kEntriesMax : capacity < kBytesMin)
        return base::fail(
            base::ErrorCode::kInvalid,
            fmt::format(
                "a capacity of {} is out of range; allowed are 64KiB and more, 64MiB with a disk, or 1 to "
                "4294967296 entries",
                capacity));
      setups.push_back({.policy = *kind,
                        .capacity = capacity,
                        .counts_entries = options.memory.empty(),
                        .disk_bytes = disk_bytes});
    }
  }
  return setups;
}

int run(const SimulateOptions& options) {
  std::vector<simulate::Limit> limits;
  for (const std::string& text : options.limits) {
    auto limit = simulate::parse_limit(text);
    if (!limit) return complain(limit.error().message);
    limits.push_back(std::move(*limit));
  }
  const auto setups = setups_of(options);
  if (!setups) return complain(setups.error().message);
  base::Result<simulate::Trace> trace;
  {
    Bar bar("reading " + options.trace);
    trace = simulate::read_trace(options.trace, [&](double share) { bar.show(share); });
  }
  if (!trace) return complain(trace.error().message);
  base::start_log("warning");  // a disk that is in use is no news here
  std::vector<simulate::Point> points;
  for (const simulate::Setup& setup : *setups) {
    Bar bar(fmt::format("{} {}/{}", name(setup.policy), points.size() + 1, setups->size()));
    points.push_back(simulate::replay(*trace, setup, [&](double share) { bar.show(share); }));
  }
  fmt::print("{}", options.format == "json" ? report_json(points, limits) : report_text(points, limits));
  if (!options.junit.empty()) {
    std::ofstream file(options.junit);
    file << report_junit(points, limits);
    file.close();
    if (!file) return complain(options.junit + ": cannot be written");
  }
  for (const simulate::Point& point : points)
    for (const simulate::Limit& limit : limits)
      if (!is_met(point, limit)) return 1;
  return 0;
}

}  // namespace

void add_simulate(CLI::App& cli, int& exit_code) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* command =
      cli.add_subcommand("simulate", "what a trace of requests would hit, by memory and policy");
  command
      ->add_option("--trace", options->trace,
                   "CSV, also .gz or .zst, a row for each request in order of time: "
                   "time_ms,key,size_bytes,cost_us[,ttl_ms]")
      ->type_name("FILE")
      ->required();
  auto* memory = command->add_option("--memory", options->memory, "capacities, as cache.memory: 256MiB,1GiB")
                     ->type_name("BYTES")
                     ->delimiter(',');
  auto* entries =
      command->add_option("--entries", options->entries, "capacities in entries; sizes are ignored")
          ->type_name("N")
          ->delimiter(',')
          ->excludes(memory);
  command
      ->add_option(
          "--disk", options->disk,
          "size of a disk behind the memory, as cache.disk.size_bytes; takes as much memory as is simulated")
      ->type_name("BYTES")
      ->excludes(entries);
  command->add_option("--policy", options->policies, "s3fifo, lru, cost: one or several (default s3fifo)")
      ->type_name("NAME")
      ->delimiter(',');
  command
      ->add_option("--limit", options->limits,
                   "what each point must reach: hit_ratio>=0.9, byte_hit_ratio>=..., cost_saved>=..., "
                   "disk_writes<=10GiB; may be repeated")
      ->type_name("LIMIT");
  command->add_option("--junit", options->junit, "write a JUnit file: a test case for each point and limit")
      ->type_name("FILE");
  command->add_option("--format", options->format, "text, or json: a list of points")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Exit status: 0, 1 if a limit was missed, 2 if it cannot be done.\n"
      "Examples:\n"
      "  pgweir simulate --trace day.csv.zst --memory 64MiB,256MiB,1GiB --policy lru,s3fifo,cost\n"
      "  pgweir simulate --trace day.csv --memory 256MiB --limit 'hit_ratio>=0.9' --junit simulate.xml");
  command->callback([options, &exit_code] {
    if (options->policies.empty()) options->policies = {"s3fifo"};
    if (options->memory.empty() && options->entries.empty()) {
      exit_code = complain("--memory or --entries is needed: which capacities");
      return;
    }
    exit_code = run(*options);
  });
}

}  // namespace pgweir::app
