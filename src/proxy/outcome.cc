#include "proxy/outcome.h"

#include "base/check.h"

namespace pgweir::proxy {
namespace {

std::string_view session_reason_name(SessionReason reason) {
  switch (reason) {
    case SessionReason::kInTransaction:
      return "in_transaction";
    case SessionReason::kFailedTransaction:
      return "failed_transaction";
    case SessionReason::kSettingsUnknown:
      return "settings_unknown";
    case SessionReason::kCatalogUnknown:
      return "catalog_unknown";
    case SessionReason::kPipeline:
      return "pipeline";
    case SessionReason::kRowLimit:
      return "row_limit";
    case SessionReason::kPortal:
      return "portal";
    case SessionReason::kUnknownStatement:
      return "unknown_statement";
    case SessionReason::kStatementOutdated:
      return "statement_outdated";
    case SessionReason::kPreparedInTransaction:
      return "prepared_in_transaction";
    case SessionReason::kTimeParameter:
      return "time_parameter";
    case SessionReason::kWaitTimeout:
      return "wait_timeout";
    case SessionReason::kFunctionCall:
      return "function_call";
    case SessionReason::kStreamBehind:
      return "stream_behind";
    case SessionReason::kNotFollowed:
      return "not_followed";
    case SessionReason::kStandby:
      return "standby";
    case SessionReason::kQueueFull:
      return "queue_full";
    case SessionReason::kQueueWait:
      return "queue_wait";
    case SessionReason::kPassWhyFirst:
      break;
  }
  CHECK(false);
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kHit:
      return "hit";
    case Outcome::kStale:
      return "stale";
    case Outcome::kMiss:
      return "miss";
    case Outcome::kBypass:
      return "bypass";
    case Outcome::kRefused:
      return "refused";
  }
  CHECK(false);
}

std::string_view Why::name() const {
  std::size_t i = index_;
  if (i < static_cast<std::size_t>(query::kReasonCount))
    return query::reason_name(static_cast<query::Reason>(i));
  i -= static_cast<std::size_t>(query::kReasonCount);
  if (i < static_cast<std::size_t>(SessionReason::kPassWhyFirst))
    return session_reason_name(static_cast<SessionReason>(i));
  i -= static_cast<std::size_t>(SessionReason::kPassWhyFirst);
  if (i < cache::kPassWhys) return cache::name(static_cast<cache::PassWhy>(i));
  return cache::name(static_cast<cache::MissWhy>(i - cache::kPassWhys));
}

}  // namespace pgweir::proxy
