// What became of a statement, and why: the labels of pgweir_cache_lookups_total.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cache/outcome.h"
#include "query/statement.h"

namespace pgweir::proxy {

enum class Outcome : std::uint8_t { kHit, kStale, kMiss, kBypass, kRefused };
inline constexpr std::size_t kOutcomes = 5;
std::string_view outcome_name(Outcome outcome);

// Why a statement that could be cached in itself was not looked up, here and now.
enum class SessionReason : std::uint8_t {
  kInTransaction,          // the transaction has written, or is not a plain READ COMMITTED one
  kFailedTransaction,      // answers 25P02 until it is rolled back
  kSettingsUnknown,        // the session's settings could not be read
  kCatalogUnknown,         // the catalog snapshot is being loaded, or could not be
  kPipeline,               // several statements before one Sync share a transaction
  kRowLimit,               // Execute with a row limit
  kPortal,                 // a named portal, or messages in an unusual order
  kUnknownStatement,       // a prepared statement that pgweir has not seen
  kStatementOutdated,      // prepared before DDL or a change of settings: PostgreSQL may refuse its old plan
  kPreparedInTransaction,  // a named statement is prepared within a transaction, which must then have it
  kTimeParameter,          // a parameter that holds 'now' or its kin
  kWaitTimeout,            // another session's fill took too long
  kFunctionCall,           // the protocol's function call
  kStreamBehind,           // the change stream is lost, or lags by more than sync.max_lag
  kNotFollowed,            // reads a table whose changes the change stream does not tell
  kStandby,                // on a standby, beside sessions on a primary
  kQueueFull,              // the guard has no place for one more that waits
  kQueueWait,              // it waited for PostgreSQL as long as the guard lets it
  kPassWhyFirst,           // from here on cache::PassWhy
};

// One of query::Reason, SessionReason, cache::PassWhy or cache::MissWhy, as a small number.
class Why {
 public:
  static constexpr std::size_t kCount = static_cast<std::size_t>(query::kReasonCount) +
                                        static_cast<std::size_t>(SessionReason::kPassWhyFirst) +
                                        cache::kPassWhys + cache::kMissWhys;

  constexpr Why() = default;
  constexpr Why(query::Reason reason) : index_(static_cast<std::uint8_t>(reason)) {}  // NOLINT: one of
  constexpr Why(SessionReason reason)                                                 // NOLINT: one of
      : index_(static_cast<std::uint8_t>(query::kReasonCount + static_cast<int>(reason))) {}
  constexpr Why(cache::PassWhy why)  // NOLINT: one of
      : index_(static_cast<std::uint8_t>(Why(SessionReason::kPassWhyFirst).index_ + static_cast<int>(why))) {}
  constexpr Why(cache::MissWhy why)  // NOLINT: one of
      : index_(static_cast<std::uint8_t>(Why(SessionReason::kPassWhyFirst).index_ + cache::kPassWhys +
                                         static_cast<std::size_t>(why))) {}

  constexpr std::size_t index() const { return index_; }
  static constexpr Why at(std::size_t index) {
    Why why;
    why.index_ = static_cast<std::uint8_t>(index);
    return why;
  }
  std::string_view name() const;

 private:
  std::uint8_t index_ = 0;
};

}  // namespace pgweir::proxy
