#include "reader.h"

#include <string>
#include <vector>

namespace pgweir::freshness {
namespace {

// No reply shows it, but pgweir must keep replies apart by it: so a write makes twice as many be filled
// again, where it does not end everything.
constexpr const char* kOtherSettings = " options='-c extra_float_digits=0'";

constexpr const char* kGone = "a client that reads and goes away";

}  // namespace

Reader::Reader(Run& run, int number)
    : run_(run),
      random_(run.seed * 1000 + static_cast<std::uint64_t>(number)),
      session_(run, number,
               run.options + (number % 2 == 0 || !run.model.has_direct() ? "" : kOtherSettings)) {
  run.progress.faults.expect(kGone);
}

void Reader::run() {
  while (!run_.progress.is_over())
    if (session_.open()) once();
}

// What is written directly is read as well.
std::size_t Reader::choose_kind() {
  const bool direct = run_.model.has_direct() && chance(random_, 12);
  return run_.model.choose(random_, run_.progress.reads(), direct);
}

void Reader::once() {
  switch (random_() % 16) {
    case 0:
      return chance(random_, 12) ? in_snapshot() : single();
    case 1:
    case 2:
      return in_pipeline();
    case 3:
    case 4:
    case 5:
      return in_transaction();
    case 6:
    case 7:
      return twice();
    case 8:
      if (!chance(random_, 40)) return single();
      run_.progress.faults.add(kGone);
      return session_.drop();  // perhaps while another waits for its fill
    default:
      return single();
  }
}

void Reader::single() {
  Read read(run_.model, choose_kind(), random_);
  session_.read(read, choose_protocol(random_), "single");
}

void Reader::twice() {
  Read read(run_.model, choose_kind(), random_);
  const auto protocol = choose_protocol(random_);
  session_.read(read, protocol, "first of two");
  session_.read(read, protocol, "second of two");
}

void Reader::in_transaction() {
  session_.connection().run(chance(random_, 8) ? "BEGIN READ ONLY" : "BEGIN");
  if (chance(random_, 4)) session_.connection().run("SAVEPOINT a");
  for (std::uint64_t reads = 1 + random_() % 4; reads != 0; --reads) {
    Read read(run_.model, choose_kind(), random_);
    session_.read(read, choose_protocol(random_), "in a transaction");
  }
  session_.connection().run(chance(random_, 4) ? "ROLLBACK" : "COMMIT");
}

void Reader::in_pipeline() {
  std::vector<Read> reads;
  std::vector<Statement> statements;
  for (std::uint64_t i = 2 + random_() % 4; i != 0; --i) {
    reads.emplace_back(run_.model, choose_kind(), random_);
    statements.push_back(reads.back().statement());
  }
  const Nanos began = run_.progress.now();
  for (Read& read : reads) read.begin(began);
  const bool sync_each = !chance(random_, 24);
  const auto replies = session_.connection().pipeline(statements, sync_each);
  for (std::size_t i = 0; i < reads.size(); ++i)
    session_.judge(reads[i], replies[i], began, sync_each ? "pipelined" : "pipelined with one Sync");
}

// REPEATABLE READ: all reads show the same moment, which is that of the first.
void Reader::in_snapshot() {
  if (!session_.connection().run("BEGIN ISOLATION LEVEL REPEATABLE READ").done()) return;
  Snapshot snapshot = run_.model.floors(run_.progress.now());
  for (std::uint64_t reads = 2 + random_() % 3; reads != 0; --reads) {
    const std::size_t kind = choose_kind();
    if (!run_.model.kinds()[kind]->keeps_snapshots) continue;
    Read read(run_.model, kind, random_);
    session_.read(read, choose_protocol(random_), "REPEATABLE READ", &snapshot);
  }
  session_.connection().run("COMMIT");
}

}  // namespace pgweir::freshness
