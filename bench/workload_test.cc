#include "bench/workload.h"

#include <gtest/gtest.h>

namespace pgweir::bench {
namespace {

using std::string_literals::operator""s;

TEST(Workload, SimpleQueryHoldsTheKey) {
  const auto workload = Workload::make({.mode = Mode::kSimple, .sql = "SELECT $1, '$10', $1", .keys = 12});
  ASSERT_TRUE(workload);
  ASSERT_EQ(workload->keys(), 12U);
  EXPECT_EQ(workload->request(0), "Q\0\0\0\x17SELECT 1, '$10', 1\0"s);
  EXPECT_EQ(workload->request(11), "Q\0\0\0\x19SELECT 12, '$10', 12\0"s);
}

TEST(Workload, PreparedBindsTheKeyAsText) {
  const auto workload = Workload::make({.mode = Mode::kPrepared, .sql = "SELECT $1", .keys = 2});
  ASSERT_TRUE(workload);
  EXPECT_EQ(workload->request(1), "B\0\0\0\x18\0bench\0\0\0\0\1\0\0\0\1"s + "2\0\1\0\0"s + "D\0\0\0\6P\0"s +
                                      "E\0\0\0\x09\0\0\0\0\0"s + "S\0\0\0\4"s);
}

TEST(Workload, RedisAsksForTheKeyThatWasStored) {
  const auto workload = Workload::make({.mode = Mode::kRedis, .sql = "", .keys = 3, .redis_value_bytes = 4});
  ASSERT_TRUE(workload);
  EXPECT_EQ(workload->request(2), "*2\r\n$3\r\nGET\r\n$7\r\nbench:3\r\n");
  EXPECT_EQ(redis_set(3, 4), "*3\r\n$3\r\nSET\r\n$7\r\nbench:3\r\n$4\r\nxxxx\r\n");
}

TEST(Workload, ManyKeysNeedAParameter) {
  EXPECT_FALSE(Workload::make({.mode = Mode::kSimple, .sql = "SELECT 1", .keys = 2}));
  EXPECT_FALSE(Workload::make({.mode = Mode::kSimple, .sql = "SELECT $10", .keys = 2}));
  EXPECT_FALSE(Workload::make({.mode = Mode::kSimple, .sql = "SELECT $1", .keys = 0}));
  EXPECT_TRUE(Workload::make({.mode = Mode::kSimple, .sql = "SELECT 1", .keys = 1}));
}

}  // namespace
}  // namespace pgweir::bench
