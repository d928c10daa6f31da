#include "drill/shop_day.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "drill/child_process.h"
#include "drill/http_get.h"
#include "drill/latency.h"
#include "drill/metrics_text.h"
#include "drill/scratch_postgres.h"
#include "drill/stop_signal.h"
#include "drill/traffic.h"

namespace pgweir::drill {

namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::fail;
using base::kMillisecond;
using base::kSecond;
using base::Nanos;
using base::Result;

constexpr int kInterruptedExit = 130;
// Enough that a request seldom waits for a thread: the API that gets most of the traffic must not look slower
// than the other for that reason alone.
constexpr std::size_t kApiThreads = 16;
constexpr Nanos kPollPause = 20 * kMillisecond;
constexpr Nanos kListenWait = 20 * kSecond;
constexpr Nanos kScrapeTimeout = 300 * kMillisecond;

struct Ports {
  explicit Ports(std::uint16_t first)
      : postgres(first),
        pgweir(at(first, 1)),
        admin(at(first, 2)),
        through(at(first, 3)),
        direct(at(first, 4)) {}
  static std::uint16_t at(std::uint16_t first, int offset) {
    return static_cast<std::uint16_t>(first + offset);
  }
  std::uint16_t postgres, pgweir, admin, through, direct;
};

std::string http_address(std::uint16_t port) { return fmt::format("http://127.0.0.1:{}", port); }

// Empty if it is not set.
std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos;
  }
  return false;
}

ScreenOptions screen_options(bool as_json) {
  ScreenOptions options;
  if (as_json) {
    options.style = ScreenStyle::kJson;
  } else if (isatty(STDOUT_FILENO) == 1) {
    options.style = ScreenStyle::kPanel;
    options.colour = environment("NO_COLOR").empty();
    options.unicode = speaks_utf8();
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width_columns = size.ws_col;
  }
  return options;
}

CacheCounts read_counts(std::string_view metrics) {
  const auto lookups = [&](std::string_view outcome) {
    return metric_sum(metrics, "pgweir_cache_lookups_total", "outcome", outcome);
  };
  CacheCounts counts{.hits = lookups("hit"),
                     .misses = lookups("miss"),
                     .bypasses = lookups("bypass"),
                     .database_queries = metric_sum(metrics, "pgweir_upstream_queries_total")};
  if (const auto stale = lookups("stale")) counts.hits = counts.hits.value_or(0) + *stale;
  return counts;
}

LatencyCounts reads_of(const TargetStats& target) {
  LatencyCounts counts;
  for (std::size_t i = 0; i < kEndpoints; ++i) {
    if (kEndpointTraits[i].is_read) counts += LatencyCounts(target[i].latency);
  }
  return counts;
}

Quantiles quantiles(const LatencyCounts& counts) { return {counts.quantile(0.5), counts.quantile(0.99)}; }

std::uint64_t failed_of(const TargetStats& target) {
  std::uint64_t failed = 0;
  for (const EndpointStats& endpoint : target) failed += endpoint.failed.get();
  return failed;
}

// The day's parts, in the order they start; they stop in the opposite order. On the calling thread.
class ShopDay {
 public:
  ShopDay(const ShopDayOptions& options, const StopSignal& stop)
      : options_(options),
        stop_(stop),
        ports_(options.port),
        screen_(screen_options(options.json)),
        dir_(fs::absolute(options.dir)) {}

  Result<void> open() {
    if (auto found = find_binaries(); !found) return found;
    say("  PostgreSQL: starting a private cluster in " + dir_.string());
    if (auto started = start_postgres(); !started) return started;
    if (auto loaded = load_if_needed(); !loaded) return loaded;
    if (auto started = start_pgweir(); !started) return started;
    if (auto started = start_api("shop-api", ports_.through, ports_.pgweir, through_api_); !started)
      return started;
    return start_api("shop-api-direct", ports_.direct, ports_.postgres, direct_api_);
  }

  // The traffic, until the time is over, the stop signal comes or a part fails.
  Result<void> run();

