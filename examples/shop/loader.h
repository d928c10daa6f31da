// Fills an empty database with the shop's data.
#pragma once

#include <cstdint>
#include <string>

#include "catalogue.h"
#include "failure.h"

namespace shop {

struct LoadOptions {
  std::string database_url;
  std::uint64_t seed = 1;
  Sizes sizes;
  bool replace = false;   // drop the shop's tables first if they are there
  bool terminal = false;  // whether standard output is one
};

// Creates the tables, copies the rows in over two connections, adds keys and indexes, and vacuums.
// Shows progress on standard output. 409 if the tables are there and replace is false.
Result<void> load_shop(const LoadOptions& options);

}  // namespace shop
