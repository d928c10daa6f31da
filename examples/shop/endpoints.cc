#include "endpoints.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "row_json.h"

namespace shop {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kOrderLinesMax = 100;
constexpr std::size_t kReviewBytesMax = 2000;
constexpr int kPageMax = 1000;

// The variable parts of a request.
struct Call {
  int id = 0;  // from the path
  std::string_view query;
  std::string_view body;
};

using Parameters = std::initializer_list<std::string>;

Result<std::string> many(Database& database, const char* statement, Parameters parameters) {
  auto rows = database.read(statement, std::span(parameters.begin(), parameters.size()));
  if (!rows) return std::unexpected(rows.error());
  return rows_to_json(rows->get());
}

Result<std::string> one(Database& database, const char* statement, Parameters parameters) {
  auto rows = database.read(statement, std::span(parameters.begin(), parameters.size()));
  if (!rows) return std::unexpected(rows.error());
  if (PQntuples(rows->get()) == 0) return fail(404, "there is none with this id");
  return row_to_json(rows->get(), 0);
}

Result<std::string> get_category_products(Database& database, const Call& call) {
  const std::string text = query_value(call.query, "page");
  int page = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), page);
  const bool is_number = text.empty() || (error == std::errc() && end == text.data() + text.size());
  if (!is_number || page < 0 || page > kPageMax) return fail(400, "page must be a number from 0 to 1000");
  return many(database, "category_products", {std::to_string(call.id), std::to_string(page)});
}

Result<std::string> get_search(Database& database, const Call& call) {
  std::string words = query_value(call.query, "q");
  if (words.size() < 2) return fail(400, "q must have at least two characters");
  std::ranges::transform(words, words.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return many(database, "search", {escape_like(words)});
}

// The positive integer member `name` of a JSON object.
std::optional<int> positive(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_integer()) return std::nullopt;
  const auto value = member->get<std::int64_t>();
  if (value < 1 || value > INT32_MAX) return std::nullopt;
  return static_cast<int>(value);
}

Result<std::string> post_review(Database& database, const Call& call) {
  const Json review = Json::parse(call.body, nullptr, /*allow_exceptions=*/false);
  if (!review.is_object()) return fail(400, "the body must be a JSON object");
  const auto customer = positive(review, "customer_id");
  const auto stars = positive(review, "stars");
  const auto body = review.find("body");
  if (!customer || !stars || *stars > 5 || body == review.end() || !body->is_string()) {
    return fail(400, "a review needs customer_id, stars from 1 to 5 and body");
  }
  const auto& text = body->get_ref<const std::string&>();
  if (text.size() > kReviewBytesMax) return fail(400, "a review has at most 2000 bytes");
  const std::array<std::string, 4> parameters{std::to_string(call.id), std::to_string(*customer),
                                              std::to_string(*stars), text};
  auto rows = database.write("add_review", parameters);
  if (!rows) return std::unexpected(rows.error());
  return row_to_json(rows->get(), 0);
}

struct OrderLine {
  int product_id;
  int quantity;
};

// Sorted by product, so that two orders lock their rows of stock in the same order and cannot deadlock.
Result<std::vector<OrderLine>> parse_order_lines(const Json& order) {
  const auto lines = order.find("lines");
  if (lines == order.end() || !lines->is_array() || lines->empty() || lines->size() > kOrderLinesMax) {
    return fail(400, "an order needs 1 to 100 lines");
  }
  std::vector<OrderLine> parsed;
  for (const Json& line : *lines) {
    const auto product = line.is_object() ? positive(line, "product_id") : std::nullopt;
    const auto quantity = line.is_object() ? positive(line, "quantity") : std::nullopt;
    if (!product || !quantity) return fail(400, "a line needs product_id and quantity, both above 0");
    parsed.push_back({*product, *quantity});
  }
  std::ranges::sort(parsed, {}, &OrderLine::product_id);
  return parsed;
}

Result<void> add_line(Database& database, const std::string& order_id, int line_no, const OrderLine& line) {
  const std::string product = std::to_string(line.product_id), quantity = std::to_string(line.quantity);
  const std::array<std::string, 2> take{product, quantity};
  auto taken = database.write("take_stock", take);
  if (!taken) return std::unexpected(taken.error());
  if (std::string_view(PQcmdTuples(taken->get())) != "1") {
    return fail(409, "not enough of product " + product + " in stock");
  }
  const std::array<std::string, 4> add{order_id, std::to_string(line_no), product, quantity};
  auto added = database.write("add_order_line", add);
  if (!added) return std::unexpected(added.error());
  return {};
}

