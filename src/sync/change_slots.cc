#include "sync/change_slots.h"

#include <utility>

namespace pgweir::sync {

void ChangeSlots::describe(const RelationDescription& relation) {
  std::vector<std::string>& columns = columns_[relation.oid];
  columns.clear();
  for (const ColumnDescription& column : relation.columns) columns.emplace_back(column.name);
}

void ChangeSlots::begin() {
  catalog_ = catalog_source_();
  changed_.clear();
}

bool ChangeSlots::add(const Change& change) {
  if (!columns_.contains(change.relation)) return false;
  changed_[change.relation].everywhere = true;
  return true;
}

void ChangeSlots::add_truncated(query::Oid relation) {
  Changed& changed = changed_[relation];
  changed.everywhere = true;
  changed.rows.clear();
}

void ChangeSlots::add_everywhere(query::Oid relation, std::vector<cache::Slot>& out) const {
  out.push_back(slots_.relation(relation));
}

std::vector<cache::Slot> ChangeSlots::take() {
  std::vector<cache::Slot> out;
  for (const auto& [relation, changed] : std::exchange(changed_, {})) {
    add_everywhere(relation, out);
    out.insert(out.end(), changed.rows.begin(), changed.rows.end());
  }
  return out;
}

std::uint64_t ChangeSlots::current_layout() const {
  const auto catalog = catalog_source_();
  return catalog ? catalog->version() : 0;
}

}  // namespace pgweir::sync
