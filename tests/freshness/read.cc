#include "read.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace pgweir::freshness {
namespace {

std::optional<Version> number(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  Version value = -1;
  std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

Read::Read(Model& model, std::size_t kind, Random& random)
    : model_(model),
      kind_(kind),
      shape_(model.kinds()[kind]->shapes[choose_few(random, model.kinds()[kind]->shapes.size())]) {
  const auto cells = static_cast<std::size_t>(model.kinds()[kind]->cells);
  const int id = static_cast<int>(choose_few(random, cells)) + 1;
  ask(id, static_cast<int>(choose_few(random, cells)) + 1);
}

Read::Read(Model& model, std::size_t kind, const Shape& shape, int id)
    : model_(model), kind_(kind), shape_(shape) {
  ask(id, id);
}

void Read::ask(int id, int other) {
  if (shape_.asks == Asks::kRange && other < id) std::swap(id, other);
  statement_.text = shape_.text;
  statement_.values = {{"id", id}, {"other", other}};
  std::vector<int> ids = {id};
  if (shape_.asks == Asks::kTwo && other != id) ids.push_back(other);
  const int first = shape_.asks == Asks::kAll ? 1 : id;
  const int last = shape_.asks == Asks::kAll ? model_.kinds()[kind_]->cells : other;
  if (shape_.asks == Asks::kAll || shape_.asks == Asks::kRange) {
    ids.clear();
    for (int each = first; each <= last; ++each) ids.push_back(each);
  }
  for (const int each : ids) asked_.push_back({&model_.cell(kind_, each), each, {}});
}

void Read::begin(Nanos now, const Snapshot* snapshot) {
  for (Asked& asked : asked_)
    asked.floor = snapshot != nullptr ? snapshot->floors.at(asked.cell) : asked.cell->floor(now);
}

std::vector<std::string> Read::judge(const Reply& reply, const Event& event, Snapshot* snapshot) {
  if (shape_.form == Form::kRows || shape_.form == Form::kSome) return judge_rows(reply, event, snapshot);
  if (shape_.form == Form::kSum) {
    if (auto complaint = judge_sum(reply)) return {*complaint};
    return {};
  }
  const bool good = reply.rows.size() == 1 && reply.rows[0][0] == "0";
  if (good) return {};
  return {fmt::format("TORN: {} places of {} disagree", show(reply.rows), model_.kinds()[kind_]->name)};
}

std::map<int, Read::Versions> Read::read_rows(const std::vector<Row>& rows) {
  std::map<int, Versions> found;
  for (const Row& row : rows) {
    const int id = static_cast<int>(number(row[0]).value_or(-1));
    const auto [place, is_new] = found.try_emplace(id, Versions{number(row[1])});
    Versions& versions = place->second;
    for (std::size_t i = 1; i < row.size(); ++i)
      if (number(row[i]) != versions.version) versions.agree = false;
  }
  return found;
}

std::vector<std::string> Read::judge_rows(const Reply& reply, const Event& event, Snapshot* snapshot) {
  std::vector<std::string> complaints;
  std::map<int, Versions> found = read_rows(reply.rows);
  for (const Asked& asked : asked_) {
    const auto row = found.find(asked.id);
    if (row == found.end() && shape_.form == Form::kSome) continue;
    const Versions versions = row == found.end() ? Versions{} : row->second;
    if (row != found.end()) found.erase(row);
    if (!versions.agree)
      complaints.push_back(fmt::format("TORN: {} shows several versions", asked.cell->name()));
    if (auto complaint = asked.cell->judge(asked.floor, versions.version, event))
      complaints.push_back(std::move(*complaint));
    if (snapshot == nullptr) continue;
    const auto before = snapshot->shown.try_emplace(asked.cell, versions.version).first->second;
    if (before != versions.version)
      complaints.push_back(
          fmt::format("SNAPSHOT: {} showed another version earlier in this transaction", asked.cell->name()));
  }
  for (const auto& [id, versions] : found)
    complaints.push_back(fmt::format("INVENTED: a row of id {} that was not asked for", id));
  return complaints;
}

std::optional<std::string> Read::judge_sum(const Reply& reply) const {
  Version least = 0, most = 0;
  std::string why;
  for (const Asked& asked : asked_) {
    why += fmt::format("\n    {}: version {} {}", asked.cell->name(), asked.floor.version,
                       describe(asked.floor.why));
    least += asked.floor.version;
    most += asked.cell->newest_sent();
  }
  const auto sum = reply.rows.size() == 1 ? number(reply.rows[0][0]) : std::nullopt;
  if (sum && *sum >= least && *sum <= most) return std::nullopt;
  return fmt::format("{}: the sum of {} must be from {} to {}{}", sum && *sum < least ? "STALE" : "INVENTED",
                     model_.kinds()[kind_]->name, least, most, why);
}

std::optional<Version> Read::version_in(const Reply& reply) {
  const auto found = read_rows(reply.rows);
  return found.empty() ? std::nullopt : found.begin()->second.version;
}

bool Read::shows(const Reply& reply, std::optional<Version> version, bool or_later) {
  const auto found = read_rows(reply.rows);
  if (!found.empty() && !found.begin()->second.agree) return false;
  const auto shown = version_in(reply);
  if (!version || !shown) return version.has_value() == shown.has_value();
  return or_later ? *shown >= *version : *shown == *version;
}

}  // namespace pgweir::freshness
