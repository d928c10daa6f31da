#include "drill/day_report.h"

namespace pgweir::drill {

namespace {

std::optional<double> difference(const std::optional<double>& now, const std::optional<double>& earlier) {
  if (!now) return std::nullopt;
  // A counter that fell belongs to a process that started anew.
  const double before = earlier.value_or(0);
  return *now >= before ? *now - before : *now;
}

}  // namespace

std::optional<double> hit_ratio(const CacheCounts& counts) {
  const double hits = counts.hits.value_or(0), lookups = hits + counts.misses.value_or(0);
  if (lookups <= 0) return std::nullopt;
  return hits / lookups;
}

CacheCounts since(const CacheCounts& now, const CacheCounts& earlier) {
  return {.hits = difference(now.hits, earlier.hits),
          .misses = difference(now.misses, earlier.misses),
          .bypasses = difference(now.bypasses, earlier.bypasses),
          .database_queries = difference(now.database_queries, earlier.database_queries)};
}

}  // namespace pgweir::drill
