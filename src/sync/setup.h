// `pgweir setup`: what pgweir keeps in a database that it follows (two publications, event triggers, the
// functions behind them, a login), as SQL to print, to run and to take back. setup_objects.sql says what it
// does there and why. One database at a time; blocking; any thread.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgweir::sync {

// For psql, as a superuser. An empty role: no login is made or given rights.
base::Result<std::string> setup_script(std::string_view role);
base::Result<std::string> undo_script(std::string_view role);

struct SetupOutcome {
  std::vector<std::string> done;      // one line each; empty: it was all there, nothing was changed
  std::vector<std::string> warnings;  // what the user should know or do now
};

// Makes or mends all of it, in one transaction and, for the tables, in short ones after it. The connection
// is idle and in no transaction; libpq's notice receiver of it is replaced. kInvalid: refused, nothing has
// changed (the message names the fix); kUnavailable: the connection broke or PostgreSQL refused, what the
// message names.
base::Result<SetupOutcome> apply_setup(PGconn* connection, std::string_view role);
base::Result<SetupOutcome> undo_setup(PGconn* connection, std::string_view role);

// The comment on schema pgweir, by which one version of this SQL knows itself from another.
std::string setup_stamp();

// The text with each `@name@` of it replaced.
std::string fill_in(std::string_view text, std::string_view name, std::string_view value);
// As a constant in SQL; empty gives NULL. REQUIRES: standard_conforming_strings is on.
std::string sql_constant(std::string_view value);

}  // namespace pgweir::sync
