#include "admin/console.h"

#include <gtest/gtest.h>

#include <utility>

namespace pgweir::admin {
namespace {

struct ConsoleTest : testing::Test {
  ConsoleTest() {
    console.set_databases([] {
      return std::vector<Status::Database>{
          {.name = "shop", .promise = "full", .why = "followed", .lag_seconds = 0.25, .lag_bytes = 64},
          {.name = "other", .why = "lost"}};
    });
    console.set_guard(
        [] { return Status::Guard{.limit = 7, .adapts = true, .slowdown = 1.25, .active = 3, .queued = 2}; });
    console.set_switch([this](bool off) { is_off = off; });
    console.set_warm([this] { return std::exchange(begins, false); },
                     [this] { return has_warm_up ? std::optional(warm_up) : std::nullopt; });
  }
  bool begins = true;
  bool has_warm_up = true;
  bool is_off = false;
  Status::Warm warm_up{.state = "running",
                       .is_over = false,
                       .statements = 9,
                       .done = 3,
                       .outcomes = {{"filled", 2}, {"failed", 1}},
                       .seconds = 0.52,
                       .why = "",
                       .recorded = 11};
  Console console{"1.2.3"};
};

TEST_F(ConsoleTest, ShowSyncNamesThePromiseOfEachDatabase) {
  const auto table = console.run("show  Sync");
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->tag, "SHOW");
  const std::vector<std::vector<std::optional<std::string>>> rows{
      {"shop", "full", "followed", "0.250", "64"}, {"other", "none", "lost", std::nullopt, std::nullopt}};
  EXPECT_EQ(table->rows, rows);
}

TEST_F(ConsoleTest, ShowWarmTellsHowItFares) {
  const auto table = console.run("show warm");
  ASSERT_TRUE(table.has_value());
  const std::vector<std::string> columns{"state",  "statements", "done",     "filled",
                                         "failed", "seconds",    "recorded", "why"};
  EXPECT_EQ(table->columns, columns);
  const std::vector<std::vector<std::optional<std::string>>> rows{
      {"running", "9", "3", "2", "1", "0.5", "11", std::nullopt}};
  EXPECT_EQ(table->rows, rows);
}

TEST_F(ConsoleTest, OneWarmUpAtATime) {
  EXPECT_TRUE(console.run("WARM").has_value());
  EXPECT_EQ(console.run("warm").error().code, "55006");
  has_warm_up = false;
  EXPECT_EQ(console.run("WARM").error().code, "55000");
  EXPECT_EQ(console.run("SHOW WARM").error().code, "55000");
}

TEST_F(ConsoleTest, ShowGuardTellsWhoIsAtPostgresql) {
  const auto table = console.run("SHOW GUARD");
  ASSERT_TRUE(table.has_value());
  ASSERT_EQ(table->rows.size(), 1U);
  const std::vector<std::optional<std::string>> row{"7", "yes", "1.25", "3", "0", "0",
                                                    "2", "0",   "0",    "0", "0"};
  EXPECT_EQ(table->rows[0], row);
}

TEST_F(ConsoleTest, OffAndOn) {
  EXPECT_EQ(console.run("off")->tag, "OFF");
  EXPECT_TRUE(is_off);
  EXPECT_EQ(console.run("ON")->tag, "ON");
  EXPECT_FALSE(is_off);
}

TEST_F(ConsoleTest, HelpListsOnlyWhatRuns) {
  const auto help = console.run("SHOW HELP");
  ASSERT_TRUE(help.has_value());
  for (const auto& row : help->rows) {
    const auto table = console.run(*row[0]);
    ASSERT_TRUE(table.has_value()) << *row[0];
    for (const auto& shown : table->rows) EXPECT_EQ(shown.size(), table->columns.size());
  }
}

TEST_F(ConsoleTest, BareTransactionCommandsChangeNothing) {
  for (const char* command : {"BEGIN", "commit", "Rollback"}) {
    const auto table = console.run(command);
    ASSERT_TRUE(table.has_value());
    EXPECT_TRUE(table->columns.empty());
  }
}

TEST_F(ConsoleTest, AnythingElseIsRefusedWithAHint) {
  const auto table = console.run("SELECT 1");
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, "42601");
  EXPECT_NE(table.error().hint.find("SHOW HELP"), std::string::npos);
}

}  // namespace
}  // namespace pgweir::admin