 private:
  struct Part {
    std::string name;
    std::string log_path;
    ChildProcess process;
  };
  // What the latencies of one second are measured against.
  struct Mark {
    LatencyCounts through, direct;
  };

  void say(const std::string& text) const {
    if (options_.json) return;
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  static void print(const std::string& text) {
    fmt::print("{}", text);
    std::fflush(stdout);
  }
  std::string binary(std::string_view name) const { return fs::path(bin_dir_) / name; }
  std::string log_path(std::string_view name) const { return dir_ / fmt::format("{}.log", name); }
  std::string data_stamp() const { return fmt::format("shop data 1, seed {}", options_.seed); }

  Result<void> find_binaries();
  Result<void> start_postgres();
  Result<void> load_if_needed();
  Result<void> start_pgweir();
  Result<void> start_api(const std::string& name, std::uint16_t port, std::uint16_t database_port,
                         std::optional<Part>& part);
  Result<void> start_part(std::optional<Part>& part, const std::string& name, ChildOptions options,
                          std::uint16_t port);
  Result<void> check_parts();
  DayAddresses addresses() const;
  TrafficOptions traffic_options() const;
  CacheCounts scrape() const;
  DaySecond measure(int elapsed_s, Nanos second_ns, const TrafficStats& stats);
  DaySummary sum_up(Nanos elapsed_ns, const TrafficStats& stats) const;

  const ShopDayOptions& options_;
  const StopSignal& stop_;
  const Ports ports_;
  DayScreen screen_;
  const fs::path dir_;
  fs::path bin_dir_;
  const base::SystemClock clock_;

  std::optional<ScratchPostgres> postgres_;
  std::optional<Part> pgweir_, through_api_, direct_api_;

  CacheCounts first_counts_, last_counts_;
  std::uint64_t last_sent_ = 0;
  std::deque<Mark> marks_;
};

Result<void> ShopDay::find_binaries() {
  std::error_code error;
  bin_dir_ = options_.bin_dir.empty() ? fs::read_symlink("/proc/self/exe", error).parent_path()
                                      : fs::absolute(options_.bin_dir);
  for (const char* name : {"pgweir", "shop-api", "shop-load"}) {
    if (access(binary(name).c_str(), X_OK) == 0) continue;
    return fail(ErrorCode::kInvalid, fmt::format("there is no {}; build it: ./dev build", binary(name)));
  }
  return {};
}

Result<void> ShopDay::start_postgres() {
  ScratchPostgresOptions options;
  options.dir = dir_;
  options.port = ports_.postgres;
  auto started = ScratchPostgres::start(options, stop_.fd());
  if (!started) return std::unexpected(started.error());
  postgres_.emplace(*std::move(started));
  return {};
}

Result<void> ShopDay::load_if_needed() {
  if (postgres_->stamp() == data_stamp()) return {};
  say("  shop: loading 100,000 products, 200,000 orders, 300,000 reviews");
  auto loader = ChildProcess::start(
      {.command = {binary("shop-load"), "--replace", "--seed", std::to_string(options_.seed)},
       .environment = {{"DATABASE_URL", postgres_->url()}},
       .log_path = options_.json ? log_path("shop-load") : "",
       .user = std::nullopt});
  if (!loader) return std::unexpected(loader.error());
  const auto code = loader->wait(stop_.fd());
  if (!code) return std::unexpected(code.error());
  if (*code != 0) return fail(ErrorCode::kInternal, fmt::format("shop-load failed with exit code {}", *code));
  return postgres_->set_stamp(data_stamp());
}

Result<void> ShopDay::start_part(std::optional<Part>& part, const std::string& name, ChildOptions options,
                                 std::uint16_t port) {
  if (!port_is_free(port)) {
    return fail(ErrorCode::kInvalid, fmt::format("port {} is in use; choose others with --port", port));
  }
  options.log_path = log_path(name);
  std::error_code ignored;
  fs::remove(options.log_path, ignored);
  auto process = ChildProcess::start(options);
  if (!process) return std::unexpected(process.error());
  part.emplace(name, options.log_path, *std::move(process));
  for (Nanos waited = 0; waited < kListenWait; waited += kPollPause) {
    if (port_accepts(port)) return {};
    if (auto running = check_parts(); !running) return running;
    if (stop_.wait(kPollPause)) return fail(ErrorCode::kClosed, "stopped");
  }
  return fail(ErrorCode::kInternal,
              fmt::format("{} does not accept connections:{}", name, log_tail(part->log_path, 4)));
}

Result<void> ShopDay::start_pgweir() {
  return start_part(pgweir_, "pgweir",
                    {.command = {binary("pgweir"), "serve", "--upstream",
                                 fmt::format("postgres://127.0.0.1:{}", ports_.postgres), "--listen",
                                 fmt::format("127.0.0.1:{}", ports_.pgweir), "--admin",
                                 fmt::format("127.0.0.1:{}", ports_.admin), "--state", dir_ / "pgweir"},
                     .environment = {},
                     .log_path = "",
                     .user = std::nullopt},
                    ports_.pgweir);
}

Result<void> ShopDay::start_api(const std::string& name, std::uint16_t port, std::uint16_t database_port,
                                std::optional<Part>& part) {
  // The password travels in the environment, where other users cannot see it. TLS is left out on both
  // ways, so that they differ in pgweir alone.
  return start_part(
      part, name,
      {.command = {binary("shop-api"), "--listen", fmt::format("127.0.0.1:{}", port), "--threads",
                   std::to_string(kApiThreads)},
       .environment = {{"DATABASE_URL", fmt::format("postgres://shop:shop@127.0.0.1:{}/shop?sslmode=disable",
                                                    database_port)}},
       .log_path = "",
       .user = std::nullopt},
      port);
}

Result<void> ShopDay::check_parts() {
  if (!postgres_->running()) {
    return fail(ErrorCode::kInternal, "PostgreSQL ended:" + log_tail(postgres_->log_path(), 4));
  }
  for (std::optional<Part>* part : {&pgweir_, &through_api_, &direct_api_}) {
    if (!*part || (*part)->process.running()) continue;
    return fail(ErrorCode::kInternal, fmt::format("{} ended with exit code {}:{}", (*part)->name,
                                                  (*part)->process.stop(), log_tail((*part)->log_path, 4)));
  }
  return {};
}

DayAddresses ShopDay::addresses() const {
  return {.dashboard = http_address(ports_.admin) + "/",
          .through_api = http_address(ports_.through),
          .direct_api = http_address(ports_.direct),
          .through_psql = fmt::format("postgres://shop:shop@127.0.0.1:{}/shop", ports_.pgweir),
          .requests_per_s = options_.requests_per_s,
          .users = options_.users};
}

TrafficOptions ShopDay::traffic_options() const {
  TrafficOptions traffic;
  traffic.requests_per_s = options_.requests_per_s;
  traffic.direct_share = options_.direct_share;
  traffic.users = options_.users;
  traffic.seed = options_.seed;
  traffic.through_port = ports_.through;
  traffic.direct_port = ports_.direct;
  return traffic;
}

CacheCounts ShopDay::scrape() const {
  const auto metrics = http_get(ports_.admin, "/metrics", kScrapeTimeout);
  return metrics ? read_counts(*metrics) : CacheCounts{};
}

Result<void> ShopDay::run() {
  print(screen_.start(addresses()));
  first_counts_ = last_counts_ = scrape();
  marks_.push_back({});
  Traffic traffic(traffic_options());
  const Nanos start = clock_.now();
  traffic.start();
  Nanos last = start;
  Result<void> parts;
  for (int second = 1; options_.seconds == 0 || second <= options_.seconds; ++second) {
    if (stop_.wait(start + second * kSecond - clock_.now())) break;
    if (parts = check_parts(); !parts) break;
    const Nanos now = clock_.now();
    print(screen_.second(measure(second, now - last, traffic.stats())));
    last = now;
  }
  const Nanos elapsed = clock_.now() - start;
  traffic.stop();
  last_counts_ = scrape();
  print(screen_.summary(sum_up(elapsed, traffic.stats())));
  return parts;
}

DaySecond ShopDay::measure(int elapsed_s, Nanos second_ns, const TrafficStats& stats) {
  const double seconds = static_cast<double>(second_ns) / kSecond;
  const CacheCounts counts = scrape();
  const CacheCounts gained = since(counts, last_counts_);
  if (counts.database_queries) last_counts_ = counts;
  const std::uint64_t sent = stats.sent.get();
  const Mark now{reads_of(stats.through), reads_of(stats.direct)};
  DaySecond second{.elapsed_s = elapsed_s,
                   .requests_per_s = static_cast<double>(sent - last_sent_) / seconds,
                   .hit_ratio = hit_ratio(gained),
                   .database_queries_per_s = std::nullopt,
                   .through = quantiles(now.through.since(marks_.front().through)),
                   .direct = quantiles(now.direct.since(marks_.front().direct)),
                   .failed = failed_of(stats.through) + failed_of(stats.direct)};
  if (gained.database_queries) second.database_queries_per_s = *gained.database_queries / seconds;
  last_sent_ = sent;
  marks_.push_back(now);
  if (marks_.size() > kLatencyWindowSeconds) marks_.pop_front();
  return second;
}

DaySummary ShopDay::sum_up(Nanos elapsed_ns, const TrafficStats& stats) const {
  DaySummary summary{.seconds = static_cast<double>(elapsed_ns) / kSecond,
                     .requests = stats.sent.get(),
                     .failed = failed_of(stats.through) + failed_of(stats.direct),
                     .cache = since(last_counts_, first_counts_),
                     .endpoints = {},
                     .reads = {}};
  for (std::size_t i = 0; i < kEndpoints; ++i) {
    EndpointSummary& endpoint = summary.endpoints[i];
    endpoint.requests = stats.through[i].answered.get() + stats.direct[i].answered.get();
    endpoint.through = quantiles(LatencyCounts(stats.through[i].latency));
    endpoint.direct = quantiles(LatencyCounts(stats.direct[i].latency));
    if (kEndpointTraits[i].is_read) summary.reads.requests += endpoint.requests;
  }
  summary.reads.through = quantiles(reads_of(stats.through));
  summary.reads.direct = quantiles(reads_of(stats.direct));
  return summary;
}

// When it returns, everything has stopped.
Result<void> open_and_run(const ShopDayOptions& options, const StopSignal& stop) {
  ShopDay day(options, stop);
  if (auto opened = day.open(); !opened) return opened;
  return day.run();
}

int exit_code(const base::Error& error) {
  if (error.code == ErrorCode::kClosed) {
    fmt::print(stderr, "\n  stopped; nothing is left running\n");
    return kInterruptedExit;
  }
  fmt::print(stderr, "\npgweir: {}\n", error.message);
  return error.code == ErrorCode::kInvalid ? 2 : 1;
}

}  // namespace

Result<void> validate(const ShopDayOptions& options) {
  const auto wrong = [](const std::string& message) { return fail(ErrorCode::kInvalid, message); };
  if (options.dir.empty()) return wrong("--dir needs a directory");
  if (options.port < 1024 || options.port > 65'535 - 4) return wrong("--port takes 1024 to 65531");
  if (options.seconds < 0) return wrong("--seconds takes 0 (until Ctrl-C) or more");
  if (!(options.requests_per_s >= 1 && options.requests_per_s <= 100'000))
    return wrong("--requests takes 1 to 100000");
  if (!(options.direct_share >= 0 && options.direct_share <= 1)) return wrong("--direct-share takes 0 to 1");
  if (options.users < 1 || options.users > 1'000'000) return wrong("--users takes 1 to 1000000");
  return {};
}

int run_shop_day(const ShopDayOptions& options) {
  if (auto valid = validate(options); !valid) return exit_code(valid.error());
  auto stop = StopSignal::make();
  if (!stop) return exit_code(stop.error());
  const auto outcome = open_and_run(options, *stop);
  return outcome ? 0 : exit_code(outcome.error());
}

}  // namespace pgweir::drill
