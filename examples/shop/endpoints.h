// What the service answers: eleven endpoints, from point reads to heavy aggregates and writes.
//
//   GET  /products/{id}                   one product with its category
//   GET  /products/{id}/reviews           the latest ten
//   POST /products/{id}/reviews           {"customer_id":1,"stars":5,"body":"..."}
//   GET  /products/{id}/stock
//   GET  /categories                      all, with the number of products
//   GET  /categories/{id}/products?page=  twenty a page, from page 0
//   GET  /search?q=                       names that begin with q
//   GET  /bestsellers/{category}          the ten sold most
//   GET  /customers/{id}/orders           the latest twenty
//   GET  /stats/category/{id}             sales and reviews of a category (heavy)
//   POST /orders                          {"customer_id":1,"lines":[{"product_id":1,"quantity":1}]}
#pragma once

#include <string>
#include <string_view>

#include "database.h"

namespace shop {

struct Request {
  std::string method;
  std::string target;  // path and query, still percent-encoded
  std::string body;
};

struct Reply {
  int status;
  std::string body;  // JSON
};

// Never fails: errors are replies, {"error":"..."} with a 4xx or 5xx status. On the database's thread.
Reply answer(Database& database, const Request& request);

// Percent-decoding with '+' as a space; malformed escapes stay as they are.
std::string decode_url(std::string_view text);

// The value of a query parameter, decoded; empty if it is not there.
std::string query_value(std::string_view query, std::string_view name);

// Escapes what LIKE would take for a wildcard.
std::string escape_like(std::string_view text);

}  // namespace shop
