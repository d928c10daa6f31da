#include "query/settings_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace pgweir::query {
namespace {

using testing::IsEmpty;

TEST(SettingsList, ReadsADigest) {
  const auto listed = settings_in(R"(a='b',"my.x"='it''s, = E''',c=NULL,d=E'\\1',e='')");
  ASSERT_EQ(listed.size(), 5U);
  EXPECT_EQ(listed[0].name, "a");
  EXPECT_EQ(listed[0].value, "b");
  EXPECT_EQ(listed[1].name, "my.x");
  EXPECT_EQ(listed[1].value, "it's, = E'");
  EXPECT_EQ(listed[2].name, "c");
  EXPECT_EQ(listed[2].value, std::nullopt);
  EXPECT_EQ(listed[3].name, "d");
  EXPECT_EQ(listed[3].value, "\\1");
  EXPECT_EQ(listed[4].name, "e");
  EXPECT_EQ(listed[4].value, "");
  EXPECT_THAT(settings_in(""), IsEmpty());
}

}  // namespace
}  // namespace pgweir::query
