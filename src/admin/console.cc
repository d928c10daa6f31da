#include "admin/console.h"

#include <fmt/format.h>

#include <cctype>

namespace pgweir::admin {
namespace {

// In capitals, with one blank between its words.
std::string normalised(std::string_view command) {
  std::string out;
  for (const char c : command) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) == 0) {
      out.push_back(static_cast<char>(std::toupper(byte)));
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  return out;
}

bool ends_or_begins_transaction(std::string_view command) {
  return command == "BEGIN" || command == "COMMIT" || command == "ROLLBACK";
}

proxy::ConsoleTable help() {
  return {{"command", "meaning"},
          {{"SHOW SYNC", "which promise of freshness holds for each database in use, and why"},
           {"SHOW WARM", "how the present or last warm-up fares"},
           {"WARM", "asks the recorded statements again, to fill the cache"},
           {"SHOW GUARD", "how many statements PostgreSQL may have at once, has, and how many wait"},
           {"OFF", "passes everything on to PostgreSQL, by the guard; what is cached stays"},
           {"ON", "answers from the cache again"},
           {"SHOW VERSION", "pgweir's version"},
           {"SHOW HELP", "these commands"}},
          "SHOW"};
}

}  // namespace

proxy::ConsoleTable Console::show_sync() const {
  proxy::ConsoleTable table{{"database", "promise", "why", "lag_seconds", "lag_bytes"}, {}, "SHOW"};
  for (const Status::Database& database : databases_()) {
    auto& row = table.rows.emplace_back();
    row.emplace_back(database.name);
    row.emplace_back(database.promise.value_or("none"));
    row.emplace_back(database.why);
    row.push_back(database.lag_seconds ? std::optional(fmt::format("{:.3f}", *database.lag_seconds))
                                       : std::nullopt);
    row.push_back(database.lag_bytes ? std::optional(std::to_string(*database.lag_bytes)) : std::nullopt);
  }
  return table;
}

namespace {

wire::Complaint no_warm_up() {
  return {.code = "55000", .message = "pgweir has no warm-up", .hint = "It needs the setting warm.user."};
}

}  // namespace

Console::Answer Console::show_warm() const {
  const auto status = warm_ ? warm_() : std::nullopt;
  if (!status) return std::unexpected(no_warm_up());
  proxy::ConsoleTable table{{"state", "statements", "done"}, {}, "SHOW"};
  auto& row = table.rows.emplace_back();
  row = {status->state, std::to_string(status->statements), std::to_string(status->done)};
  for (const auto& [outcome, n] : status->outcomes) {
    table.columns.push_back(outcome);
    row.emplace_back(std::to_string(n));
  }
  table.columns.insert(table.columns.end(), {"seconds", "recorded", "why"});
  row.emplace_back(fmt::format("{:.1f}", status->seconds));
  row.emplace_back(std::to_string(status->recorded));
  row.push_back(status->why.empty() ? std::nullopt : std::optional(status->why));
  return table;
}

Console::Answer Console::warm() const {
  if (!warm_ || !warm_()) return std::unexpected(no_warm_up());
  if (begin_warm_()) return proxy::ConsoleTable{{}, {}, "WARM"};
  return std::unexpected(wire::Complaint{
      .code = "55006", .message = "a warm-up is not over yet", .hint = "SHOW WARM tells how it fares."});
}

proxy::ConsoleTable Console::show_guard() const {
  const Status::Guard guard = guard_();
  proxy::ConsoleTable table{{"limit", "adapts", "slowdown", "active", "in_transaction", "overdue", "queued",
                             "admitted", "waited", "refused_queue_full", "refused_queue_wait"},
                            {},
                            "SHOW"};
  auto& row = table.rows.emplace_back();
  row.emplace_back(std::to_string(guard.limit));
  row.emplace_back(guard.adapts ? "yes" : "no");
  row.emplace_back(fmt::format("{:.2f}", guard.slowdown));
  for (const std::uint64_t n :
       {guard.active, guard.in_transaction, guard.overdue, guard.queued, guard.admitted_total,
        guard.waited_total, guard.refused_queue_full_total, guard.refused_queue_wait_total})
    row.emplace_back(std::to_string(n));
  return table;
}

std::expected<proxy::ConsoleTable, wire::Complaint> Console::run(std::string_view command) {
  const std::string known = normalised(command);
  if (known == "SHOW SYNC") return show_sync();
  if (known == "SHOW WARM") return show_warm();
  if (known == "WARM") return warm();
  if (known == "SHOW GUARD") return show_guard();
  if (known == "ON" || known == "OFF") {
    switch_off_(known == "OFF");
    return proxy::ConsoleTable{{}, {}, known};
  }
  if (known == "SHOW VERSION") return proxy::ConsoleTable{{"version"}, {{version_}}, "SHOW"};
  if (known == "SHOW HELP") return help();
  // Drivers send these by themselves.
  if (ends_or_begins_transaction(known)) return proxy::ConsoleTable{{}, {}, known};
  return std::unexpected(wire::Complaint{
      .code = "42601",
      .message = "pgweir's console does not know \"" + std::string(command.substr(0, 100)) + "\"",
      .hint = "SHOW HELP lists its commands. For a database of PostgreSQL, connect to that database."});
}

}  // namespace pgweir::admin
