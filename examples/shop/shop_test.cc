#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "catalogue.h"
#include "endpoints.h"
#include "http_server.h"
#include "progress.h"
#include "row_json.h"

namespace shop {
namespace {

using testing::HasSubstr;

TEST(Catalogue, TheSameSeedGivesTheSameRows) {
  const Catalogue one(7, {}), same(7, {}), other(8, {});
  std::string a, b, c;
  for (std::uint32_t id = 1; id <= 50; ++id) {
    one.append_product(a, id);
    same.append_product(b, id);
    other.append_product(c, id);
  }
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

TEST(Catalogue, RowsHaveTheirTablesColumns) {
  const Catalogue catalogue(1, {});
  const auto tabs = [](const std::string& row) { return std::ranges::count(row, '\t'); };
  std::string product, order, review;
  catalogue.append_product(product, 1);
  catalogue.append_order(order, 1);
  catalogue.append_review(review, 1);
  EXPECT_EQ(tabs(product), 4);
  EXPECT_EQ(tabs(order), 2);
  EXPECT_EQ(tabs(review), 4);
}

TEST(RowRandom, SkewPrefersSmallValues) {
  int low = 0;
  for (std::uint64_t row = 0; row < 10'000; ++row) {
    if (RowRandom(1, 0, row).skewed_below(100) < 25) ++low;
  }
  EXPECT_NEAR(low, 5000, 200);  // sqrt(25 / 100) = one half
}

TEST(Urls, QueryValuesAreDecoded) {
  EXPECT_EQ(query_value("page=3&q=oak+t%61ble", "q"), "oak table");
  EXPECT_EQ(query_value("page=3", "q"), "");
  EXPECT_EQ(query_value("qq=1&q=", "q"), "");
  EXPECT_EQ(decode_url("50%"), "50%");
  EXPECT_EQ(decode_url("%zz%4"), "%zz%4");
}

TEST(Urls, LikeWildcardsAreEscaped) { EXPECT_EQ(escape_like("50%_\\"), "50\\%\\_\\\\"); }

TEST(Answer, RefusesWhatItCannotRoute) {
  Database unreachable("postgres://127.0.0.1:1/none");
  EXPECT_EQ(answer(unreachable, {"GET", "/nothing", ""}).status, 404);
  EXPECT_EQ(answer(unreachable, {"GET", "/products/0", ""}).status, 404);
  EXPECT_EQ(answer(unreachable, {"GET", "/products/1x", ""}).status, 404);
  EXPECT_EQ(answer(unreachable, {"DELETE", "/products/1", ""}).status, 405);
}

TEST(Answer, RefusesBadInputBeforeAskingTheDatabase) {
  Database unreachable("postgres://127.0.0.1:1/none");
  EXPECT_EQ(answer(unreachable, {"GET", "/search?q=a", ""}).status, 400);
  EXPECT_EQ(answer(unreachable, {"GET", "/categories/1/products?page=-1", ""}).status, 400);
  EXPECT_EQ(answer(unreachable, {"POST", "/orders", "{"}).status, 400);
  EXPECT_EQ(answer(unreachable, {"POST", "/orders", R"({"customer_id":1,"lines":[]})"}).status, 400);
  EXPECT_EQ(
      answer(unreachable, {"POST", "/products/1/reviews", R"({"customer_id":1,"stars":6,"body":""})"}).status,
      400);
}

TEST(Answer, SaysThatTheDatabaseIsAway) {
  Database unreachable("postgres://127.0.0.1:1/none");
  const Reply reply = answer(unreachable, {"GET", "/products/1", ""});
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, HasSubstr("cannot connect to the database"));
}

TEST(Json, StringsAreEscaped) {
  std::string out;
  append_json_string(out, "a\"b\\c\n");
  EXPECT_EQ(out, R"("a\"b\\c\u000a")");
}

TEST(Addresses, ArePairsOfIpAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:8080")->port(), 8080);
  EXPECT_EQ(parse_address("[::1]:80")->port(), 80);
  for (const char* wrong : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "shop:80"}) {
    EXPECT_FALSE(parse_address(wrong)) << wrong;
  }
}

TEST(ProgressLine, ShowsTheShare) {
  EXPECT_EQ(progress_line(0.5, "rows", 4), "  [################----------------]  50 %  rows, 4 s");
  EXPECT_EQ(progress_line(2, "rows", 4), "  [################################] 100 %  rows, 4 s");
}

}  // namespace
}  // namespace shop
