// Rows into a table through COPY.
#pragma once

#include <cstddef>
#include <string>

#include "database.h"

namespace shop {

// Collects rows and sends them in large pieces. The database must outlive it and do nothing else meanwhile.
class CopyStream {
 public:
  static Result<CopyStream> open(Database& database, const std::string& table);

  // Where rows in COPY text format are appended.
  std::string& buffer() { return buffer_; }
  // Sends what has gathered, if it is enough to be worth it.
  Result<void> flush_if_large();
  // Sends the rest and ends the COPY.
  Result<void> finish();

 private:
  explicit CopyStream(Database& database) : database_(&database) {}
  Result<void> flush();

  Database* database_;
  std::string buffer_;
};

}  // namespace shop
