#include "observe/process_stats.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>

namespace pgweir::observe {
namespace {

TEST(ProcessStats, ReadsThisProcess) {
  const auto stats = read_process_stats();
  ASSERT_TRUE(stats.has_value()) << stats.error().message;
  EXPECT_GT(stats->resident_bytes, 100u * 1024);
  EXPECT_GT(stats->virtual_bytes, stats->resident_bytes);
  EXPECT_GE(stats->threads, 1u);
  EXPECT_GE(stats->cpu_seconds, 0);
  const double now_seconds =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(stats->start_time_seconds, now_seconds + 2);  // btime is in whole seconds
  EXPECT_GT(stats->start_time_seconds, now_seconds - 86400);
}

TEST(ProcessStats, CountsOpenFiles) {
  const auto before = read_process_stats();
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  const auto after = read_process_stats();
  close(fd);
  ASSERT_TRUE(before.has_value() && after.has_value());
  EXPECT_EQ(after->open_fds, before->open_fds + 1);
}

// The kernel counts in ticks of 10 ms, so it may take several rounds to see one.
TEST(ProcessStats, CpuTimeGrowsWithWork) {
  const auto before = read_process_stats();
  ASSERT_TRUE(before.has_value());
  bool grew = false;
  volatile unsigned work = 0;
  for (int round = 0; round < 1000 && !grew; ++round) {
    for (unsigned i = 0; i < 10'000'000; ++i) work = work + i;
    const auto after = read_process_stats();
    ASSERT_TRUE(after.has_value());
    grew = after->cpu_seconds > before->cpu_seconds;
  }
  EXPECT_TRUE(grew);
}

TEST(ProcessStats, WritesNoLimitWhereThereIsNone) {
  ProcessStats stats;
  PrometheusWriter without, with;
  write_process_stats(stats, without);
  stats.max_fds = 1024;
  write_process_stats(stats, with);
  EXPECT_THAT(without.text(), testing::Not(testing::HasSubstr("process_max_fds")));
  EXPECT_THAT(with.text(), testing::HasSubstr("\nprocess_max_fds 1024\n"));
}

}  // namespace
}  // namespace pgweir::observe
