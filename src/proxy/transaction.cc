#include "proxy/transaction.h"

#include <algorithm>

namespace pgweir::proxy {
namespace {

bool has_none(const query::Effects& effects) {
  return !effects.writes_everything && effects.writes.empty() && !effects.changes_settings &&
         !effects.changes_catalog;
}

}  // namespace

bool Transaction::sent(const Sending& statement, DatabaseCatalog& database) {
  using Control = query::TransactionControl;
  const query::Verdict& verdict = statement.verdict;
  switch (verdict.transaction) {
    case Control::kBegin:
    case Control::kSavepoint:
      if (has_none(verdict.effects)) return false;  // else several statements in one query
      break;
    case Control::kNone:
      if (!statement.in_doubt && (verdict.harmless || (verdict.fetches_cursor && only_read_))) return false;
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
  write(statement, database);
  return true;
}

void Transaction::write(const Sending& statement, DatabaseCatalog& database) {
  const query::Effects& effects = statement.verdict.effects;
  if (effects.writes.empty() && !effects.writes_everything) return;
  // A catalog that has gone since the verdict cannot tell rows by their names, nor what it said by now.
  if (effects.writes_everything || statement.catalog == nullptr) everything_ = true;
  if (everything_) return;
  const query::Catalog& catalog = *statement.catalog;
  if (layout_ != catalog.version() && !relations_.empty()) name_all_rows(catalog, database);
  layout_ = catalog.version();
  query::write_names(statement.verdict, catalog, statement.execution, database.secret(), names_);
  for (const query::Oid relation : names_.relations)
    if (std::ranges::find(relations_, relation) == relations_.end()) relations_.push_back(relation);
  rows_.insert(rows_.end(), names_.rows.begin(), names_.rows.end());
  if (rows_.size() > kRowsMax) name_all_rows(catalog, database);
  everything_ = relations_.size() > kRelationsMax;
}

void Transaction::name_all_rows(const query::Catalog& catalog, DatabaseCatalog& database) {
  rows_.clear();
  for (const query::Oid oid : relations_)
    if (const query::Relation* const relation = catalog.relation(oid))
      query::append_any_names(*relation, database.secret(), rows_);
  layout_ = catalog.version();
}

Fence Transaction::fence(DatabaseCatalog& database) {
  cache::Generations& generations = database.generations();
  if (everything_) return Fence(cache::Hold(generations, std::vector{database.everything()}));
  if (relations_.empty()) return {};
  while (!database.layouts()->enter(layout_)) name_all_rows(*database.snapshot().catalog, database);
  std::vector<cache::Slot> slots;
  slots.reserve(relations_.size() + rows_.size());
  for (const query::Oid relation : relations_) slots.push_back(database.slot_of(relation));
  for (const std::uint64_t row : rows_) slots.push_back(database.slot_of_row(row));
  return {cache::Hold(generations, slots), database.layouts(), layout_};
}

void Transaction::ready(char status, bool idle) {
  status_ = status;
  if (status != 'I' || !idle) return;
  only_read_ = true;
  changed_catalog_ = false;
  everything_ = false;
  relations_.clear();
  rows_.clear();
}

}  // namespace pgweir::proxy
