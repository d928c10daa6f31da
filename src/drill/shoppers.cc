#include "drill/shoppers.h"

#include <fmt/format.h>

namespace pgweir::drill {

namespace {

constexpr double kProductExponent = 1.0;
constexpr double kCategoryExponent = 0.9;
constexpr double kSearchExponent = 1.0;
constexpr std::uint32_t kPagesSeen = 4;
// A prime that divides no size in use: what is popular has nothing to do with the order of ids.
constexpr std::uint64_t kScatter = 7919;

// What people type into the search field: a first word, and the beginning of a second.
constexpr std::array<std::string_view, 32> kFirstWords{
    "walnut", "oak",   "silver", "bold",  "classic", "rustic", "modern", "plain",
    "quiet",  "amber", "golden", "urban", "copper",  "light",  "swift",  "handy",
    "fine",   "ivory", "gentle", "solid", "smooth",  "noble",  "pale",   "bright",
    "calm",   "grand", "deep",   "lucid", "keen",    "humble", "tall",   "crimson"};
constexpr std::array<std::string_view, 8> kSecondWords{"", " o", " oak", " wal", " gl", " ced", " li", " b"};

std::uint32_t scattered(std::uint32_t rank, std::uint32_t n) {
  return static_cast<std::uint32_t>(rank * kScatter % n) + 1;
}

std::string plus_for_spaces(std::string text) {
  for (char& c : text) {
    if (c == ' ') c = '+';
  }
  return text;
}

}  // namespace

Shoppers::Shoppers(std::uint64_t seed, std::size_t users, const ShopSizes& sizes)
    : sizes_(sizes),
      random_(seed),
      product_rank_(sizes.products, kProductExponent),
      category_rank_(sizes.categories, kCategoryExponent),
      search_rank_(kFirstWords.size() * kSecondWords.size(), kSearchExponent) {
  users_.reserve(users);
  for (std::size_t i = 0; i < users; ++i) {
    const auto customer = std::uniform_int_distribution<std::uint32_t>(1, sizes.customers)(random_);
    users_.push_back({customer, next_product()});
  }
}

Endpoint Shoppers::next_endpoint() {
  double u = std::uniform_real_distribution<double>(0, 1)(random_);
  for (std::size_t i = 0; i + 1 < kEndpoints; ++i) {
    u -= kEndpointTraits[i].share;
    if (u < 0) return static_cast<Endpoint>(i);
  }
  return static_cast<Endpoint>(kEndpoints - 1);
}

std::uint32_t Shoppers::next_product() { return scattered(product_rank_.next(random_), sizes_.products); }

std::uint32_t Shoppers::next_category() { return scattered(category_rank_.next(random_), sizes_.categories); }

std::string Shoppers::path(Endpoint endpoint, User& user) {
  switch (endpoint) {
    case Endpoint::kProduct:
      user.product_id = next_product();
      return fmt::format("/products/{}", user.product_id);
    case Endpoint::kReviews:
    case Endpoint::kAddReview:
      return fmt::format("/products/{}/reviews", user.product_id);
    case Endpoint::kStock:
      return fmt::format("/products/{}/stock", user.product_id);
    case Endpoint::kCategories:
      return "/categories";
    case Endpoint::kCategoryProducts:
      return fmt::format("/categories/{}/products?page={}", next_category(),
                         std::uniform_int_distribution<std::uint32_t>(0, kPagesSeen - 1)(random_));
    case Endpoint::kSearch: {
      const std::uint32_t rank = search_rank_.next(random_);
      const std::string_view first = kFirstWords[rank % kFirstWords.size()];
      return plus_for_spaces(fmt::format("/search?q={}{}", first, kSecondWords[rank / kFirstWords.size()]));
    }
    case Endpoint::kBestsellers:
      return fmt::format("/bestsellers/{}", next_category());
    case Endpoint::kCustomerOrders:
      return fmt::format("/customers/{}/orders", user.customer_id);
    case Endpoint::kCategoryStats:
      return fmt::format("/stats/category/{}", next_category());
    case Endpoint::kAddOrder:
      return "/orders";
  }
  return "/";
}

std::string Shoppers::body(Endpoint endpoint, const User& user) {
  if (endpoint == Endpoint::kAddReview) {
    return fmt::format(R"({{"customer_id":{},"stars":{},"body":"As I expected."}})", user.customer_id,
                       std::uniform_int_distribution<int>(1, 5)(random_));
  }
  const std::uint32_t second = next_product();
  if (second == user.product_id || random_() % 2 == 0) {
    return fmt::format(R"({{"customer_id":{},"lines":[{{"product_id":{},"quantity":1}}]}})", user.customer_id,
                       user.product_id);
  }
  return fmt::format(
      R"({{"customer_id":{},"lines":[{{"product_id":{},"quantity":1}},{{"product_id":{},"quantity":2}}]}})",
      user.customer_id, user.product_id, second);
}

ShopRequest Shoppers::next() {
  User& user = users_[random_() % users_.size()];
  const Endpoint endpoint = next_endpoint();
  const std::string target = path(endpoint, user);
  if (traits(endpoint).is_read)
    return {endpoint, fmt::format("GET {} HTTP/1.1\r\nHost: shop\r\n\r\n", target)};
  const std::string content = body(endpoint, user);
  return {endpoint, fmt::format("POST {} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
                                "Content-Length: {}\r\n\r\n{}",
                                target, content.size(), content)};
}

}  // namespace pgweir::drill