Result<std::string> post_order(Database& database, const Call& call) {
  const Json order = Json::parse(call.body, nullptr, /*allow_exceptions=*/false);
  if (!order.is_object()) return fail(400, "the body must be a JSON object");
  const auto customer = positive(order, "customer_id");
  if (!customer) return fail(400, "an order needs a customer_id");
  const auto lines = parse_order_lines(order);
  if (!lines) return std::unexpected(lines.error());

  auto transaction = Transaction::begin(database);
  if (!transaction) return std::unexpected(transaction.error());
  const std::array<std::string, 1> parameters{std::to_string(*customer)};
  auto added = database.write("add_order", parameters);
  if (!added) return std::unexpected(added.error());
  const std::string order_id = PQgetvalue(added->get(), 0, 0);
  int line_no = 0;
  for (const OrderLine& line : *lines) {
    if (auto done = add_line(database, order_id, ++line_no, line); !done)
      return std::unexpected(done.error());
  }
  if (auto committed = transaction->commit(); !committed) return std::unexpected(committed.error());
  return row_to_json(added->get(), 0);
}

struct Route {
  const char* method;
  const char* pattern;  // "{id}" stands for a positive integer
  Result<std::string> (*handle)(Database&, const Call&);
};

constexpr std::array kRoutes{
    Route{"GET", "/products/{id}",
          [](Database& d, const Call& c) { return one(d, "product", {std::to_string(c.id)}); }},
    Route{"GET", "/products/{id}/reviews",
          [](Database& d, const Call& c) { return many(d, "product_reviews", {std::to_string(c.id)}); }},
    Route{"POST", "/products/{id}/reviews", post_review},
    Route{"GET", "/products/{id}/stock",
          [](Database& d, const Call& c) { return one(d, "product_stock", {std::to_string(c.id)}); }},
    Route{"GET", "/categories", [](Database& d, const Call&) { return many(d, "categories", {}); }},
    Route{"GET", "/categories/{id}/products", get_category_products},
    Route{"GET", "/search", get_search},
    Route{"GET", "/bestsellers/{id}",
          [](Database& d, const Call& c) { return many(d, "bestsellers", {std::to_string(c.id)}); }},
    Route{"GET", "/customers/{id}/orders",
          [](Database& d, const Call& c) { return many(d, "customer_orders", {std::to_string(c.id)}); }},
    Route{"GET", "/stats/category/{id}",
          [](Database& d, const Call& c) { return one(d, "category_stats", {std::to_string(c.id)}); }},
    Route{"POST", "/orders", post_order},
};

// The id in path if it has the pattern's form (0 for a pattern without one), else nothing.
std::optional<int> match(std::string_view pattern, std::string_view path) {
  constexpr std::string_view kId = "{id}";
  const std::size_t at = pattern.find(kId);
  if (at == std::string_view::npos) return pattern == path ? std::optional(0) : std::nullopt;
  const std::string_view suffix = pattern.substr(at + kId.size());
  if (path.size() <= at + suffix.size() || !path.starts_with(pattern.substr(0, at)) ||
      !path.ends_with(suffix)) {
    return std::nullopt;
  }
  const std::string_view digits = path.substr(at, path.size() - at - suffix.size());
  int id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc() || end != digits.data() + digits.size() || id < 1) return std::nullopt;
  return id;
}

Result<std::string> dispatch(Database& database, const Request& request) {
  const std::string_view target = request.target;
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  const std::string_view query = mark == std::string_view::npos ? "" : target.substr(mark + 1);
  bool path_exists = false;
  for (const Route& route : kRoutes) {
    const auto id = match(route.pattern, path);
    if (!id) continue;
    if (request.method == route.method) return route.handle(database, {*id, query, request.body});
    path_exists = true;
  }
  if (path_exists) return fail(405, "this path does not take " + request.method);
  return fail(404, "no such path");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Reply answer(Database& database, const Request& request) {
  auto body = dispatch(database, request);
  if (body) return {request.method == "POST" ? 201 : 200, *std::move(body)};
  std::string error = "{\"error\":";
  append_json_string(error, body.error().message);
  error += '}';
  return {body.error().status, std::move(error)};
}

std::string decode_url(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
      return decode_url(pair.substr(name.size() + 1));
    }
  }
  return "";
}

std::string escape_like(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace shop
