#include <benchmark/benchmark.h>

#include <string>

#include "query/judge.h"
#include "query/lexer.h"
#include "query/scan.h"
#include "query/statement_table.h"
#include "query/syntax.h"
#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

constexpr base::HashSecret kSecret{5, 6};

constexpr std::string_view kPoint = "SELECT id, name, price FROM products WHERE id = 4711";
constexpr std::string_view kJoin =
    "SELECT p.id, p.name, c.name AS category, count(r.id) AS reviews, max(r.rating) AS best "
    "FROM products p JOIN categories c ON c.id = p.category_id LEFT JOIN reviews r ON r.product_id = p.id "
    "WHERE p.price BETWEEN 10 AND 200 AND c.name = 'garden' AND p.name LIKE '%chair%' "
    "GROUP BY p.id, p.name, c.name HAVING count(r.id) > 3 ORDER BY count(r.id) DESC, p.id LIMIT 20";

std::string_view text_of(const benchmark::State& state) { return state.range(0) == 0 ? kPoint : kJoin; }

std::shared_ptr<const Catalog> shop() {
  return TestCatalog()
      .table({.oid = 20000, .name = "products"})
      .table({.oid = 20001, .name = "categories"})
      .table({.oid = 20002, .name = "reviews"})
      .build();
}

void lexer(benchmark::State& state) {
  const std::string_view sql = text_of(state);
  for (auto _ : state) {
    Lexer lexer(sql);
    while (lexer.next().kind != TokenKind::kEnd) continue;
    benchmark::DoNotOptimize(lexer);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sql.size()));
}
BENCHMARK(lexer)->Arg(0)->Arg(1);

void scan_text(benchmark::State& state) {
  const std::string_view sql = text_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(scan(sql, kSecret));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sql.size()));
}
BENCHMARK(scan_text)->Arg(0)->Arg(1);

void parse_text(benchmark::State& state) {
  const std::string_view sql = text_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(parse(sql));
}
BENCHMARK(parse_text)->Arg(0)->Arg(1);

void judge_syntax(benchmark::State& state) {
  const auto catalog = shop();
  const auto syntax = *parse(text_of(state));
  const SearchPath path({"public"});
  for (auto _ : state) benchmark::DoNotOptimize(judge(*syntax, *catalog, path, false));
}
BENCHMARK(judge_syntax)->Arg(0)->Arg(1);

void table_hit(benchmark::State& state) {
  const auto catalog = shop();
  const SearchPath path({"public"});
  const Scan scanned = scan(text_of(state), kSecret);
  StatementTable table({});
  for (auto _ : state) benchmark::DoNotOptimize(&table.verdict(text_of(state), scanned, *catalog, path));
}
BENCHMARK(table_hit)->Arg(0)->Arg(1);

}  // namespace
}  // namespace pgweir::query
