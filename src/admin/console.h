// The commands of the database `pgweir`: what poolers' users type into psql.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/status.h"
#include "proxy/console.h"

namespace pgweir::admin {

class Console final : public proxy::Console {
 public:
  explicit Console(std::string version) : version_(std::move(version)) {}

  // Where SHOW SYNC looks. Called on any worker's thread; must not block.
  // REQUIRES: before the first run().
  void set_databases(std::function<std::vector<Status::Database>()> databases) {
    databases_ = std::move(databases);
  }

  std::string version() const override { return version_; }
  std::expected<proxy::ConsoleTable, wire::Complaint> run(std::string_view command) override;

 private:
  proxy::ConsoleTable show_sync() const;

  const std::string version_;
  std::function<std::vector<Status::Database>()> databases_;
};

}  // namespace pgweir::admin
