#include "warm/warmer.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "warm/list_file.h"

namespace pgweir::warm {
namespace {

namespace fs = std::filesystem;

// Nothing is ever asked of it that needs a database.
class TestJudge final : public Judge {
 public:
  bool upstream_answers() override { return answers; }
  bool is_ready(const std::string&) override { return true; }
  Kept is_kept(const std::string&, const query::SessionSettings&, const Statement&) override {
    return Kept::kNow;
  }
  std::atomic<bool> answers{true};
};

std::string new_directory() {
  std::string pattern = fs::temp_directory_path() / "pgweir.XXXXXX";
  return mkdtemp(pattern.data());
}

bool becomes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 3'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class WarmerTest : public testing::Test {
 protected:
  ~WarmerTest() override {
    warmer_.stop();
    fs::remove_all(directory_);
  }

  void have_one_statement() {
    List list;
    list.sessions = {{"shop", {}, ""}};
    list.statements.push_back({.key = {.lo = 1, .hi = 2}, .saved_ns = 1e9, .sql = "SELECT 1"});
    ASSERT_TRUE(save_list(path_, encode_list(list, "app", {})));
    ASSERT_TRUE(recorder_.load());
  }
  State state() const { return warmer_.progress().state; }

  base::ManualClock clock_;
  const std::string directory_ = new_directory();
  const std::string path_ = directory_ + "/warm-list";
  TestJudge judge_;
  Recorder recorder_{{.user = "app", .path = path_, .records = true, .secret = {}}, clock_};
  // Where nobody listens: port 1 of a directory without a socket.
  Warmer warmer_{{.user = "app", .login = {{"host", directory_}, {"port", "1"}, {"user", "app"}}},
                 recorder_,
                 judge_,
                 clock_};
};

TEST_F(WarmerTest, KeepsTheFileUpToDate) {
  Samples& samples = *recorder_.add_worker();
  query::SessionSettings settings;
  settings.current_user = settings.session_user = "app";
  ASSERT_TRUE(samples.saves(1e9));
  const base::Hash128 key{.lo = 1, .hi = 2};
  samples.add({.key = key,
               .context = key,
               .saved_ns = 1e9,
               .database = "shop",
               .settings = settings,
               .sql = "SELECT 1"});
  recorder_.collect();
  warmer_.start();
  ASSERT_TRUE(becomes_true([&] { return warmer_.progress().is_over(); }));
  EXPECT_FALSE(fs::exists(path_));
  clock_.advance(Recorder::kSaveInterval);
  EXPECT_TRUE(becomes_true([&] { return fs::exists(path_); }));
}

TEST_F(WarmerTest, WaitsForPostgresqlUntilItIsStopped) {
  have_one_statement();
  judge_.answers = false;
  warmer_.start();
  ASSERT_TRUE(becomes_true([&] { return state() == State::kWaiting; }));
  EXPECT_FALSE(warmer_.begin());
  EXPECT_FALSE(warmer_.has_ended_once());
  warmer_.stop();
  EXPECT_EQ(state(), State::kStopped);
  EXPECT_TRUE(warmer_.has_ended_once());
  EXPECT_FALSE(warmer_.begin());
}

TEST_F(WarmerTest, FailsWhereItCannotLogInAndMayBeginAgain) {
  have_one_statement();
  warmer_.start();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(becomes_true([&] { return warmer_.progress().is_over(); }));
    const Progress progress = warmer_.progress();
    EXPECT_EQ(progress.state, State::kFailed);
    EXPECT_EQ(progress.done(), 1u);
    EXPECT_EQ(progress.outcomes[static_cast<std::size_t>(Outcome::kFailed)], 1u);
    EXPECT_NE(progress.why, "");
    EXPECT_EQ(warmer_.begin(), true);
  }
}

}  // namespace
}  // namespace pgweir::warm
