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

  // What WARM and SHOW WARM do. begin: false if a warm-up is not over. status: none if there is none. Called
  // as above.
  void set_warm(std::function<bool()> begin, std::function<std::optional<Status::Warm>()> status) {
    begin_warm_ = std::move(begin);
    warm_ = std::move(status);
  }
  // What ON and OFF do. Called as above.
  void set_switch(std::function<void(bool off)> switch_off) { switch_off_ = std::move(switch_off); }
  // Likewise of SHOW GUARD.
  void set_guard(std::function<Status::Guard()> guard) { guard_ = std::move(guard); }

  std::string version() const override { return version_; }
  std::expected<proxy::ConsoleTable, wire::Complaint> run(std::string_view command) override;

 private:
  using Answer = std::expected<proxy::ConsoleTable, wire::Complaint>;

  proxy::ConsoleTable show_sync() const;
  proxy::ConsoleTable show_guard() const;
  Answer show_warm() const;
  Answer warm() const;

  const std::string version_;
  std::function<std::vector<Status::Database>()> databases_;
  std::function<bool()> begin_warm_;
  std::function<std::optional<Status::Warm>()> warm_;
  std::function<Status::Guard()> guard_;
  std::function<void(bool)> switch_off_;
};

}  // namespace pgweir::admin
