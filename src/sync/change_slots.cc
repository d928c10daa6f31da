#include "sync/change_slots.h"

#include <algorithm>
#include <utility>

namespace pgweir::sync {

void ChangeSlots::describe(const RelationDescription& relation) {
  Described& described = described_[relation.oid] = {};
  for (const ColumnDescription& column : relation.columns) {
    described.columns.emplace_back(column.name);
    described.in_identity.push_back(column.in_identity);
  }
}

void ChangeSlots::begin() {
  catalog_ = catalog_source_();
  changed_.clear();
}

bool ChangeSlots::add(const Change& change) {
  const auto found = described_.find(change.relation);
  if (found == described_.end()) return false;
  Changed& changed = changed_[change.relation];
  if (changed.everywhere) return true;
  const query::Relation* const relation = catalog_ ? catalog_->relation(change.relation) : nullptr;
  if (relation == nullptr || changed.rows.size() >= kRowSlotsMax) {
    changed.everywhere = true;
    changed.rows.clear();
    return true;
  }
  Described& described = found->second;
  if (described.layout != catalog_->version()) find_columns(*relation, described);
  read_images(change, described);
  names_.clear();
  query::append_change_names(*relation, before_, after_, slots_.secret(), names_);
  for (const std::uint64_t name : names_) changed.rows.insert(slots_.named(name));
  return true;
}

void ChangeSlots::find_columns(const query::Relation& relation, Described& described) const {
  described.layout = catalog_->version();
  described.positions.clear();
  for (const query::Column& column : relation.columns) {
    const auto at = std::ranges::find(described.columns, column.name);
    described.positions.push_back(
        at == described.columns.end() ? kNowhere : static_cast<std::size_t>(at - described.columns.begin()));
  }
}

// Both images of the row, as append_change_names wants them.
void ChangeSlots::read_images(const Change& change, const Described& described) {
  using Kind = query::ColumnImage::Kind;
  const auto image = [](const Row& row, std::size_t at) -> query::ColumnImage {
    if (at >= row.size()) return {};
    if (row[at].kind == ColumnValue::Kind::kNull) return {Kind::kNull, {}};
    if (row[at].kind == ColumnValue::Kind::kText) return {Kind::kText, row[at].bytes};
    return {};
  };
  before_.clear();
  after_.clear();
  for (const std::size_t at : described.positions) {
    const bool in_identity = at != kNowhere && described.in_identity[at];
    query::ColumnImage old_image;
    if (change.old_row) {
      if (change.old_is_whole || in_identity) old_image = image(*change.old_row, at);
    } else if (in_identity) {
      old_image = image(change.row, at);
    }
    if (change.kind != Change::Kind::kInsert) before_.push_back(old_image);
    if (change.kind == Change::Kind::kDelete) continue;
    query::ColumnImage new_image = image(change.row, at);
    const bool unchanged = at < change.row.size() && change.row[at].kind == ColumnValue::Kind::kUnchanged;
    after_.push_back(unchanged ? old_image : new_image);
  }
}

void ChangeSlots::add_truncated(query::Oid relation) {
  Changed& changed = changed_[relation];
  changed.everywhere = true;
  changed.rows.clear();
}

void ChangeSlots::add_everywhere(query::Oid relation, std::vector<cache::Slot>& out) {
  const query::Relation* const known = catalog_ ? catalog_->relation(relation) : nullptr;
  if (known == nullptr) return;
  names_.clear();
  query::append_any_names(*known, slots_.secret(), names_);
  for (const std::uint64_t name : names_) out.push_back(slots_.named(name));
}

std::vector<cache::Slot> ChangeSlots::take() {
  std::vector<cache::Slot> out;
  for (const auto& [relation, changed] : std::exchange(changed_, {})) {
    out.push_back(slots_.relation(relation));
    if (changed.everywhere) add_everywhere(relation, out);
    // Nobody knows how replies are pinned to its rows.
    if (catalog_ == nullptr) out.push_back(slots_.stream());
    out.insert(out.end(), changed.rows.begin(), changed.rows.end());
  }
  return out;
}

std::uint64_t ChangeSlots::current_layout() const {
  const auto catalog = catalog_source_();
  return catalog ? catalog->version() : 0;
}

}  // namespace pgweir::sync
