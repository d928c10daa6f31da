#include "warm/ranking.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

namespace pgweir::warm {
namespace {

// Of the map, for each statement.
constexpr std::size_t kNodeBytes = 64;

}  // namespace

void Ranking::start_with(List list) {
  for (Statement& statement : list.statements) add(std::move(statement), list.sessions);
  trim();
}

void Ranking::add(Samples::Batch batch) {
  for (Statement& statement : batch.statements) add(std::move(statement), batch.sessions);
  if (bytes_ > limits_.bytes_max || statements_.size() > trim_at_) trim();
}

void Ranking::add(Statement statement, const std::vector<SessionState>& sessions) {
  if (const auto known = statements_.find(statement.key); known != statements_.end()) {
    known->second.saved_ns += statement.saved_ns;
    return;
  }
  const auto index = session(sessions[statement.session]);
  if (!index) return;
  statement.session = *index;
  bytes_ += statement.bytes() + kNodeBytes;
  const base::Hash128 key = statement.key;
  statements_.emplace(key, std::move(statement));
}

std::optional<std::size_t> Ranking::session(const SessionState& state) {
  const auto known = std::ranges::find(sessions_, state);
  if (known != sessions_.end()) return static_cast<std::size_t>(known - sessions_.begin());
  if (sessions_.size() >= kSessionsMax) return std::nullopt;
  bytes_ += state.bytes();
  sessions_.push_back(state);
  return sessions_.size() - 1;
}

void Ranking::age(base::Nanos by) {
  const double share = std::exp2(-static_cast<double>(by) / static_cast<double>(limits_.half_life));
  for (auto& [key, statement] : statements_) statement.saved_ns *= share;
  std::erase_if(statements_, [this](const auto& one) { return one.second.saved_ns < limits_.forgotten_ns; });
  trim();
}

std::vector<const Statement*> Ranking::best() const {
  std::vector<const Statement*> ranked;
  ranked.reserve(statements_.size());
  for (const auto& [key, statement] : statements_) ranked.push_back(&statement);
  std::ranges::sort(ranked, [](const Statement* a, const Statement* b) {
    return std::pair(-a->saved_ns, a->key.lo) < std::pair(-b->saved_ns, b->key.lo);
  });
  std::map<std::string_view, std::size_t> count;
  // A trimmed one has room for what comes next.
  std::size_t bytes = 0;
  const std::size_t bytes_max = limits_.bytes_max / 4 * 3;
  std::erase_if(ranked, [&](const Statement* statement) {
    bytes += statement->bytes() + kNodeBytes;
    return bytes > bytes_max || ++count[sessions_[statement->session].database] > limits_.statements_max;
  });
  return ranked;
}

List Ranking::list() const {
  List list;
  std::map<std::size_t, std::size_t> indexes;
  for (const Statement* const statement : best()) {
    const auto [index, is_new] = indexes.emplace(statement->session, list.sessions.size());
    if (is_new) list.sessions.push_back(sessions_[statement->session]);
    list.statements.push_back(*statement);
    list.statements.back().session = index->second;
  }
  return list;
}

void Ranking::trim() {
  List kept = list();
  sessions_.clear();
  statements_.clear();
  bytes_ = 0;
  for (Statement& statement : kept.statements) add(std::move(statement), kept.sessions);
  trim_at_ = statements_.size() + limits_.statements_max;
}

}  // namespace pgweir::warm
