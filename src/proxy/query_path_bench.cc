// What pgweir itself spends on a hit, the system's calls left out: from the client's bytes to the reply
// in the client's buffer. Time per pipeline; items are statements.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "proxy/test_session.h"

namespace pgweir::proxy {
namespace {

constexpr int kPipelined = 16;
constexpr int kRows = 4096;  // keys asked for in turn

std::string prepared(int row) { return execution("s0", std::to_string(row)); }
std::string simple(int row) { return simple_query("select id from a where id = " + std::to_string(row)); }

void hits(benchmark::State& state, std::string (*statement)(int row)) {
  TestSession session;
  session.say(preparation("s0", "select id from a where id = $1"));
  for (int row = 0; row < kRows; ++row) session.say(statement(row));
  std::vector<std::string> pipelines;
  for (int row = 0; row < kRows; row += kPipelined) {
    std::string& pipeline = pipelines.emplace_back();
    for (int i = 0; i < kPipelined; ++i) pipeline += statement(row + i);
  }
  const std::uint64_t before = session.worker().hits();
  std::size_t next = 0;
  for (auto _ : state) {
    const std::string& pipeline = pipelines[next++ % pipelines.size()];
    CHECK(session.paths().answer_now(pipeline) == pipeline.size());
  }
  const auto statements = static_cast<std::uint64_t>(state.iterations()) * kPipelined;
  CHECK(session.worker().hits() - before == statements);
  state.SetItemsProcessed(static_cast<std::int64_t>(statements));
}

void hit_prepared(benchmark::State& state) { hits(state, prepared); }
void hit_simple(benchmark::State& state) { hits(state, simple); }
BENCHMARK(hit_prepared);
BENCHMARK(hit_simple);

}  // namespace
}  // namespace pgweir::proxy
