// What `pgweir explain` asks of a database: the same questions as a session of the proxy asks, over libpq.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "query/catalog.h"
#include "query/session_settings.h"
#include "sync/setup_status.h"

namespace pgweir::app {

struct ExplainSession {
  std::string database;
  query::SessionSettings settings;
  std::shared_ptr<const query::Catalog> catalog;
  sync::SetupStatus setup;
  bool follows = false;  // it is known by which login the change stream is followed
};

// follower: the login that follows the changes; empty: not known, and not judged. Blocking; changes nothing
// in the database. kUnavailable: PostgreSQL refuses a question, whose message says why.
base::Result<ExplainSession> read_explain_session(PGconn* connection, const std::string& follower);

}  // namespace pgweir::app
