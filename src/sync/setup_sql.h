// The .sql files of this folder, embedded by the build.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string_view>

namespace pgweir::sync {

extern const std::string_view kSetupObjects;
extern const std::string_view kSetupTables;
extern const std::string_view kSetupRole;
extern const std::string_view kSetupUndo;
extern const std::string_view kSetupStatus;

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using SqlResult = std::unique_ptr<PGresult, ClearResult>;

}  // namespace pgweir::sync
