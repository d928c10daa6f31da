#include "proxy/transaction.h"

#include <algorithm>

namespace pgweir::proxy {
namespace {

bool has_none(const query::Effects& effects) {
  return !effects.writes_everything && effects.writes.empty() && !effects.changes_settings &&
         !effects.changes_catalog;
}

}  // namespace

bool Transaction::sent(const query::Verdict& verdict, DatabaseCatalog& database, bool in_doubt) {
  using Control = query::TransactionControl;
  switch (verdict.transaction) {
    case Control::kBegin:
    case Control::kSavepoint:
      if (has_none(verdict.effects)) return false;  // else several statements in one query
      break;
    case Control::kNone:
      if (!in_doubt && (verdict.harmless || (verdict.fetches_cursor && only_read_))) return false;
      break;
    case Control::kBeginWithOptions:  // from here on another snapshot than READ COMMITTED's, perhaps
    case Control::kCommit:            // makes visible what was written
    case Control::kRollback:
    case Control::kPrepare:
    case Control::kOther:
      break;
  }
  only_read_ = false;
  changed_catalog_ |= database.may_define(verdict.effects);
  write(verdict.effects, database);
  return true;
}

void Transaction::write(const query::Effects& effects, DatabaseCatalog& database) {
  if (everything_) return;
  if (!effects.writes_everything)
    for (const query::Oid relation : effects.writes) {
      const cache::Slot slot = database.slot_of(relation);
      if (std::find(slots_.begin(), slots_.end(), slot) == slots_.end()) slots_.push_back(slot);
    }
  everything_ = effects.writes_everything || slots_.size() > kSlotsMax;
  if (everything_) slots_ = {database.everything()};
}

void Transaction::ready(char status, bool idle) {
  status_ = status;
  if (status != 'I' || !idle) return;
  only_read_ = true;
  changed_catalog_ = false;
  everything_ = false;
  slots_.clear();
}

}  // namespace pgweir::proxy
