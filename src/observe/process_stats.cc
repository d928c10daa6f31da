#include "observe/process_stats.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace pgweir::observe {
namespace {

base::Result<std::string> read_file(const char* path) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.empty()) return base::fail(base::ErrorCode::kInternal, fmt::format("cannot read {}", path));
  return text;
}

// The numbers of /proc/self/stat from field 3 on (proc(5) counts from 1); the name in field 2 may
// hold spaces and parentheses, so they are counted from the last ')'.
class StatFields {
 public:
  explicit StatFields(std::string_view text) {
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos) return;
    text.remove_prefix(name_end + 1);
    while (count_ < fields_.size()) {
      const std::size_t at = text.find_first_not_of(' ');
      if (at == std::string_view::npos) return;
      text.remove_prefix(at);
      const std::size_t end = text.find(' ');
      fields_[count_++] = text.substr(0, end);
      if (end == std::string_view::npos) return;
      text.remove_prefix(end);
    }
  }

  base::Result<std::uint64_t> number(std::size_t field) const {
    std::uint64_t value = 0;
    const std::size_t i = field - kFirst;
    if (i < count_) {
      const char* end = fields_[i].data() + fields_[i].size();
      if (std::from_chars(fields_[i].data(), end, value).ptr == end) return value;
    }
    return base::fail(base::ErrorCode::kInternal, fmt::format("/proc/self/stat has no field {}", field));
  }

 private:
  static constexpr std::size_t kFirst = 3;
  std::array<std::string_view, 22> fields_;
  std::size_t count_ = 0;
};

base::Result<std::uint64_t> read_boot_time_seconds() {
  const auto text = read_file("/proc/stat");
  if (!text) return std::unexpected(text.error());
  constexpr std::string_view kKey = "\nbtime ";
  std::uint64_t value = 0;
  const std::size_t at = text->find(kKey);
  if (at == std::string::npos ||
      std::from_chars(text->data() + at + kKey.size(), text->data() + text->size(), value).ec !=
          std::errc{}) {
    return base::fail(base::ErrorCode::kInternal, "/proc/stat has no btime");
  }
  return value;
}

base::Result<std::uint64_t> count_open_fds() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  std::uint64_t count = 0;
  for (; !error && entries != std::filesystem::directory_iterator{}; entries.increment(error)) ++count;
  if (error || count == 0) {
    return base::fail(base::ErrorCode::kInternal,
                      fmt::format("cannot list /proc/self/fd: {}", error.message()));
  }
  return count - 1;  // the one that lists
}

}  // namespace

base::Result<ProcessStats> read_process_stats() {
  const auto text = read_file("/proc/self/stat");
  if (!text) return std::unexpected(text.error());
  const StatFields fields(*text);
  const auto user_ticks = fields.number(14), system_ticks = fields.number(15), threads = fields.number(20);
  const auto start_ticks = fields.number(22), virtual_bytes = fields.number(23),
             resident_pages = fields.number(24);
  for (const auto* field :
       {&user_ticks, &system_ticks, &threads, &start_ticks, &virtual_bytes, &resident_pages}) {
    if (!*field) return std::unexpected(field->error());
  }
  const auto boot_seconds = read_boot_time_seconds();
  if (!boot_seconds) return std::unexpected(boot_seconds.error());
  const auto open_fds = count_open_fds();
  if (!open_fds) return std::unexpected(open_fds.error());

  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessStats stats;
  stats.resident_bytes = *resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  stats.virtual_bytes = *virtual_bytes;
  stats.cpu_seconds = static_cast<double>(*user_ticks + *system_ticks) / ticks_per_second;
  stats.threads = *threads;
  stats.open_fds = *open_fds;
  stats.start_time_seconds =
      static_cast<double>(*boot_seconds) + static_cast<double>(*start_ticks) / ticks_per_second;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    stats.max_fds = limit.rlim_cur;
  return stats;
}

void write_process_stats(const ProcessStats& stats, PrometheusWriter& writer) {
  writer.counter("process_cpu_seconds_total", "User and system CPU time, all threads.", stats.cpu_seconds);
  writer.gauge("process_resident_memory_bytes", "Memory in RAM.", stats.resident_bytes);
  writer.gauge("process_virtual_memory_bytes", "Address space.", stats.virtual_bytes);
  writer.gauge("process_threads", "Threads.", stats.threads);
  writer.gauge("process_open_fds", "Open file descriptors.", stats.open_fds);
  if (stats.max_fds) {
    writer.gauge("process_max_fds", "Limit on open file descriptors.", *stats.max_fds);
  }
  writer.gauge("process_start_time_seconds", "Start of the process since the Unix epoch.",
               stats.start_time_seconds);
}

}  // namespace pgweir::observe
