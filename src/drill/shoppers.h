// The shop's visitors: who asks for what, as HTTP requests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "drill/interest.h"

namespace pgweir::drill {

// The shop API's endpoints, reads first.
enum class Endpoint : std::uint8_t {
  kProduct,
  kReviews,
  kStock,
  kCategories,
  kCategoryProducts,
  kSearch,
  kBestsellers,
  kCustomerOrders,
  kCategoryStats,
  kAddOrder,
  kAddReview,
};

struct EndpointTraits {
  std::string_view name;  // as people read it
  double share;           // of all requests; the shares add up to 1
  bool is_read;
};

inline constexpr std::size_t kEndpoints = 11;
inline constexpr std::array<EndpointTraits, kEndpoints> kEndpointTraits{{
    {"GET /products/{id}", 0.31, true},
    {"GET /products/{id}/reviews", 0.14, true},
    {"GET /products/{id}/stock", 0.12, true},
    {"GET /categories", 0.02, true},
    {"GET /categories/{id}/products", 0.15, true},
    {"GET /search", 0.08, true},
    {"GET /bestsellers/{category}", 0.05, true},
    {"GET /customers/{id}/orders", 0.02, true},
    {"GET /stats/category/{id}", 0.01, true},
    {"POST /orders", 0.06, false},
    {"POST /products/{id}/reviews", 0.04, false},
}};

constexpr const EndpointTraits& traits(Endpoint endpoint) {
  return kEndpointTraits[static_cast<std::size_t>(endpoint)];
}

// What the shop holds; ids count from 1.
struct ShopSizes {
  std::uint32_t products = 100'000;
  std::uint32_t categories = 500;
  std::uint32_t customers = 50'000;
};

struct ShopRequest {
  Endpoint endpoint;
  std::string text;  // the whole HTTP/1.1 request
};

// A crowd of users, each a customer with a product before them: they read about it, its reviews and its
// stock, and now and then buy it, then go on to another. Which one follows Zipf's law, as do categories
// and search words. The same seed gives the same requests. One thread.
class Shoppers {
 public:
  Shoppers(std::uint64_t seed, std::size_t users, const ShopSizes& sizes);
  ShopRequest next();

 private:
  struct User {
    std::uint32_t customer_id;
    std::uint32_t product_id;
  };

  Endpoint next_endpoint();
  std::uint32_t next_product();
  std::uint32_t next_category();
  std::string path(Endpoint endpoint, User& user);
  std::string body(Endpoint endpoint, const User& user);

  const ShopSizes sizes_;
  std::mt19937_64 random_;
  const Zipf product_rank_;
  const Zipf category_rank_;
  const Zipf search_rank_;
  std::vector<User> users_;
};

}  // namespace pgweir::drill
