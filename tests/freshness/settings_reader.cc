#include "settings_reader.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "evidence.h"

namespace pgweir::freshness {
namespace {

struct Setting {
  const char* name;
  std::vector<const char*> values;  // the first is the server's own
  bool says_what_names_mean = false;
  bool is_reported = false;  // when it changes
};

const std::vector<Setting>& settings() {
  static const std::vector<Setting> kSettings = {
      {"DateStyle", {"ISO, MDY", "ISO, DMY", "German, DMY", "SQL, DMY", "Postgres, MDY"}, false, true},
      {"TimeZone", {"UTC", "America/New_York", "Asia/Kolkata"}, false, true},
      {"extra_float_digits", {"1", "0", "-5"}},
      {"bytea_output", {"hex", "escape"}},
      {"IntervalStyle", {"postgres", "iso_8601", "sql_standard"}, false, true},
      {"transform_null_equals", {"off", "on"}},
      {"search_path", {"north, public", "south, public"}, true},
      {"role", {"postgres", "clerk", "guest"}, true},
  };
  return kSettings;
}

constexpr const char* kOwnNames = "search path or role of a transaction";
constexpr const char* kOwnSettings = "other settings of a transaction";

constexpr auto kQuestions = std::to_array<const char*>({
    "SELECT at, day FROM stamp WHERE id = 1",
    "SELECT at FROM stamp ORDER BY id",
    "SELECT ratio FROM stamp WHERE id = 1",
    "SELECT raw, span FROM stamp WHERE id = 1",
    "SELECT id FROM stamp WHERE day = '02/03/2024'",
    "SELECT count(*) FROM stamp WHERE nothing = NULL",
    "SELECT label FROM placed WHERE id = 1",
    "SELECT secret FROM vault WHERE id = 1",
    "SELECT s.at, s.ratio, p.label FROM stamp s JOIN placed p ON p.id = s.id",
});

const char* choose_value(const Setting& setting, Random& random) {
  return setting.values[choose_few(random, setting.values.size())];
}

std::string text_of(const Reply& reply) { return reply.done() ? show(reply.rows) : "ERROR " + reply.code; }

std::string describe(const std::map<std::string, std::string>& values) {
  std::string text;
  for (const auto& [name, value] : values) text += (text.empty() ? "" : "; ") + name + "=" + value;
  return text;
}

}  // namespace

SettingsReader::SettingsReader(Run& run, int number)
    : run_(run),
      number_(number),
      random_(run.seed * 1000 + static_cast<std::uint64_t>(number)),
      connection_(""),
      direct_(run.direct_options) {
  connection_.close();
  run.progress.ways.expect(kOwnNames);
  run.progress.ways.expect(kOwnSettings);
}

void SettingsReader::run() {
  while (!run_.progress.is_over()) {
    if (!connection_.is_idle() || !is_certain_ || chance(random_, 300)) connect();
    if (!is_certain_) continue;
    for (std::uint64_t asks = random_() % 8; asks != 0 && is_certain_; --asks) ask();
    if (chance(random_, 4)) {
      change_in_transaction();
    } else {
      change();
    }
    // Else nothing here would ever be filled again.
    if (chance(random_, 200)) touch();
  }
}

void SettingsReader::touch() {
  is_certain_ = connection_.run("RESET role").done() &&
                connection_.run("UPDATE stamp SET touched = touched + 1").done();
  now_["role"] = started_with_["role"];
}

// Some settings come with the startup packet.
void SettingsReader::connect() {
  run_.sessions.remove(number_);
  started_with_.clear();
  std::string options;
  for (const Setting& setting : settings()) {
    const std::string name = setting.name;
    const bool from_start = name != "role" && chance(random_, 3);
    const std::string value = from_start ? choose_value(setting, random_) : setting.values[0];
    started_with_[name] = value;
    if (name == "role") continue;
    options += " -c " + name + "=";
    for (const char c : value) options += c == ' ' ? std::string("\\\\ ") : std::string(1, c);
  }
  connection_ = Connection(run_.options + " options='" + options + "'");
  now_ = started_with_;
  is_certain_ = connection_.is_open();
  if (is_certain_) run_.sessions.put(number_, connection_);
}

// In one of the ways there are. Afterwards it is known what holds, unless it failed.
bool SettingsReader::set(const std::string& name, const std::string& value) {
  const bool takes_lists = name == "search_path" || name == "DateStyle";
  const std::string quoted = takes_lists ? value : "'" + value + "'";
  std::string text = fmt::format("SET {} TO {}", name, quoted);
  if (run_.progress.is_storm() && chance(random_, 8)) {
    text = fmt::format("DO $$BEGIN PERFORM set_config('{}', '{}', false); END$$", name, value);
  } else if (chance(random_, 4)) {
    text = fmt::format("WITH s AS (SELECT set_config('{}', '{}', false) AS x) SELECT x FROM s", name, value);
  } else if (chance(random_, 3)) {
    text = fmt::format("SELECT set_config('{}', '{}', false)", name, value);
  }
  return connection_.run({text, {}, {}}, choose_protocol(random_)).done();
}

void SettingsReader::change() {
  const Setting& setting = settings()[random_() % settings().size()];
  const std::string name = setting.name;
  const std::string value = choose_value(setting, random_);
  switch (random_() % 10) {
    case 0:
      is_certain_ = connection_.run("RESET " + name).done();
      now_[name] = started_with_[name];
      return;
    case 1: {  // all but the role
      is_certain_ = connection_.run("RESET ALL").done();
      const std::string role = now_["role"];
      now_ = started_with_;
      now_["role"] = role;
      return;
    }
    default:
      is_certain_ = set(name, value);
      now_[name] = value;
      return;
  }
}

void SettingsReader::change_in_transaction() {
  const Setting& setting = settings()[random_() % settings().size()];
  const std::string name = setting.name;
  const std::string value = choose_value(setting, random_);
  const Values before = now_;
  const bool to_savepoint = chance(random_, 2);
  // pgweir does not know what names mean then, and a SELECT may do anything: of a report that comes with
  // ROLLBACK it does not know why.
  const bool loses_names = setting.says_what_names_mean || (to_savepoint && setting.is_reported);
  if (loses_names && !run_.progress.is_storm() && !run_.names.take(run_.progress.reads())) return change();
  run_.progress.ways.add(setting.says_what_names_mean ? kOwnNames : kOwnSettings);
  is_certain_ = connection_.run("BEGIN").done();
  if (to_savepoint) is_certain_ = is_certain_ && connection_.run("SAVEPOINT a").done();
  const bool is_local = chance(random_, 2);
  if (is_local) {
    const std::string text = fmt::format("SELECT set_config('{}', '{}', true)", name, value);
    is_certain_ = is_certain_ && connection_.run(text).done();
  } else {
    is_certain_ = is_certain_ && set(name, value);
  }
  now_[name] = value;
  if (is_certain_) ask();
  if (to_savepoint && connection_.is_open()) {
    is_certain_ = connection_.run("ROLLBACK TO a").done() && is_certain_;
    now_ = before;
    if (is_certain_) ask();
  }
  const bool commits = chance(random_, 2);
  const Reply end = connection_.run(commits ? "COMMIT" : "ROLLBACK");
  is_certain_ = is_certain_ && end.done() && (!commits || end.tag == "COMMIT");
  if (!commits || is_local) now_ = before;
}

std::string SettingsReader::expected(const char* question, const Values& values) {
  const std::string key = question + describe(values);
  const auto known = expected_.find(key);
  if (known != expected_.end()) return known->second;
  if (!direct_.is_open()) direct_ = Connection(run_.direct_options);
  direct_.run("RESET role");
  for (const auto& [name, value] : values)
    direct_.run(fmt::format("SELECT set_config('{}', '{}', false)", name, value));
  const std::string reply = text_of(direct_.run(question));
  direct_.run("RESET role");
  return expected_[key] = reply;
}

void SettingsReader::ask() {
  const char* const question = kQuestions[random_() % kQuestions.size()];
  const auto protocol = chance(random_, 2) ? Protocol::kSimple : Protocol::kParameters;
  const Nanos began = run_.progress.now();
  const Reply reply = connection_.run({question, {}, {}}, protocol);
  const bool is_refusal = reply.code == "42501";
  if (!reply.done() && !is_refusal) {
    is_certain_ = false;
    run_.progress.totals.reads_failed.fetch_add(1);
    if (!reply.lost() && !is_expected(reply.code))
      run_.progress.violation(fmt::format("ERROR: [{}] failed: {} {}", question, reply.code, reply.message));
    return;
  }
  const std::string shown = text_of(reply), wanted = expected(question, now_);
  if (shown != wanted)
    run_.progress.violation(
        fmt::format("SETTINGS: a reply of another session's settings\n    [{}] by session {} ({}), "
                    "sent at {:.6f} s, under {}: {}\n    PostgreSQL itself says: {}{}",
                    question, number_, name(protocol), static_cast<double>(began) / 1e9, describe(now_),
                    shown, wanted, evidence_at(run_, connection_.backend(), began)));
  if (is_refusal) {
    run_.progress.totals.refusals_checked.fetch_add(1);
    if (!connection_.is_idle()) is_certain_ = false;
  } else {
    run_.progress.read_checked();
  }
}

}  // namespace pgweir::freshness
