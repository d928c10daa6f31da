// What a disk does for the disk tier, through the page cache and past it (cache.disk.direct): writing
// segments one after another as the store does, reading at random, and how much of the page cache that takes.
// `./dev bench disk` runs it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "io/device.h"
#include "io/socket.h"

namespace pgweir::bench {
namespace {

using Json = nlohmann::ordered_json;
using SteadyClock = std::chrono::steady_clock;

// As DiskStoreConfig, and as the tier's readers and cache.disk.write_bytes_per_second have by default.
constexpr std::uint64_t kSegmentBytes = 2 << 20, kWriteBytes = 256 << 10;
constexpr unsigned kReaders = 2;
constexpr double kPacedBytesPerSecond = 32 << 20;

struct Options {
  std::filesystem::path dir = "/var/tmp";
  std::uint64_t size_mib = 1024;
  double seconds = 3;
};

double since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

struct FreeAligned {
  void operator()(char* memory) const { std::free(memory); }
};

// Of one file, in one of the two ways.
class Disk {
 public:
  Disk(const Options& options, bool direct)
      : path_(options.dir / fmt::format("pgweir-bench-disk-{}", getpid())),
        segments_(std::max<std::uint64_t>(options.size_mib * (1 << 20) / kSegmentBytes, 2)),
        seconds_(options.seconds),
        device_({.path = path_, .size_bytes = segments_ * kSegmentBytes, .direct = direct}),
        bytes_(static_cast<char*>(std::aligned_alloc(io::Device::kAlign, kWriteBytes))) {
    CHECK(bytes_ != nullptr);
    std::mt19937_64 random(1);  // some disks make less of what repeats itself
    for (std::size_t i = 0; i < kWriteBytes; i += 8) {
      const std::uint64_t word = random();
      std::copy_n(reinterpret_cast<const char*>(&word), 8, bytes_.get() + i);
    }
  }
  ~Disk() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // An error if the file system cannot do it.
  base::Result<Json> run() {
    if (auto opened = device_.open(); !opened) return std::unexpected(opened.error());
    if (auto reserved = device_.reserve(); !reserved) return std::unexpected(reserved.error());
    Json report;
    const auto begin = SteadyClock::now();
    for (std::uint64_t segment = 0; segment < segments_; ++segment)
      if (auto done = write(segment); !done) return std::unexpected(done.error());
    report["write_mib_per_second"] = static_cast<double>(segments_ * kSegmentBytes >> 20) / since(begin);
    report["cached_after_writing"] = cached_share();
    forget();
    report["read_4k"] = read(4 << 10);
    forget();
    report["read_64k"] = read(64 << 10);
    report["cached_after_reading"] = cached_share();
    forget();
    report["read_64k_while_writing"] = read_while_writing(64 << 10);
    return report;
  }

 private:
  base::Result<void> write(std::uint64_t segment) {
    for (std::uint64_t at = 0; at < kSegmentBytes; at += kWriteBytes)
      if (auto done = device_.write(segment * kSegmentBytes + at, {bytes_.get(), kWriteBytes}); !done)
        return done;
    return device_.sync();
  }

  // Of the file, what is in the page cache.
  double cached_share() const {
    const io::Fd file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    const std::size_t size = segments_ * kSegmentBytes;
    CHECK(size > 0);
    void* const mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    CHECK(mapped != MAP_FAILED);
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> pages(size / page);
    CHECK(mincore(mapped, size, pages.data()) == 0);
    munmap(mapped, size);
    const auto cached = std::ranges::count_if(pages, [](unsigned char flags) { return (flags & 1) != 0; });
    return static_cast<double>(cached) / static_cast<double>(pages.size());
  }

  // All is on the disk and nothing in the page cache.
  void forget() const {
    const io::Fd file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    fsync(file.get());
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }

