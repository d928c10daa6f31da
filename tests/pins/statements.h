// Random statements over the tables of schema.sql, from a seed. Most are sound; PostgreSQL refuses some.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace pgweir::pins {

struct Given {
  std::uint32_t type = 0;  // as Parse declares it; 0: left to PostgreSQL
  std::string value;
};

struct Generated {
  std::string sql;
  std::vector<Given> parameters;
};

class Statements {
 public:
  explicit Statements(std::uint64_t seed) : random_(seed) {}
  Generated read();
  Generated write();

 private:
  struct Item {
    std::string alias;
    std::size_t table = 0;
  };
  using Items = std::vector<Item>;

  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  const std::string& pick(const std::vector<std::string>& from) { return from[below(from.size())]; }
  std::string constant(std::size_t table, const std::string& column);
  std::string literal(const std::string& type);
  std::string parameter(const std::string& type);
  std::string column(const Items& items, std::size_t& table, std::string& name);
  std::string atom(const Items& items, int depth);
  std::string condition(const Items& items, int depth);
  std::string from(Items& items, int depth);
  std::string select(int depth);
  std::string insert();
  std::string update();
  std::string remove();
  std::string plain_write();

  std::mt19937_64 random_;
  std::vector<Given> parameters_;
  std::vector<std::size_t> read_tables_;
  int aliases_ = 0;
};

}  // namespace pgweir::pins
