// The templates a worker has seen: shape -> syntax and its last verdict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/counters.h"
#include "query/catalog.h"
#include "query/judge.h"
#include "query/rules.h"
#include "query/scan.h"
#include "query/statement.h"

namespace pgweir::query {

struct StatementTableConfig {
  std::size_t entries_max = 4096;
  std::size_t bytes_max = 16 << 20;
  base::Level* bytes = nullptr;  // counts memory_bytes(); outlives the table
};

struct StatementTableStats {
  std::uint64_t hits = 0;    // verdict at hand
  std::uint64_t judged = 0;  // syntax at hand, judged again
  std::uint64_t parsed = 0;
  std::uint64_t evictions = 0;
};

// Bounded by count and bytes; CLOCK. One worker's thread.
class StatementTable {
 public:
  explicit StatementTable(const StatementTableConfig& config);
  ~StatementTable();

  // `scan` must be the scan of `sql`. The reference is valid until version() changes.
  const Verdict& verdict(std::string_view sql, const Scan& scan, const Catalog& catalog,
                         const SearchPath& path);
  // The same while there is no catalog: see judge_without_catalog().
  const Verdict& verdict_without_catalog(std::string_view sql, const Scan& scan);

  // From now on these; null: none. Everything is judged again.
  void set_rules(std::shared_ptr<const Rules> rules);
  const std::shared_ptr<const Rules>& rules() const { return rules_; }

  // Changes whenever a verdict given back before may have: until then its reference stays valid too.
  std::uint64_t version() const { return version_; }

  const StatementTableStats& stats() const { return stats_; }
  std::size_t size() const;
  std::size_t memory_bytes() const;

 private:
  struct Impl;
  std::shared_ptr<const Rules> rules_;
  StatementTableStats stats_;
  std::uint64_t version_ = 1;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgweir::query
