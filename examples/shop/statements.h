// The service's SQL. Reads depend on nothing but the tables and their parameters.
#pragma once

#include <array>

namespace shop {

struct Statement {
  const char* name;
  const char* sql;
};

extern const std::array<Statement, 13> kStatements;

}  // namespace shop
