#include "writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace pgweir::freshness {
namespace {

constexpr std::uint64_t kReadsPerWriteInStorm = 35;

constexpr const char* kAlone = "a statement alone";
constexpr const char* kOneQuery = "one query";
constexpr const char* kOneQueryBlock = "one query from BEGIN to COMMIT";
constexpr const char* kTimedOut = "a block that times out";
constexpr const char* kSavepoint = "a block with a savepoint";
constexpr const char* kRolledBack = "a block that is rolled back";
constexpr const char* kPipeline = "a pipeline";
constexpr const char* kPipelineBlock = "a pipeline from BEGIN to COMMIT";
constexpr const char* kBlock = "a block";
constexpr const char* kTwoCells = "a transaction of two cells";
constexpr const char* kTwoPhase = "a transaction that another session ends";
constexpr auto kWays = std::to_array({kAlone, kOneQuery, kOneQueryBlock, kTimedOut, kSavepoint, kRolledBack,
                                      kPipeline, kPipelineBlock, kBlock, kTwoCells, kTwoPhase});

constexpr const char* kVanished = "a client that does not wait for the end of its write";
constexpr const char* kLeft = "a client that leaves before COMMIT";
constexpr const char* kFailed = "an error in a block";

bool uses_copy(const Intent& intent) {
  return std::ranges::any_of(intent.write->statements,
                             [](const char* text) { return std::string_view(text).starts_with("COPY"); });
}

std::string join(const std::vector<Statement>& statements) {
  std::string text;
  for (const Statement& statement : statements) text += statement.with_literals() + "; ";
  return text;
}

}  // namespace

void Prepared::put(Item item) {
  const std::lock_guard lock(mutex_);
  items_.push_back(std::move(item));
}

std::optional<Prepared::Item> Prepared::take(int session) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(items_, [&](const Item& item) { return item.session != session; });
  if (found == items_.end()) return std::nullopt;
  Item item = std::move(*found);
  items_.erase(found);
  return item;
}

Writer::Writer(Run& run, Writers& writers, int number, bool direct)
    : run_(run),
      writers_(writers),
      is_direct_(direct),
      random_(run.seed * 1000 + static_cast<std::uint64_t>(number)),
      session_(run, number, direct ? run.direct_options : run.options),
      direct_(run.direct_options) {
  for (const char* way : kWays) run.progress.ways.expect(way);
  for (const char* fault : {kVanished, kLeft, kFailed}) run.progress.faults.expect(fault);
  for (const Kind* kind : run.model.kinds())
    for (const Write& write : kind->writes) run.progress.writes.expect(name_of(*kind, write));
}

void Writer::run() {
  while (!run_.progress.is_over())
    if (session_.open()) once();
}

bool Writer::code_is_due() const {
  return run_.progress.is_storm() || run_.code.is_due(run_.progress.reads());
}

bool Writer::may_run_code() { return run_.progress.is_storm() || run_.code.take(run_.progress.reads()); }

void Writer::once() {
  if (!run_.progress.wait_for_reads(writers_.due.load())) return;
  if (auto item = writers_.prepared.take(session_.number())) {
    if (may_run_code()) return finish_prepared(std::move(*item));
    writers_.prepared.put(std::move(*item));
  }
  const Choice choice = choose();
  std::vector<Intent> intents;
  if (auto intent = begin(choice)) intents.push_back(std::move(*intent));
  if (intents.empty()) return;
  if (runs_code(intents[0]) && !may_run_code()) return withdraw(intents[0]);
  writers_.due.fetch_add(run_.progress.is_storm() ? kReadsPerWriteInStorm : run_.reads_per_write);
  backend_ = session_.connection().backend();
  const Outcome outcome = perform(intents);
  for (Intent& intent : intents) finish(intent, outcome);
  if (outcome != Outcome::kCommitted || is_direct_ || chance(random_, 2) || !session_.open()) return;
  Read read(run_.model, choice.kind, random_);
  session_.read(read, choose_protocol(random_), "after its own write");
}

// Most go where the reads are; some are what has been done least, so that a short run holds all there is.
Writer::Choice Writer::choose() {
  if (!is_direct_ && code_is_due() && chance(random_, 2)) return choose_rarest(true);
  if (!is_direct_ && chance(random_, 12)) return choose_rarest(false);
  return choose_of(run_.model.choose(random_, run_.progress.reads(), is_direct_));
}

Writer::Choice Writer::choose_of(std::size_t kind) {
  const auto& writes = run_.model.kinds()[kind]->writes;
  return {kind, &writes[random_() % writes.size()]};
}

