// freshness-check: clients that write and read through pgweir, and check every reply against what had been
// acknowledged when the read began. See tests/freshness/run, which starts what it needs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "disturber.h"
#include "model.h"
#include "progress.h"
#include "reader.h"
#include "session.h"
#include "settings_reader.h"
#include "writer.h"

namespace pgweir::freshness {
namespace {

constexpr int kStalled = 3;
constexpr Nanos kSilenceMax = 60 * base::kSecond;

struct Options {
  std::string connect, direct, admin, report, only;
  std::uint64_t reads = 100'000, seed = 1, reads_per_write = 100, reads_per_code = 10000,
                reads_per_names = 1500, reads_per_fault = 400, violations_max = 5;
  int readers = 4, writers = 3, settings_readers = 2, direct_writers = 2;
  double direct_lag_seconds = 0;
};

Options parse(CLI::App& cli, int argc, char** argv) {
  Options o;
  cli.option_defaults()->take_last();
  cli.add_option("--connect", o.connect, "libpq's options for pgweir")->required();
  cli.add_option("--direct", o.direct, "libpq's options for PostgreSQL itself")->required();
  cli.add_option("--admin", o.admin, "host:port of pgweir's metrics, for evidence");
  cli.add_option("--reads", o.reads, "checked reads, then it ends");
  cli.add_option("--seed", o.seed, "of all that is chosen at random");
  cli.add_option("--readers", o.readers, "clients that read");
  cli.add_option("--writers", o.writers, "clients that write through pgweir");
  cli.add_option("--settings-readers", o.settings_readers, "clients that change their settings");
  cli.add_option("--reads-per-write", o.reads_per_write, "reads for each write");
  cli.add_option("--reads-per-code", o.reads_per_code, "reads for each write that runs code");
  cli.add_option("--reads-per-names", o.reads_per_names,
                 "reads for each search path or role of a transaction");
  cli.add_option("--reads-per-fault", o.reads_per_fault, "reads for each fault; 0: none");
  cli.add_option("--direct-lag", o.direct_lag_seconds,
                 "also write directly, and allow a reply to miss that for so many seconds");
  cli.add_option("--only", o.only, "one kind of cell");
  cli.add_option("--violations-max", o.violations_max, "end after so many");
  cli.add_option("--report", o.report, "file for the totals, as JSON");
  cli.parse(argc, argv);
  return o;
}

// Transactions that nobody has finished would outlive the run.
void forget_prepared(const std::string& direct) {
  Connection connection(direct);
  const Reply left = connection.run("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()");
  for (const Row& row : left.rows) connection.run("ROLLBACK PREPARED '" + row[0].value_or("") + "'");
}

std::string totals_json(const Progress& progress, bool stalled) {
  const Progress::Totals& t = progress.totals;
  return fmt::format(
      R"({{"reads": {}, "violations": {}, "stalled": {}, "writes_acknowledged": {}, "writes_rolled_back": {}, )"
      R"("writes_unknown": {}, "reads_failed": {}, "refusals_checked": {}, "sessions_lost": {}, )"
      R"("seconds": {:.1f}, "writes": {}, "ways": {}, "faults": {}}})",
      progress.reads(), progress.violations(), stalled, t.writes_acknowledged.load(),
      t.writes_rolled_back.load(), t.writes_unknown.load(), t.reads_failed.load(), t.refusals_checked.load(),
      t.sessions_lost.load(), static_cast<double>(progress.now()) / 1e9, progress.writes.json(),
      progress.ways.json(), progress.faults.json());
}

// One thread for each client.
class Clients {
 public:
  Clients(Run& run, const Options& options) : run_(run) {
    int number = 0;
    for (int i = 0; i < options.readers; ++i) start<Reader>(++number);
    for (int i = 0; i < options.settings_readers && options.only.empty(); ++i)
      start<SettingsReader>(++number);
    for (int i = 0; i < options.writers; ++i) start<Writer>(std::ref(writers_), ++number, false);
    for (int i = 0; i < options.direct_writers && run.model.has_direct(); ++i)
      start<Writer>(std::ref(direct_writers_), ++number, true);
    if (options.reads_per_fault != 0)
      threads_.emplace_back([this, each = options.reads_per_fault] { Disturber(run_).run(each); });
  }

 private:
  template <class Client, class... Arguments>
  void start(Arguments... arguments) {
    threads_.emplace_back([this, arguments...] { Client(run_, arguments...).run(); });
  }

  Run& run_;
  Writers writers_, direct_writers_;
  std::vector<std::jthread> threads_;
};

int run(const Options& options) {
  std::optional<Nanos> lag;
  if (options.direct_lag_seconds > 0) lag = static_cast<Nanos>(options.direct_lag_seconds * 1e9);
  Model model(options.seed, lag, options.only);
  Progress progress(options.reads, options.violations_max);
  Sessions sessions;
  Run run{options.connect,
          options.direct,
          options.admin,
          options.seed,
          options.reads_per_write,
          Pace(options.reads_per_code),
          Pace(options.reads_per_names),
          model,
          progress,
          sessions};
  bool stalled = false;
  {
    const Clients clients(run, options);
    stalled = !progress.wait_until_over(kSilenceMax);
    if (stalled) {
      fmt::print("STALLED: no read was answered for {} s, after {} of them\n", kSilenceMax / base::kSecond,
                 progress.reads());
      std::fflush(stdout);
      std::quick_exit(kStalled);
    }
  }
  forget_prepared(options.direct);
  const std::string totals = totals_json(progress, stalled);
  fmt::print("{}\n", totals);
  if (!options.report.empty()) std::ofstream(options.report) << totals << "\n";
  return progress.violations() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace pgweir::freshness

int main(int argc, char** argv) {
  CLI::App cli("Checks every read through pgweir against what had been acknowledged when it began",
               "freshness-check");
  try {
    return pgweir::freshness::run(pgweir::freshness::parse(cli, argc, argv));
  } catch (const CLI::ParseError& error) {
    const int code = cli.exit(error);
    return code == 0 ? 0 : 2;
  }
}
