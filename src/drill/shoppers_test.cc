#include "drill/shoppers.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <set>

namespace pgweir::drill {
namespace {

constexpr ShopSizes kSizes{.products = 1000, .categories = 20, .customers = 100};

TEST(Shoppers, SharesAddUpToOneWithATenthWrites) {
  double all = 0, writes = 0;
  for (const EndpointTraits& endpoint : kEndpointTraits) {
    all += endpoint.share;
    if (!endpoint.is_read) writes += endpoint.share;
  }
  EXPECT_NEAR(all, 1, 1e-9);
  EXPECT_NEAR(writes, 0.1, 1e-9);
}

TEST(Shoppers, TheSameSeedGivesTheSameRequests) {
  Shoppers one(5, 10, kSizes), same(5, 10, kSizes), other(6, 10, kSizes);
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string text = one.next().text;
    EXPECT_EQ(text, same.next().text);
    if (text != other.next().text) ++different;
  }
  EXPECT_GT(different, 50);
}

TEST(Shoppers, EndpointsComeAsOftenAsTheirShares) {
  constexpr int kRequests = 50'000;
  Shoppers shoppers(1, 100, kSizes);
  std::array<int, kEndpoints> seen{};
  for (int i = 0; i < kRequests; ++i) ++seen[static_cast<std::size_t>(shoppers.next().endpoint)];
  for (std::size_t i = 0; i < kEndpoints; ++i) {
    EXPECT_NEAR(seen[i] / double{kRequests}, kEndpointTraits[i].share, 0.01) << kEndpointTraits[i].name;
  }
}

TEST(Shoppers, RequestsAreWellFormed) {
  Shoppers shoppers(1, 100, kSizes);
  for (int i = 0; i < 5000; ++i) {
    const ShopRequest request = shoppers.next();
    const std::size_t head_end = request.text.find("\r\n\r\n");
    ASSERT_NE(head_end, std::string::npos);
    const std::string body = request.text.substr(head_end + 4);
    const std::size_t length = request.text.find("Content-Length: ");
    EXPECT_EQ(request.text.starts_with("GET /"), traits(request.endpoint).is_read);
    EXPECT_EQ(body.empty(), traits(request.endpoint).is_read);
    if (body.empty()) continue;
    ASSERT_LT(length, head_end);
    EXPECT_EQ(std::strtoul(request.text.c_str() + length + 16, nullptr, 10), body.size());
    EXPECT_EQ(body.back(), '}');
  }
}

TEST(Shoppers, InterestIsUnevenAndScattered) {
  Shoppers shoppers(1, 100, kSizes);
  std::map<std::string, int> products;
  for (int i = 0; i < 30'000; ++i) {
    const ShopRequest request = shoppers.next();
    if (request.endpoint == Endpoint::kProduct)
      ++products[request.text.substr(0, request.text.find(" HTTP"))];
  }
  // Zipf over 1,000 with exponent 1: the first has 1 / H(1000) = 13 %, the second half as much.
  const int first = products["GET /products/1"], second = products["GET /products/920"];
  EXPECT_NEAR(first / (0.31 * 30'000), 0.134, 0.02);
  EXPECT_NEAR(static_cast<double>(first) / second, 2, 0.3);
  EXPECT_GT(products.size(), 500u);
}

}  // namespace
}  // namespace pgweir::drill
