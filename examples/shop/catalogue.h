// The shop's made-up contents: row i of a table, the same for the same seed.
#pragma once

#include <cstdint>
#include <string>

namespace shop {

struct Sizes {
  std::uint32_t categories = 500;
  std::uint32_t products = 100'000;
  std::uint32_t customers = 50'000;
  std::uint32_t orders = 200'000;  // two and a half lines each on average
  std::uint32_t reviews = 300'000;
};

// Random numbers that depend on (seed, table, row) alone, so that rows can be made in any order.
// SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators").
class RowRandom {
 public:
  RowRandom(std::uint64_t seed, std::uint64_t table, std::uint64_t row);
  std::uint64_t next();
  // Uniform in [0, end); end > 0.
  std::uint32_t below(std::uint32_t end);
  // In [0, end), small values more often (density falls as 1/sqrt).
  std::uint32_t skewed_below(std::uint32_t end);

 private:
  std::uint64_t state_;
};

// Each appends the row or rows in COPY text format, one line each; ids count from 1.
class Catalogue {
 public:
  Catalogue(std::uint64_t seed, const Sizes& sizes) : seed_(seed), sizes_(sizes) {}
  const Sizes& sizes() const { return sizes_; }

  void append_category(std::string& out, std::uint32_t id) const;
  void append_product(std::string& out, std::uint32_t id) const;
  void append_customer(std::string& out, std::uint32_t id) const;
  void append_order(std::string& out, std::uint32_t id) const;
  void append_order_lines(std::string& out, std::uint32_t order_id) const;
  void append_review(std::string& out, std::uint32_t id) const;
  void append_stock(std::string& out, std::uint32_t product_id) const;

 private:
  std::uint32_t category_of(std::uint32_t product_id) const;
  std::uint32_t price_cents_of(std::uint32_t product_id) const;
  // Some products sell far better than others; which ones has nothing to do with their ids' order.
  std::uint32_t popular_product(RowRandom& random) const;

  const std::uint64_t seed_;
  const Sizes sizes_;
};

}  // namespace shop