// REQUIRES: not direct.
Writer::Choice Writer::choose_rarest(bool runs_code) const {
  const auto& kinds = run_.model.kinds();
  Choice rarest{0, kinds[0]->writes.data()};
  auto least = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    for (const Write& write : kinds[kind]->writes) {
      if (kinds[kind]->is_direct || (kinds[kind]->runs_code || write.runs_code) != runs_code) continue;
      const std::uint64_t times = run_.progress.writes.of(name_of(*kinds[kind], write));
      if (times >= least) continue;
      least = times;
      rarest = {kind, &write};
    }
  }
  return rarest;
}

std::optional<Intent> Writer::begin(const Choice& choice) {
  const Kind& chosen = *run_.model.kinds()[choice.kind];
  Intent intent;
  intent.kind = choice.kind;
  intent.write = choice.write;
  intent.id = static_cast<int>(choose_few(random_, static_cast<std::size_t>(chosen.cells))) + 1;
  intent.cell = &run_.model.cell(choice.kind, intent.id);
  if (chosen.is_exclusive && !intent.cell->try_lease()) return std::nullopt;
  if (intent.write->needs_row && !intent.cell->is_present()) {
    intent.cell->release_lease();
    return std::nullopt;
  }
  if (intent.write->commits_inside) intent.versions.push_back(intent.cell->begin_write(false));
  intent.versions.push_back(intent.cell->begin_write(intent.write->leaves_absent));
  return intent;
}

// Some transactions write two cells, and both come to the same end.
void Writer::add_another(std::vector<Intent>& intents) {
  const auto fits = [this](const Intent& intent) {
    return !intent.write->commits_inside && !intent.write->needs_block && !kind_of(intent).is_two_phase &&
           !runs_code(intent);
  };
  if (is_direct_ || !chance(random_, 3) || !fits(intents[0])) return;
  auto other = begin(choose_of(run_.model.choose(random_, run_.progress.reads(), false)));
  if (!other) return;
  if (fits(*other) && other->cell != intents[0].cell) {
    run_.progress.ways.add(kTwoCells);
    intents.push_back(std::move(*other));
  } else {
    withdraw(*other);
  }
}

Writer::Outcome Writer::perform(std::vector<Intent>& intents) {
  if (kind_of(intents[0]).is_two_phase) return prepared(intents[0]);
  if (intents[0].write->commits_inside) return alone(intents[0]);
  const bool needs_block = intents[0].write->needs_block;
  const unsigned way = random_() % 20;
  if (way < 7 && intents[0].write->statements.size() == 1) return alone(intents[0]);
  if (way < 3 && !needs_block) return in_one_query(intents, false);
  if (way == 3 && chance(random_, 3)) return timed_out(intents[0]);
  if (way == 4 || way == 5) return with_savepoint(intents[0]);
  add_another(intents);
  const bool copies = std::ranges::any_of(intents, uses_copy);
  if (way == 6) return rolled_back(intents);
  if (way == 7 && intents.size() == 1) return in_one_query(intents, true);
  if ((way == 8 || way == 9) && !copies) return in_pipeline(intents, true);
  if (way == 10 && !copies && !needs_block) return in_pipeline(intents, false);
  return in_block(intents);
}

std::vector<Statement> Writer::statements(const Intent& intent, Version version) const {
  std::vector<Statement> all;
  for (const char* text : intent.write->statements) {
    Statement& statement = all.emplace_back();
    statement.text = text;
    statement.values = {{"id", intent.id}, {"u", intent.versions.front()}, {"v", version}};
    // What takes no parameters has its values in the text, whatever the protocol.
    if (!takes_parameters(text)) statement.text = statement.with_literals();
    statement.copy_data = intent.write->copy_data;
  }
  return all;
}

Protocol Writer::protocol_for(const Statement& statement) {
  if (statement.text.starts_with("COPY")) return Protocol::kSimple;
  return choose_protocol(random_);
}

// Whatever fails, COMMIT tells what became of it all.
void Writer::run_statements(const Intent& intent, Version version) {
  for (const Statement& statement : statements(intent, version))
    session_.connection().run(statement, protocol_for(statement));
}

// A transaction sees its own writes.
void Writer::check_own(const Intent& intent) {
  Read read(run_.model, intent.kind, kind_of(intent).shapes[0], intent.id);
  const Reply reply = session_.connection().run(read.statement(), choose_protocol(random_));
  if (!reply.done()) return;
  const auto wanted = intent.write->leaves_absent ? std::nullopt : std::optional(intent.versions.back());
  if (Read::shows(reply, wanted, !kind_of(intent).is_exclusive)) return;
  run_.progress.violation(fmt::format(
      "OWN WRITE: session {} wrote version {} of {} ({}), and then in the same "
      "transaction read {}",
      session_.number(), intent.versions.back(), intent.cell->name(), intent.write->name, show(reply.rows)));
}

Writer::Outcome Writer::outcome_of(const Reply& commit) {
  if (commit.lost()) return Outcome::kUnknown;
  return commit.done() && commit.tag != "ROLLBACK" ? Outcome::kCommitted : Outcome::kRolledBack;
}

