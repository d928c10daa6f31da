#include "bench/process_usage.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unordered_map>

namespace pgweir::bench {
namespace {

struct Process {
  pid_t parent = 0;
  ProcessUsage usage;
};

// Fields of /proc/PID/stat after the command's name, counted from the state (field 3 of proc(5)).
constexpr std::size_t kParent = 1, kUserTicks = 11, kSystemTicks = 12, kRssPages = 21, kFields = 22;

bool read_process(const std::filesystem::path& folder, Process& process) {
  std::ifstream file(folder / "stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return false;
  std::istringstream rest(text.substr(name_end + 1));
  std::vector<std::string> fields;
  for (std::string field; fields.size() < kFields && rest >> field;) fields.push_back(field);
  if (fields.size() < kFields) return false;
  const auto number = [&fields](std::size_t i) {
    std::int64_t value = 0;
    std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), value);
    return value;
  };
  process.parent = static_cast<pid_t>(number(kParent));
  process.usage.cpu = (number(kUserTicks) + number(kSystemTicks)) * (base::kSecond / ::sysconf(_SC_CLK_TCK));
  process.usage.rss_bytes = static_cast<std::uint64_t>(number(kRssPages) * ::sysconf(_SC_PAGESIZE));
  return true;
}

std::unordered_map<pid_t, Process> read_processes() {
  std::unordered_map<pid_t, Process> processes;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    pid_t pid = 0;
    const auto [stop, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (code != std::errc{} || stop != name.data() + name.size()) continue;
    Process process;
    if (read_process(it->path(), process)) processes.emplace(pid, process);
  }
  return processes;
}

// Whether pid is one of roots or descends from one.
bool belongs(const std::unordered_map<pid_t, Process>& processes, const std::vector<pid_t>& roots,
             pid_t pid) {
  for (auto it = processes.find(pid); it != processes.end(); it = processes.find(it->second.parent)) {
    if (std::find(roots.begin(), roots.end(), it->first) != roots.end()) return true;
  }
  return false;
}

}  // namespace

base::Result<ProcessUsage> usage_of(const std::vector<pid_t>& roots) {
  const auto processes = read_processes();
  for (pid_t root : roots) {
    if (!processes.contains(root)) {
      return base::fail(base::ErrorCode::kInvalid, "there is no process " + std::to_string(root));
    }
  }
  ProcessUsage sum;
  for (const auto& [pid, process] : processes) {
    if (!belongs(processes, roots, pid)) continue;
    sum.cpu += process.usage.cpu;
    sum.rss_bytes += process.usage.rss_bytes;
  }
  return sum;
}

}  // namespace pgweir::bench
