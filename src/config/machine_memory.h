// How much memory there is for this process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgweir::config {

// The machine's, or the least limit of the cgroups that the process is in, if that is less.
std::uint64_t machine_memory_bytes();

// The same of a machine with so much, given what /proc/self/cgroup says and where cgroups are mounted.
std::uint64_t memory_limit_bytes(std::uint64_t machine_bytes, std::string_view cgroups,
                                 const std::string& mount);

}  // namespace pgweir::config