// Goes away without waiting for the reply.
Writer::Outcome Writer::vanish(const std::string& text) {
  run_.progress.faults.add(kVanished);
  session_.connection().run_and_vanish(text, chance(random_, 2));
  return Outcome::kUnknown;
}

Writer::Outcome Writer::commit() {
  if (chance(random_, 12)) return vanish("COMMIT");
  if (chance(random_, 24)) {
    run_.progress.faults.add(kLeft);
    session_.drop();
    return Outcome::kRolledBack;
  }
  return outcome_of(session_.connection().run(chance(random_, 2) ? "COMMIT" : "END"));
}

Writer::Outcome Writer::alone(const Intent& intent) {
  run_.progress.ways.add(kAlone);
  const Statement statement = statements(intent, intent.versions.back())[0];
  if (chance(random_, 16)) return vanish(statement.with_literals());
  const Outcome outcome = outcome_of(session_.connection().run(statement, protocol_for(statement)));
  const bool perhaps_half = outcome == Outcome::kRolledBack && intent.write->commits_inside;
  return perhaps_half ? Outcome::kUnknown : outcome;
}

Writer::Outcome Writer::in_block(const std::vector<Intent>& intents) {
  run_.progress.ways.add(kBlock);
  if (!session_.connection().run("BEGIN").done()) return Outcome::kRolledBack;
  for (const Intent& intent : intents) {
    run_statements(intent, intent.versions.back());
    if (chance(random_, 2)) check_own(intent);
  }
  if (chance(random_, 12)) {
    run_.progress.faults.add(kFailed);
    session_.connection().run("SELECT 1 / 0");
  }
  return commit();
}

Writer::Outcome Writer::rolled_back(const std::vector<Intent>& intents) {
  run_.progress.ways.add(kRolledBack);
  if (!session_.connection().run("BEGIN").done()) return Outcome::kRolledBack;
  for (const Intent& intent : intents) run_statements(intent, intent.versions.back());
  session_.connection().run("ROLLBACK");
  return Outcome::kRolledBack;
}

Writer::Outcome Writer::with_savepoint(Intent& intent) {
  run_.progress.ways.add(kSavepoint);
  if (!session_.connection().run("BEGIN").done()) return Outcome::kRolledBack;
  intent.undone = intent.cell->begin_write(intent.write->leaves_absent);
  session_.connection().run("SAVEPOINT a");
  run_statements(intent, *intent.undone);
  session_.connection().run("ROLLBACK TO a");
  run_statements(intent, intent.versions.back());
  if (chance(random_, 2)) session_.connection().run("RELEASE a");
  check_own(intent);
  return commit();
}

Writer::Outcome Writer::timed_out(const Intent& intent) {
  run_.progress.ways.add(kTimedOut);
  if (!session_.connection().run("BEGIN").done()) return Outcome::kRolledBack;
  run_statements(intent, intent.versions.back());
  session_.connection().run("SET LOCAL statement_timeout = 5");
  session_.connection().run("SELECT pg_sleep(60)");
  return outcome_of(session_.connection().run("COMMIT"));
}

Writer::Outcome Writer::in_one_query(const std::vector<Intent>& intents, bool explicitly) {
  run_.progress.ways.add(explicitly ? kOneQueryBlock : kOneQuery);
  Statement all;
  for (const Intent& intent : intents) {
    const auto parts = statements(intent, intent.versions.back());
    all.text += join(parts);
    all.values = parts[0].values;
    all.copy_data += parts[0].copy_data;
  }
  if (explicitly) all.text = "BEGIN; " + all.text + "COMMIT";
  if (chance(random_, 16)) return vanish(all.text);
  return outcome_of(session_.connection().run(all, Protocol::kSimple));
}

Writer::Outcome Writer::in_pipeline(const std::vector<Intent>& intents, bool explicitly) {
  run_.progress.ways.add(explicitly ? kPipelineBlock : kPipeline);
  std::vector<Statement> all;
  if (explicitly) all.push_back({"BEGIN", {}, {}});
  for (const Intent& intent : intents)
    for (Statement& statement : statements(intent, intent.versions.back()))
      all.push_back(std::move(statement));
  if (explicitly) all.push_back({"COMMIT", {}, {}});
  Outcome outcome = Outcome::kCommitted;
  for (const Reply& reply : session_.connection().pipeline(all, false))
    if (outcome != Outcome::kUnknown && outcome_of(reply) != Outcome::kCommitted) outcome = outcome_of(reply);
  return outcome;
}

