#include "drill/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "drill/stop_signal.h"

namespace pgweir::drill {
namespace {

using testing::HasSubstr;

ChildOptions shell(const std::string& script) {
  return {.command = {"/bin/sh", "-c", script}, .environment = {}, .log_path = "", .user = std::nullopt};
}

// Does nothing until a signal ends it; a signal that the shell ignores it ignores too.
const std::string kEndless = "exec tail -f /dev/null";

TEST(ChildProcess, ReturnsTheExitCode) {
  auto child = ChildProcess::start(shell("exit 7"));
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(-1), 7);
  EXPECT_FALSE(child->running());
  EXPECT_EQ(child->stop(), 7);
}

TEST(ChildProcess, ReportsWhatCannotBeStarted) {
  const auto child = ChildProcess::start(
      {.command = {"/nonexistent"}, .environment = {}, .log_path = "", .user = std::nullopt});
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error().message, HasSubstr("/nonexistent"));
}

TEST(ChildProcess, WritesItsLogAndGetsItsEnvironment) {
  const std::string log =
      std::filesystem::temp_directory_path() / ("child_process_test." + std::to_string(getpid()));
  ChildOptions options = shell("echo one; echo \"two $COLOUR\" >&2");
  options.log_path = log;
  options.environment = {{"COLOUR", "red"}};
  auto child = ChildProcess::start(options);
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(-1), 0);
  EXPECT_EQ(log_tail(log, 5), "\n  one\n  two red");
  EXPECT_EQ(log_tail(log, 1), "\n  two red");
  std::filesystem::remove(log);
}

TEST(ChildProcess, StopsWithItsSignal) {
  auto child = ChildProcess::start(shell(kEndless));
  ASSERT_TRUE(child);
  EXPECT_TRUE(child->running());
  EXPECT_EQ(child->stop(), 128 + SIGTERM);
}

TEST(ChildProcess, IsKilledIfItDoesNotStop) {
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  auto child =
      ChildProcess::start(shell("trap '' TERM; echo >&" + std::to_string(ready[1]) + "; " + kEndless));
  ASSERT_TRUE(child);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);  // the signal is ignored from here on
  EXPECT_EQ(child->stop(base::kMillisecond), 128 + SIGKILL);
  close(ready[0]);
  close(ready[1]);
}

TEST(ChildProcess, WaitingCanBeCancelled) {
  std::array<int, 2> cancel{};
  ASSERT_EQ(pipe(cancel.data()), 0);
  ASSERT_EQ(write(cancel[1], "x", 1), 1);
  auto child = ChildProcess::start(shell(kEndless));
  ASSERT_TRUE(child);
  const auto code = child->wait(cancel[0]);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, base::ErrorCode::kClosed);
  EXPECT_TRUE(child->running());
  close(cancel[0]);
  close(cancel[1]);
}

TEST(ChildProcess, EndsWithTheThreadThatStartedIt) {
  std::optional<ChildProcess> child;
  std::thread([&] {
    auto started = ChildProcess::start(shell(kEndless));
    if (started) child.emplace(*std::move(started));
  }).join();
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(-1), 128 + SIGTERM);
}

TEST(StopSignal, ComesInsteadOfEndingTheProcess) {
  auto stop = StopSignal::make();
  ASSERT_TRUE(stop);
  EXPECT_FALSE(stop->came());
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(stop->came());
  EXPECT_TRUE(stop->wait(base::kSecond));
}

}  // namespace
}  // namespace pgweir::drill
