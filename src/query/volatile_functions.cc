#include "query/volatile_functions.h"

#include <algorithm>
#include <array>

namespace pgweir::query {
namespace {

// Sorted: searched by bisection.
constexpr auto kPure = std::to_array<std::string_view>({"clock_timestamp",
                                                        "current_query",
                                                        "currval",
                                                        "gen_random_uuid",
                                                        "lastval",
                                                        "pg_blocking_pids",
                                                        "pg_current_logfile",
                                                        "pg_current_wal_flush_lsn",
                                                        "pg_current_wal_insert_lsn",
                                                        "pg_current_wal_lsn",
                                                        "pg_database_size",
                                                        "pg_indexes_size",
                                                        "pg_is_in_recovery",
                                                        "pg_is_wal_replay_paused",
                                                        "pg_last_committed_xact",
                                                        "pg_last_wal_receive_lsn",
                                                        "pg_last_wal_replay_lsn",
                                                        "pg_last_xact_replay_timestamp",
                                                        "pg_relation_size",
                                                        "pg_table_size",
                                                        "pg_tablespace_size",
                                                        "pg_total_relation_size",
                                                        "pg_xact_commit_timestamp",
                                                        "random",
                                                        "random_normal",
                                                        "timeofday",
                                                        "txid_status",
                                                        "uuid_generate_v4",
                                                        "uuidv4",
                                                        "uuidv7"});

constexpr auto kState = std::to_array<std::string_view>({"nextval",
                                                         "pg_advisory_lock",
                                                         "pg_advisory_lock_shared",
                                                         "pg_advisory_unlock",
                                                         "pg_advisory_unlock_all",
                                                         "pg_advisory_unlock_shared",
                                                         "pg_advisory_xact_lock",
                                                         "pg_advisory_xact_lock_shared",
                                                         "pg_cancel_backend",
                                                         "pg_logical_emit_message",
                                                         "pg_notify",
                                                         "pg_sleep",
                                                         "pg_sleep_for",
                                                         "pg_sleep_until",
                                                         "pg_switch_wal",
                                                         "pg_terminate_backend",
                                                         "pg_try_advisory_lock",
                                                         "pg_try_advisory_lock_shared",
                                                         "pg_try_advisory_xact_lock",
                                                         "pg_try_advisory_xact_lock_shared",
                                                         "setseed",
                                                         "setval"});

static_assert(std::ranges::is_sorted(kPure) && std::ranges::is_sorted(kState));

}  // namespace

VolatileEffect volatile_effect(std::string_view function) {
  if (std::ranges::binary_search(kPure, function)) return VolatileEffect::kNone;
  if (std::ranges::binary_search(kState, function)) return VolatileEffect::kState;
  if (function == "set_config") return VolatileEffect::kSettings;
  return VolatileEffect::kAnything;
}

}  // namespace pgweir::query