// To be finished by another session: finish_prepared.
Writer::Outcome Writer::prepared(Intent& intent) {
  run_.progress.ways.add(kTwoPhase);
  const std::string transaction = fmt::format("f_{}_{}", session_.number(), ++prepared_count_);
  const std::string text = fmt::format("PREPARE TRANSACTION '{}'", transaction);
  if (!session_.connection().run("BEGIN").done()) return Outcome::kRolledBack;
  run_statements(intent, intent.versions.back());
  Outcome outcome = Outcome::kUnknown;
  if (chance(random_, 12)) {
    vanish(text);
  } else {
    outcome = outcome_of(session_.connection().run(text));  // its tag is ROLLBACK if it had failed before
  }
  if (outcome == Outcome::kUnknown) {
    wait_until_gone();
    outcome = is_prepared(transaction) ? Outcome::kCommitted : Outcome::kRolledBack;
  }
  if (outcome == Outcome::kRolledBack) return outcome;
  writers_.prepared.put({transaction, intent, session_.number()});
  return Outcome::kHandedOn;
}

void Writer::finish_prepared(Prepared::Item item) {
  backend_ = session_.connection().backend();
  const bool commits = !chance(random_, 5);
  const std::string text = fmt::format("{} PREPARED '{}'", commits ? "COMMIT" : "ROLLBACK", item.name);
  Reply reply;
  if (chance(random_, 12)) {
    vanish(text);
    reply.status = Reply::Status::kLost;
  } else {
    reply = session_.connection().run(text);
  }
  if (reply.done()) return finish(item.intent, commits ? Outcome::kCommitted : Outcome::kRolledBack);
  if (reply.lost()) wait_until_gone();
  if (is_prepared(item.name)) {
    item.session = 0;  // anybody's
    return writers_.prepared.put(std::move(item));
  }
  settle(item.intent);
  item.intent.cell->release_lease();
}

bool Writer::is_prepared(const std::string& name) {
  const Reply reply = direct().run("SELECT count(*) FROM pg_prepared_xacts WHERE gid = '" + name + "'");
  return reply.done() && reply.rows[0][0] == "1";
}

Connection& Writer::direct() {
  if (!direct_.is_open()) direct_ = Connection(run_.direct_options);
  return direct_;
}

void Writer::wait_until_gone() {
  constexpr Nanos kPatience = 20 * base::kSecond;
  session_.drop();
  const Nanos began = run_.progress.now();
  const std::string question =
      fmt::format("SELECT count(*), pg_sleep(0.002) FROM pg_stat_activity WHERE pid = {}", backend_);
  for (;;) {
    const Reply reply = direct().run(question);
    if (reply.done() && reply.rows[0][0] == "0") return;
    if (run_.progress.now() - began < kPatience) continue;
    return run_.progress.violation(
        fmt::format("LEFT BEHIND: backend {} of session {} lives on, long after its client "
                    "went away",
                    backend_, session_.number()));
  }
}

void Writer::complain(const std::optional<std::string>& complaint, const Intent& intent) {
  if (complaint)
    run_.progress.violation(
        fmt::format("{} (written by session {}, {})", *complaint, session_.number(), intent.write->name));
}

// It was never sent.
void Writer::withdraw(const Intent& intent) {
  for (const Version version : intent.versions) complain(intent.cell->roll_back(version), intent);
  if (kind_of(intent).is_exclusive) intent.cell->release_lease();
}

void Writer::finish(Intent& intent, Outcome outcome) {
  if (outcome == Outcome::kHandedOn) return;
  auto& totals = run_.progress.totals;
  if (intent.undone) complain(intent.cell->roll_back(*intent.undone), intent);
  switch (outcome) {
    case Outcome::kCommitted:
      for (const Version version : intent.versions)
        intent.cell->acknowledge(version, session_.event("acknowledged", intent.write->name));
      totals.writes_acknowledged.fetch_add(1);
      run_.progress.writes.add(name_of(kind_of(intent), *intent.write));
      break;
    case Outcome::kRolledBack:
      for (const Version version : intent.versions) complain(intent.cell->roll_back(version), intent);
      totals.writes_rolled_back.fetch_add(1);
      break;
    default:
      settle(intent);
      break;
  }
  if (kind_of(intent).is_exclusive) intent.cell->release_lease();
}

// Nobody was told what became of it: once nothing can change that any more, the database itself is asked.
void Writer::settle(Intent& intent) {
  run_.progress.totals.writes_unknown.fetch_add(1);
  if (!session_.connection().is_open()) wait_until_gone();
  Read read(run_.model, intent.kind, kind_of(intent).shapes[0], intent.id);
  const Reply reply = direct().run(read.statement(), Protocol::kSimple);
  if (!reply.done())
    return run_.progress.violation("the database itself could not be asked: " + reply.message);
  complain(intent.cell->settle(intent.versions, Read::version_in(reply),
                               session_.event("seen in the database", intent.write->name)),
           intent);
}

}  // namespace pgweir::freshness
