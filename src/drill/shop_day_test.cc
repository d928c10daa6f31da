#include "drill/shop_day.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace pgweir::drill {
namespace {

using testing::HasSubstr;

ShopDayOptions with(auto change) {
  ShopDayOptions options;
  change(options);
  return options;
}

void expect_refused(const ShopDayOptions& options, const char* flag) {
  const auto valid = validate(options);
  ASSERT_FALSE(valid) << flag;
  EXPECT_EQ(valid.error().code, base::ErrorCode::kInvalid);
  EXPECT_THAT(valid.error().message, HasSubstr(flag));
}

TEST(ShopDayOptions, DefaultsAreValid) { EXPECT_TRUE(validate({})); }

TEST(ShopDayOptions, TheErrorNamesTheFlag) {
  expect_refused(with([](auto& o) { o.dir = ""; }), "--dir");
  expect_refused(with([](auto& o) { o.port = 80; }), "--port");
  expect_refused(with([](auto& o) { o.port = 65'533; }), "--port");
  expect_refused(with([](auto& o) { o.seconds = -1; }), "--seconds");
  expect_refused(with([](auto& o) { o.requests_per_s = 0; }), "--requests");
  expect_refused(with([](auto& o) { o.requests_per_s = std::numeric_limits<double>::quiet_NaN(); }),
                 "--requests");
  expect_refused(with([](auto& o) { o.direct_share = 1.5; }), "--direct-share");
  expect_refused(with([](auto& o) { o.users = 0; }), "--users");
}

TEST(RunShopDay, WrongOptionsAreExitCodeTwo) {
  EXPECT_EQ(run_shop_day(with([](auto& o) { o.users = 0; })), 2);
}

TEST(RunShopDay, MissingBinariesAreExitCodeTwo) {
  EXPECT_EQ(run_shop_day(with([](auto& o) { o.bin_dir = "/nonexistent"; })), 2);
}

}  // namespace
}  // namespace pgweir::drill
