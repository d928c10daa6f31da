// What pgweir asks on a session's own backend, unseen by the client, and what it makes of the
// answers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "proxy/catalog_keeper.h"
#include "proxy/exchange.h"
#include "query/session_settings.h"

namespace pgweir::proxy {

// For what needs no answer.
class IgnoredReply final : public InjectedReply {
 public:
  void on_message(char, std::string_view) override {}
  void on_ready(char) override {}
};

// query::settings_probe_sql() as a simple query.
class SettingsProbe final : public InjectedReply {
 public:
  using Done = std::function<void(base::Result<query::SessionSettings>)>;
  explicit SettingsProbe(Done done) : done_(std::move(done)) {}
  void on_message(char type, std::string_view body) override;
  void on_ready(char transaction_status) override;

 private:
  Done done_;
  base::Result<query::SessionSettings> result_ =
      base::fail(base::ErrorCode::kUnavailable, "the settings probe gave no row");
};

// Whether the system catalogs are as they were when a snapshot was made: much cheaper than another
// snapshot, and the usual case after code that might have held DDL and did not.
class FingerprintCheck final : public InjectedReply {
 public:
  using Done = std::function<void(bool same)>;
  FingerprintCheck(std::shared_ptr<DatabaseCatalog> database, DatabaseCatalog::LoadTicket ticket,
                   std::string expected, const base::Clock& clock, Done done);
  ~FingerprintCheck() override;
  // Ends in one SELECT of one text. Every change of a row of a system catalog that snapshots are made from
  // gives the row another xmin.
  static std::string_view sql();

  void on_message(char type, std::string_view body) override;
  void not_sent() override;
  void on_ready(char transaction_status) override;

 private:
  std::shared_ptr<DatabaseCatalog> database_;
  DatabaseCatalog::LoadTicket ticket_;
  std::string expected_;
  const base::Clock& clock_;
  Done done_;
  std::string found_;
  bool ended_ = false;
};

// All of query::catalog_queries() in one transaction, as one simple query.
class CatalogLoad final : public InjectedReply {
 public:
  // needs_rollback: the transaction is still open, in failure.
  using Done = std::function<void(bool needs_rollback)>;
  CatalogLoad(std::shared_ptr<DatabaseCatalog> database, DatabaseCatalog::LoadTicket ticket,
              const base::Clock& clock, Done done);
  ~CatalogLoad() override;
  static const std::string& sql();

  void on_message(char type, std::string_view body) override;
  void not_sent() override;
  void on_ready(char transaction_status) override;
  bool sets(std::string_view setting) const override {
    return setting == "search_path" || setting == "client_encoding";
  }

 private:
  std::shared_ptr<DatabaseCatalog> database_;
  DatabaseCatalog::LoadTicket ticket_;
  const base::Clock& clock_;
  Done done_;
  std::string fingerprint_;
  std::uint64_t next_xid_ = 0;
  query::CatalogBuilder builder_;
  std::size_t completed_ = 0;  // statements of sql() that have ended
  bool failed_ = false;
  bool ended_ = false;
};

// Which prepared statements the backend really has: code that ran there may have changed them.
class StatementsCheck final : public InjectedReply {
 public:
  using Statements = std::unordered_map<std::string, std::string>;  // name -> text
  using Done = std::function<void(base::Result<Statements>)>;
  explicit StatementsCheck(Done done) : done_(std::move(done)) {}
  static std::string_view sql();

  void on_message(char type, std::string_view body) override;
  void on_ready(char transaction_status) override;

 private:
  Done done_;
  base::Result<Statements> result_ = Statements{};
};

}  // namespace pgweir::proxy
