#include "warm/recorder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace pgweir::warm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    std::string pattern = fs::temp_directory_path() / "pgweir.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/warm-list";
    settings_.current_user = settings_.session_user = "app";
  }
  ~RecorderTest() override { fs::remove_all(directory_); }

  std::unique_ptr<Recorder> recorder(bool records = true, const std::string& user = "app") {
    return std::make_unique<Recorder>(
        RecorderConfig{.user = user, .path = path_, .records = records, .secret = {}}, clock_);
  }
  void hit(Samples& samples, std::uint64_t key, double saved_ns = 1e6) {
    if (!samples.saves(saved_ns)) return;
    const base::Hash128 hash{.lo = key, .hi = 0};
    samples.add({.key = hash,
                 .context = {},
                 .saved_ns = saved_ns,
                 .database = "shop",
                 .settings = settings_,
                 .sql = "SELECT 1"});
  }

  base::ManualClock clock_;
  query::SessionSettings settings_;
  std::string directory_, path_;
};

TEST_F(RecorderTest, WhatItHasSavedTheNextOneKnows) {
  {
    const auto first = recorder();
    ASSERT_TRUE(first->load());
    Samples& samples = *first->add_worker();
    hit(samples, 1);
    hit(*first->add_worker(), 2, 3e6);
    first->collect();
    EXPECT_EQ(first->statements(), 2u);
    EXPECT_FALSE(first->is_save_due());
    clock_.advance(Recorder::kSaveInterval);
    EXPECT_TRUE(first->is_save_due());
    ASSERT_TRUE(first->save());
    EXPECT_FALSE(first->is_save_due());
  }
  const auto second = recorder(false);
  ASSERT_TRUE(second->load());
  const List list = second->list();
  ASSERT_EQ(list.statements.size(), 2u);
  EXPECT_EQ(list.statements[0].key.lo, 2u);
  EXPECT_EQ(second->add_worker(), nullptr);
}

TEST_F(RecorderTest, WritesOnlyWhatIsNew) {
  const auto one = recorder();
  ASSERT_TRUE(one->load());
  ASSERT_TRUE(one->save());
  EXPECT_FALSE(fs::exists(path_));
  hit(*one->add_worker(), 1);
  one->collect();
  ASSERT_TRUE(one->save());
  fs::remove(path_);
  ASSERT_TRUE(one->save());
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(RecorderTest, WhatCouldNotBeWrittenIsWrittenLater) {
  const auto one = recorder();
  ASSERT_TRUE(one->load());
  hit(*one->add_worker(), 1);
  one->collect();
  fs::remove_all(directory_);
  EXPECT_FALSE(one->save());
  fs::create_directory(directory_);
  ASSERT_TRUE(one->save());
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(RecorderTest, AFileThatOthersMayReadIsLeftAlone) {
  std::ofstream(path_) << "as it is";
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  const auto one = recorder();
  const auto loaded = one->load();
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("chmod 600"));
  EXPECT_EQ(one->add_worker(), nullptr);
  ASSERT_TRUE(one->save());
  EXPECT_EQ(fs::file_size(path_), 8u);
}

TEST_F(RecorderTest, ADamagedOneIsReplaced) {
  std::ofstream(path_) << "not a list";
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  const auto one = recorder();
  EXPECT_FALSE(one->load());
  hit(*one->add_worker(), 1);
  one->collect();
  ASSERT_TRUE(one->save());
  EXPECT_TRUE(recorder()->load());
}

TEST_F(RecorderTest, NothingIsTakenOverFromAnotherRole) {
  const auto one = recorder();
  ASSERT_TRUE(one->load());
  hit(*one->add_worker(), 1);
  one->collect();
  ASSERT_TRUE(one->save());
  const auto other = recorder(true, "other");
  EXPECT_FALSE(other->load());
  EXPECT_EQ(other->statements(), 0u);
}

}  // namespace
}  // namespace pgweir::warm
