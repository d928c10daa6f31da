#include "observe/prometheus.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "observe/process_stats.h"

namespace pgweir::observe {
namespace {

using ::testing::HasSubstr;

TEST(PrometheusWriter, WritesHelpAndTypeOnceForEachFamily) {
  PrometheusWriter writer;
  writer.family("pgweir_cache_lookups_total", "Lookups.", MetricType::kCounter);
  writer.sample({{"outcome", "hit"}, {"reason", ""}}, 7u);
  writer.sample({{"outcome", "miss"}, {"reason", "cold"}}, std::uint64_t{18446744073709551615u});
  writer.gauge("pgweir_client_sessions", "Sessions.", -3);
  writer.counter("pgweir_cache_waits_total", "Waits.", 5u);
  EXPECT_EQ(writer.text(),
            "# HELP pgweir_cache_lookups_total Lookups.\n"
            "# TYPE pgweir_cache_lookups_total counter\n"
            "pgweir_cache_lookups_total{outcome=\"hit\",reason=\"\"} 7\n"
            "pgweir_cache_lookups_total{outcome=\"miss\",reason=\"cold\"} 18446744073709551615\n"
            "# HELP pgweir_client_sessions Sessions.\n"
            "# TYPE pgweir_client_sessions gauge\n"
            "pgweir_client_sessions -3\n"
            "# HELP pgweir_cache_waits_total Waits.\n"
            "# TYPE pgweir_cache_waits_total counter\n"
            "pgweir_cache_waits_total 5\n");
}

TEST(PrometheusWriter, EscapesLabelsAndHelp) {
  PrometheusWriter writer;
  writer.family("a", "back\\slash \"quote\"\nline", MetricType::kGauge);
  writer.sample({{"l", "back\\slash \"quote\"\nline"}}, 1);
  EXPECT_EQ(writer.text(),
            "# HELP a back\\\\slash \"quote\"\\nline\n"
            "# TYPE a gauge\n"
            "a{l=\"back\\\\slash \\\"quote\\\"\\nline\"} 1\n");
}

TEST(PrometheusWriter, WritesRealNumbersThatReadBackTheSame) {
  PrometheusWriter writer;
  writer.family("a", "A.", MetricType::kGauge);
  writer.sample({{"l", "1"}}, 0.1);
  writer.sample({{"l", "2"}}, 1e-9);
  writer.sample({{"l", "3"}}, std::numeric_limits<double>::infinity());
  writer.sample({{"l", "4"}}, -std::numeric_limits<double>::infinity());
  writer.sample({{"l", "5"}}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(writer.text(), HasSubstr("a{l=\"1\"} 0.1\na{l=\"2\"} 1e-09\na{l=\"3\"} +Inf\n"
                                       "a{l=\"4\"} -Inf\na{l=\"5\"} NaN\n"));
}

// The value after `name` at the start of a line.
std::uint64_t value_of(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? ~0ull : std::stoull(text.substr(at + name.size() + 2));
}

TEST(PrometheusWriter, HistogramIsTheCumulativeSumOfItsParts) {
  base::Histogram first, second;
  first.record(3 * base::kMicrosecond);
  first.record(100 * base::kMicrosecond);
  second.record(100 * base::kMicrosecond);
  second.record(3 * base::kMillisecond);
  second.record(100 * base::kSecond);
  second.record(1000 * base::kSecond);
  const std::vector<const base::Histogram*> parts{&first, &second};
  PrometheusWriter writer;
  writer.family("q_seconds", "Q.", MetricType::kHistogram);
  writer.histogram({{"outcome", "hit"}}, parts);
  const std::string& text = writer.text();
  EXPECT_EQ(value_of(text, R"(q_seconds_bucket{outcome="hit",le="0.000016"})"), 1u);
  EXPECT_EQ(value_of(text, R"(q_seconds_bucket{outcome="hit",le="0.000064"})"), 1u);
  EXPECT_EQ(value_of(text, R"(q_seconds_bucket{outcome="hit",le="0.000128"})"), 3u);
  EXPECT_EQ(value_of(text, R"(q_seconds_bucket{outcome="hit",le="0.002048"})"), 3u);
  EXPECT_EQ(value_of(text, R"(q_seconds_bucket{outcome="hit",le="0.004096"})"), 4u);
  EXPECT_EQ(value_of(text, R"(q_seconds_bucket{outcome="hit",le="16.777216"})"), 4u);
  EXPECT_EQ(value_of(text, R"(q_seconds_bucket{outcome="hit",le="+Inf"})"), 6u);
  EXPECT_EQ(value_of(text, R"(q_seconds_count{outcome="hit"})"), 6u);
  EXPECT_THAT(text, HasSubstr("q_seconds_sum{outcome=\"hit\"} 1100.003203\n"));
}

// Each bound must be where a bucket of base::Histogram ends, or the counts would be guesses.
TEST(PrometheusWriter, HistogramBoundsAreExact) {
  for (std::size_t power = 4; power <= 24; ++power) {
    const base::Nanos bound = (base::Nanos{1} << power) * base::kMicrosecond;
    base::Histogram histogram;
    histogram.record(bound - 1);
    histogram.record(bound);
    const std::vector<const base::Histogram*> parts{&histogram};
    PrometheusWriter writer;
    writer.family("q_seconds", "Q.", MetricType::kHistogram);
    writer.histogram({}, parts);
    const auto us = static_cast<std::uint64_t>(bound / base::kMicrosecond);
    const std::string name =
        fmt::format("q_seconds_bucket{{le=\"{}.{:06}\"}}", us / 1'000'000, us % 1'000'000);
    EXPECT_EQ(value_of(writer.text(), name), 1u) << name;
  }
}

TEST(PrometheusWriterDeathTest, RefusesWhatWouldNotBeValidText) {
  PrometheusWriter writer;
  EXPECT_DEATH(writer.sample(1), "CHECK failed");
  EXPECT_DEATH(writer.family("a-b", "A.", MetricType::kGauge), "CHECK failed");
  writer.family("a", "A.", MetricType::kGauge);
  EXPECT_DEATH(writer.family("a", "A.", MetricType::kGauge), "CHECK failed");
  EXPECT_DEATH(writer.sample({{"le", "1"}}, 1), "CHECK failed");
  EXPECT_DEATH(writer.histogram({}, {}), "CHECK failed");
}

// Prometheus' own parser and linter.
int run_promtool(const std::string& text) {
  std::FILE* pipe = popen("promtool check metrics", "w");
  if (pipe == nullptr) return -1;
  const bool written = std::fwrite(text.data(), 1, text.size(), pipe) == text.size();
  const int status = pclose(pipe);
  return written && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Promtool, AcceptsWhatIsWritten) {
  base::Histogram histogram;
  histogram.record(5 * base::kMillisecond);
  const std::vector<const base::Histogram*> parts{&histogram, &histogram};
  PrometheusWriter writer;
  writer.family("pgweir_cache_lookups_total", "Lookups, by outcome \\ and\nreason.", MetricType::kCounter);
  writer.sample({{"outcome", "hit"}, {"reason", "odd \"\\\n\xc3\xa9"}}, 7u);
  writer.sample({{"outcome", "miss"}, {"reason", ""}}, 1u);
  writer.family("pgweir_client_query_seconds", "Time to answer.", MetricType::kHistogram);
  writer.histogram({{"outcome", "hit"}}, parts);
  writer.histogram({{"outcome", "miss"}}, {});
  const auto stats = read_process_stats();
  ASSERT_TRUE(stats.has_value()) << stats.error().message;
  write_process_stats(*stats, writer);
  EXPECT_EQ(run_promtool(writer.text()), 0) << writer.text();
}

TEST(Promtool, RejectsWhatIsNotClean) {
  PrometheusWriter writer;
  writer.family("pgweir_lookups", "A counter without _total.", MetricType::kCounter);
  writer.sample(1);
  EXPECT_EQ(run_promtool(writer.text()), 3);
  EXPECT_EQ(run_promtool("a{b=\"c} 1\n"), 1);
}

}  // namespace
}  // namespace pgweir::observe
