#include "loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "copy_stream.h"
#include "database.h"
#include "progress.h"
#include "schema_sql.h"

namespace shop {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kConnections = 2;
constexpr std::uint64_t kUnitsPerKey = 50'000;  // a key costs about as much as so many rows
constexpr std::uint32_t kRowsPerReport = 1000;
constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::string_view kDropSql =
    "DROP TABLE IF EXISTS stock, reviews, order_lines, orders, customers, products, categories";

struct TableCopy {
  const char* table;
  std::uint32_t rows;
  void (Catalogue::*append)(std::string&, std::uint32_t) const;
};

using Job = std::function<Result<void>(Database&)>;

// SQL text cut into steps at blank lines, and these into statements. Comments are dropped.
std::vector<std::vector<std::string>> split_steps(std::string_view sql) {
  std::vector<std::vector<std::string>> steps(1);
  std::string statement;
  while (!sql.empty()) {
    const std::string_view line = sql.substr(0, sql.find('\n'));
    sql.remove_prefix(std::min(sql.size(), line.size() + 1));
    if (line.empty() && !steps.back().empty()) steps.emplace_back();
    if (line.starts_with("--")) continue;
    statement += line;
    statement += '\n';
    if (line.ends_with(';')) steps.back().push_back(std::exchange(statement, ""));
  }
  if (steps.back().empty()) steps.pop_back();
  return steps;
}

class Loader {
 public:
  explicit Loader(const LoadOptions& options)
      : options_(options),
        catalogue_(options.seed, options.sizes),
        keys_(split_steps(kKeysSql)),
        progress_(total_units(), options.terminal) {}

  Result<void> load() {
    if (auto created = create_tables(); !created) return created;
    if (auto copied = run("rows", copy_jobs()); !copied) return copied;
    for (const auto& step : keys_) {
      if (auto done = run("keys and indexes", sql_jobs(step)); !done) return done;
    }
    if (auto done = run("statistics", sql_jobs(vacuums())); !done) return done;
    progress_.finish(elapsed_s());
    return {};
  }

 private:
  // Largest first, so that both connections end at about the same time.
  std::vector<TableCopy> tables() const {
    const Sizes& sizes = options_.sizes;
    return {{"order_lines", sizes.orders, &Catalogue::append_order_lines},
            {"reviews", sizes.reviews, &Catalogue::append_review},
            {"products", sizes.products, &Catalogue::append_product},
            {"orders", sizes.orders, &Catalogue::append_order},
            {"customers", sizes.customers, &Catalogue::append_customer},
            {"stock", sizes.products, &Catalogue::append_stock},
            {"categories", sizes.categories, &Catalogue::append_category}};
  }

  std::uint64_t total_units() const {
    std::uint64_t units = vacuums().size() * kUnitsPerKey;
    for (const TableCopy& table : tables()) units += table.rows;
    for (const auto& step : keys_) units += step.size() * kUnitsPerKey;
    return units;
  }

  std::vector<std::string> vacuums() const {
    std::vector<std::string> statements;
    for (const TableCopy& table : tables())
      statements.push_back(std::string("VACUUM (ANALYZE) ") + table.table);
    return statements;
  }

  double elapsed_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  Result<void> create_tables() {
    Database database(options_.database_url);
    if (auto connected = database.connect(); !connected) return connected;
    auto present = database.run_sql("SELECT to_regclass('products') IS NOT NULL");
    if (!present) return std::unexpected(present.error());
    const bool has_tables = std::string_view(PQgetvalue(present->get(), 0, 0)) == "t";
    if (has_tables && !options_.replace) {
      return fail(409, "the database has the shop's tables already; --replace drops them first");
    }
    const std::string drop = has_tables ? std::string(kDropSql) + ";" : "";
    auto created = database.run_sql(drop + kSchemaSql);
    if (!created) return std::unexpected(created.error());
    return {};
  }

  std::vector<Job> copy_jobs() {
    std::vector<Job> jobs;
    for (const TableCopy& table : tables()) {
      jobs.push_back([this, table](Database& database) { return copy(database, table); });
    }
    return jobs;
  }

  Result<void> copy(Database& database, const TableCopy& table) {
    auto stream = CopyStream::open(database, table.table);
    if (!stream) return std::unexpected(stream.error());
    for (std::uint32_t row = 1; row <= table.rows; ++row) {
      (catalogue_.*table.append)(stream->buffer(), row);
      if (auto sent = stream->flush_if_large(); !sent) return sent;
      if (row % kRowsPerReport == 0) progress_.add(kRowsPerReport);
    }
    progress_.add(table.rows % kRowsPerReport);
    return stream->finish();
  }

  std::vector<Job> sql_jobs(const std::vector<std::string>& statements) {
    std::vector<Job> jobs;
    jobs.reserve(statements.size());
    for (const std::string& statement : statements) {
      jobs.push_back([this, statement](Database& database) -> Result<void> {
        auto done = database.run_sql(statement);
        if (!done) return fail(done.error().status, done.error().message + " in: " + statement);
        progress_.add(kUnitsPerKey);
        return {};
      });
    }
    return jobs;
  }

  // Runs the jobs over the connections and shows progress meanwhile; the first failure ends it.
  Result<void> run(const char* stage, std::vector<Job> jobs) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t running = kConnections;
    Result<void> outcome;
    const auto work = [&] {
      Database database(options_.database_url);
      Result<void> done;
      for (std::size_t i = next++; done && i < jobs.size(); i = next++) done = jobs[i](database);
      if (!done) next = jobs.size();
      const std::lock_guard lock(mutex);
      if (!done && outcome) outcome = done;
      --running;
      ended.notify_one();
    };
    std::vector<std::jthread> threads;
    threads.reserve(kConnections);
    for (std::size_t i = 0; i < kConnections; ++i) threads.emplace_back(work);
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, kRedraw, [&] { return running == 0; })) progress_.show(stage, elapsed_s());
    return outcome;
  }

  const LoadOptions& options_;
  const Catalogue catalogue_;
  const std::vector<std::vector<std::string>> keys_;
  const Clock::time_point start_ = Clock::now();
  Progress progress_;
};

}  // namespace

Result<void> load_shop(const LoadOptions& options) { return Loader(options).load(); }

}  // namespace shop
