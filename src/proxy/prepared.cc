#include "proxy/prepared.h"

#include <utility>

namespace pgweir::proxy {
namespace {

std::uint64_t bytes_of(const PreparedStatements::Pending& pending) {
  constexpr std::uint64_t kNode = 64;  // of the map, and what malloc() adds
  const PreparedStatement& statement = pending.statement;
  return sizeof(pending) + kNode + pending.name.capacity() + statement.sql.capacity() +
         statement.parameter_types.capacity() * sizeof(wire::Oid);
}

}  // namespace

PreparedStatement* PreparedStatements::find(std::string_view name) {
  if (in_doubt_) return nullptr;
  if (last_found_ == nullptr || last_found_->first != name) {
    const auto i = statements_.find(name);
    if (i == statements_.end()) return nullptr;
    last_found_ = &*i;
  }
  return &last_found_->second;
}

void PreparedStatements::put(Pending pending) {
  erase(pending.name);
  if (pending.statement.deferred) ++deferred_;
  if (pending.name.empty()) unnamed_is_stale_ = unnamed_is_untracked_ = false;
  pending.statement.held = base::Held(bytes_, bytes_of(pending));
  statements_.insert_or_assign(std::move(pending.name), std::move(pending.statement));
}

void PreparedStatements::erase(std::string_view name) {
  if (statements_.empty()) return;  // as with most sessions: every simple Query comes here
  const auto i = statements_.find(name);
  if (i == statements_.end()) return;
  if (i->second.deferred) --deferred_;
  last_found_ = nullptr;
  statements_.erase(i);
}

void PreparedStatements::restamp(std::string_view name, std::uint64_t stamp) {
  if (const auto i = statements_.find(name); i != statements_.end()) i->second.stamp = stamp;
}

void PreparedStatements::used(std::string_view name, std::uint64_t round) {
  // In doubt too, when find() knows nothing.
  PreparedStatement* statement = nullptr;
  if (last_found_ != nullptr && last_found_->first == name) {
    statement = &last_found_->second;
  } else if (const auto i = statements_.find(name); i != statements_.end()) {
    statement = &i->second;
  }
  if (statement != nullptr && statement->round != round) statement->round = 0;
}

void PreparedStatements::unnamed_destroyed() {
  erase("");
  unnamed_is_stale_ = true;
}

void PreparedStatements::unnamed_lost() {
  unnamed_is_stale_ = false;
  const auto i = statements_.find("");
  if (i == statements_.end() || i->second.deferred) return;
  i->second.deferred = true;
  ++deferred_;
}

void PreparedStatements::confirm(const std::unordered_map<std::string, std::string>& texts) {
  last_found_ = nullptr;
  std::erase_if(statements_, [&](const auto& item) {
    if (item.first.empty()) return false;  // code cannot reach the unnamed statement
    const auto i = texts.find(item.first);
    return i == texts.end() || i->second != item.second.sql;
  });
  in_doubt_ = false;
}

std::size_t PreparedStatements::append_sync(base::Buffer& out, bool with_unnamed) {
  std::size_t groups = 0;
  if (unnamed_is_stale_) {
    wire::append_close_statement(out, "");
    out.append(wire::kSync);
    ++groups;
  }
  unnamed_is_stale_ = false;
  for (auto& [name, statement] : statements_) {
    if (!statement.deferred || (name.empty() && !with_unnamed)) continue;
    wire::append_parse(out, name, statement.sql, statement.parameter_types);
    out.append(wire::kSync);  // each its own, or one failure would skip the rest
    statement.deferred = false;
    --deferred_;
    ++groups;
  }
  return groups;
}

}  // namespace pgweir::proxy
