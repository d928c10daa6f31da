#include "config/machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>

namespace pgweir::config {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What is no number ("max", or no such file) limits nothing.
std::uint64_t limit_in(const std::string& path) {
  constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  const std::string text = read_file(path);
  std::uint64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  return error == std::errc{} ? limit : kNone;
}

// A limit holds for all groups below it. In a container the path may be the host's, of which only the root is
// seen.
std::uint64_t least_limit(const std::string& mount, std::string_view path, const std::string& file) {
  std::uint64_t least = limit_in(mount + "/" + file);
  while (path.size() > 1) {
    least = std::min(least, limit_in(mount + std::string(path) + "/" + file));
    path = path.substr(0, path.rfind('/'));
  }
  return least;
}

}  // namespace

// Lines are number:controllers:path; of version 2 the controllers are empty.
std::uint64_t memory_limit_bytes(std::uint64_t machine_bytes, std::string_view cgroups,
                                 const std::string& mount) {
  std::uint64_t least = machine_bytes;
  while (!cgroups.empty()) {
    const std::string_view line = cgroups.substr(0, cgroups.find('\n'));
    cgroups.remove_prefix(std::min(cgroups.size(), line.size() + 1));
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const std::string_view path = line.substr(second + 1);
    if (controllers == ",,") least = std::min(least, least_limit(mount, path, "memory.max"));
    if (controllers.contains(",memory,"))
      least = std::min(least, least_limit(mount + "/memory", path, "memory.limit_in_bytes"));
  }
  return least;
}

std::uint64_t machine_memory_bytes() {
  const auto machine =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return memory_limit_bytes(machine, read_file("/proc/self/cgroup"), "/sys/fs/cgroup");
}

}  // namespace pgweir::config
