#include "config/machine_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pgweir::config {
namespace {

constexpr std::uint64_t kGiB = 1 << 30;

struct MachineMemoryTest : testing::Test {
  MachineMemoryTest() { std::filesystem::create_directories(mount); }
  ~MachineMemoryTest() override { std::filesystem::remove_all(mount); }
  void write(const std::string& path, std::string_view text) const {
    std::filesystem::create_directories(std::filesystem::path(mount + path).parent_path());
    std::ofstream(mount + path) << text;
  }
  std::uint64_t limit(std::string_view cgroups) const { return memory_limit_bytes(8 * kGiB, cgroups, mount); }

  const std::string mount = testing::TempDir() + "machine_memory_test." + std::to_string(getpid());
};

TEST_F(MachineMemoryTest, WithoutCgroupsItIsTheMachines) {
  EXPECT_EQ(limit(""), 8 * kGiB);
  EXPECT_EQ(limit("0::/\n"), 8 * kGiB);
  EXPECT_EQ(limit("no line of that kind\n:\n"), 8 * kGiB);
}

TEST_F(MachineMemoryTest, TheLeastLimitOnTheWayUpCounts) {
  write("/a/memory.max", "2147483648\n");
  write("/a/b/memory.max", "max\n");
  write("/a/b/c/memory.max", "4294967296\n");
  EXPECT_EQ(limit("0::/a/b/c\n"), 2 * kGiB);
  EXPECT_EQ(limit("0::/a/b\n"), 2 * kGiB);
  EXPECT_EQ(limit("0::/other\n"), 8 * kGiB);
  write("/memory.max", "1073741824\n");
  EXPECT_EQ(limit("0::/on/the/host\n"), kGiB) << "a container sees its own group as the root";
}

TEST_F(MachineMemoryTest, VersionOneHasAMountForMemory) {
  write("/memory/x/memory.limit_in_bytes", "1073741824\n");
  write("/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(limit("9:cpu,cpuacct:/y\n4:hugetlb,memory:/x\n0::/\n"), kGiB);
  EXPECT_EQ(limit("4:memory_other:/x\n"), 8 * kGiB);
}

TEST_F(MachineMemoryTest, ThisMachineHasSome) { EXPECT_GT(machine_memory_bytes(), 1U << 20); }

}  // namespace
}  // namespace pgweir::config