  Json read(std::size_t bytes) {
    std::vector<std::thread> threads;
    threads.reserve(kReaders);
    std::vector<std::vector<double>> times(kReaders);
    for (unsigned i = 0; i < kReaders; ++i)
      threads.emplace_back([this, bytes, i, &times] { times[i] = read_at_random(bytes, i); });
    for (std::thread& thread : threads) thread.join();
    std::vector<double> all;
    for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all);
    const auto quantile = [&](double q) {
      return 1e6 * all[static_cast<std::size_t>(q * static_cast<double>(all.size() - 1))];
    };
    return {{"per_second", static_cast<double>(all.size()) / seconds_},
            {"p50_us", quantile(0.5)},
            {"p99_us", quantile(0.99)}};
  }

  std::vector<double> read_at_random(std::size_t bytes, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string into(bytes, '\0');
    std::vector<double> times;
    const auto begin = SteadyClock::now();
    do {
      // Records begin anywhere.
      const std::uint64_t at = random() % (segments_ * kSegmentBytes - bytes) / 4 * 4;
      const auto asked = SteadyClock::now();
      const auto got = device_.read(at, into);
      CHECK(got && *got == bytes);
      times.push_back(since(asked));
    } while (since(begin) < seconds_);
    return times;
  }

  Json read_while_writing(std::size_t bytes) {
    std::atomic<bool> stopping = false;
    std::thread writer([&] {
      const auto begin = SteadyClock::now();
      for (std::uint64_t n = 0; !stopping && write(n % segments_); ++n) {
        const double due = static_cast<double>((n + 1) * kSegmentBytes) / kPacedBytesPerSecond;
        std::this_thread::sleep_for(std::chrono::duration<double>(std::max(0.0, due - since(begin))));
      }
    });
    Json report = read(bytes);
    stopping = true;
    writer.join();
    return report;
  }

  const std::filesystem::path path_;
  const std::uint64_t segments_;
  const double seconds_;
  io::FileDevice device_;
  const std::unique_ptr<char, FreeAligned> bytes_;
};

void print_reads(std::string_view what, const Json& reads) {
  fmt::print("  {:<34} {:>8.0f} reads/s, p50 {:.0f} us, p99 {:.0f} us\n", what,
             reads["per_second"].get<double>(), reads["p50_us"].get<double>(), reads["p99_us"].get<double>());
}

void print_text(std::string_view mode, const Json& report) {
  fmt::print("{}\n", mode);
  fmt::print("  {:<34} {:>8.0f} MiB/s\n", "segments of 2 MiB, each flushed",
             report["write_mib_per_second"].get<double>());
  print_reads("4 KiB at random, two at a time", report["read_4k"]);
  print_reads("64 KiB at random", report["read_64k"]);
  print_reads("64 KiB while 32 MiB/s are written", report["read_64k_while_writing"]);
  fmt::print("  {:<34} {:>7.0f} % of the file after writing it, {:.0f} % after reading\n",
             "in the page cache", 100 * report["cached_after_writing"].get<double>(),
             100 * report["cached_after_reading"].get<double>());
}

}  // namespace
}  // namespace pgweir::bench

int main(int argc, char** argv) {
  CLI::App cli("A disk as the disk tier uses it", "bench-disk");
  pgweir::bench::Options options;
  std::string format = "text";
  bool direct_only = false;
  cli.add_option("--dir", options.dir, "where the file is made, and removed at the end")
      ->capture_default_str();
  cli.add_option("--size-mib", options.size_mib)->check(CLI::Range(64, 1 << 20))->capture_default_str();
  cli.add_option("--seconds", options.seconds, "of reading, each time")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  cli.add_flag("--direct", direct_only, "past the page cache only");
  cli.add_option("--format", format)->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  pgweir::bench::Json all = pgweir::bench::Json::object();
  for (const bool direct : {false, true}) {
    if (direct_only && !direct) continue;
    const char* const mode = direct ? "past the page cache" : "through the page cache";
    auto report = pgweir::bench::Disk(options, direct).run();
    if (!report) {
      fmt::print(stderr, "{}: {}\n", mode, report.error().message);
      return 1;
    }
    if (format == "text") pgweir::bench::print_text(mode, *report);
    all[mode] = std::move(*report);
  }
  if (format == "json") fmt::print("{}\n", all.dump(2));
  return 0;
}
