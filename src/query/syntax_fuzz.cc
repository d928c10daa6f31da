// Any bytes through parser, reduction and both verdicts: nothing may crash, and the invariants of a
// Verdict hold.
#include <algorithm>

#include "base/check.h"
#include "query/judge.h"
#include "query/scan.h"
#include "query/syntax.h"
#include "query/test_catalog.h"

namespace {

using pgweir::query::Verdict;

std::shared_ptr<const pgweir::query::Catalog> small_catalog() {
  return pgweir::query::TestCatalog()
      .table({.oid = 20000, .name = "a"})
      .table({.oid = 20001, .name = "b"})
      .view(20002, "v", "select * from public.a")
      .build();
}

void check(const Verdict& verdict) {
  if (verdict.cacheable()) {
    CHECK(!verdict.reads.empty());
    CHECK(verdict.harmless);
    CHECK(verdict.transaction == pgweir::query::TransactionControl::kNone);
  }
  if (verdict.harmless) {
    CHECK(!verdict.effects.writes_everything && verdict.effects.writes.empty());
    CHECK(!verdict.effects.changes_settings && !verdict.effects.changes_catalog);
  }
  CHECK(std::ranges::is_sorted(verdict.reads) && std::ranges::is_sorted(verdict.effects.writes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const pgweir::query::Catalog> kCatalog = small_catalog();
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  const auto syntax = pgweir::query::parse(sql);
  if (!syntax) return 0;
  const bool time_word = pgweir::query::scan(sql, {}).time_word;
  check(pgweir::query::judge(**syntax, *kCatalog, pgweir::query::SearchPath({"public"}), time_word));
  check(pgweir::query::judge_without_catalog(**syntax));
  return 0;
}
