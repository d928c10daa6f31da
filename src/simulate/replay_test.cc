#include "simulate/replay.h"

#include <gtest/gtest.h>

#include <unordered_set>

#include "simulate/reference.h"
#include "simulate/test_traces.h"

namespace pgweir::simulate {
namespace {

using cache::PolicyKind;

Point by_entries(const Trace& trace, PolicyKind policy, std::uint64_t entries) {
  return replay(trace, {.policy = policy, .capacity = entries, .counts_entries = true}, nullptr);
}

std::vector<std::uint32_t> keys_of(const Trace& trace) {
  std::vector<std::uint32_t> keys;
  for (const Request& request : trace.requests) keys.push_back(request.key);
  return keys;
}

// The engine and code that shares nothing with it agree on every single hit.
TEST(ReplayTest, HitsAreThoseOfThePlainestImplementation) {
  std::uint64_t seed = 0;
  for (const Mixture mixture : {Mixture::kPlain, Mixture::kHalfScan, Mixture::kLoop}) {
    for (const std::uint64_t entries : {1, 2, 7, 10, 64, 333, 1000}) {
      const Trace trace = make_trace({.keys = 3'000, .requests = 20'000, .mixture = mixture, .seed = ++seed});
      const auto keys = keys_of(trace);
      EXPECT_EQ(by_entries(trace, PolicyKind::kLru, entries).hits, reference_lru_hits(keys, entries)) << seed;
      EXPECT_EQ(by_entries(trace, PolicyKind::kS3Fifo, entries).hits, reference_s3fifo_hits(keys, entries))
          << seed;
    }
  }
}

constexpr std::uint32_t kKeys = 10'000;

struct Mixed {
  double exponent;
  Mixture mixture;
};
class PolicyProofTest : public testing::TestWithParam<Mixed> {};

TEST_P(PolicyProofTest, S3FifoBeatsLruAndCostSavesWhatItShould) {
  const Trace trace = make_trace({.keys = kKeys,
                                  .requests = 200'000,
                                  .exponent = GetParam().exponent,
                                  .mixture = GetParam().mixture,
                                  .seed = 7});
  for (const std::uint64_t percent : {1, 5, 10, 25}) {
    const std::uint64_t entries = kKeys * percent / 100;
    const Point lru = by_entries(trace, PolicyKind::kLru, entries);
    const Point s3fifo = by_entries(trace, PolicyKind::kS3Fifo, entries);
    const Point cost = by_entries(trace, PolicyKind::kCost, entries);
    EXPECT_GT(s3fifo.hits, lru.hits) << percent;
    EXPECT_GE(cost.cost_saved(), 0.97 * s3fifo.cost_saved()) << percent;
    if (GetParam().mixture == Mixture::kPlain) {
      EXPECT_LE(1 - cost.cost_saved(), 0.8 * (1 - lru.cost_saved())) << percent;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Mixtures, PolicyProofTest,
                         testing::Values(Mixed{0.7, Mixture::kPlain}, Mixed{0.85, Mixture::kPlain},
                                         Mixed{1.0, Mixture::kPlain}, Mixed{0.7, Mixture::kHalfScan},
                                         Mixed{1.0, Mixture::kHalfScan}, Mixed{0.7, Mixture::kLoop},
                                         Mixed{1.0, Mixture::kLoop}));

TEST(ReplayTest, BytesAreTheRealEnginesBytes) {
  const Trace trace = make_trace({.keys = 2'000, .requests = 50'000});
  const Point small = replay(trace, {.capacity = 256 << 10}, nullptr);
  const Point large = replay(trace, {.capacity = 64 << 20}, nullptr);
  EXPECT_LT(small.hits, large.hits);
  const auto keys = keys_of(trace);
  EXPECT_EQ(large.hits, keys.size() - std::unordered_set<std::uint32_t>(keys.begin(), keys.end()).size());
  EXPECT_GT(small.evictions[static_cast<std::size_t>(cache::Eviction::kCapacity)], 0U);
  EXPECT_EQ(large.evictions[static_cast<std::size_t>(cache::Eviction::kCapacity)], 0U);
  EXPECT_EQ(small.not_kept + large.not_kept, 0U);
}

TEST(ReplayTest, TtlIsOverOnTheVirtualClock) {
  Trace trace;
  trace.keys = 2;
  for (const std::int64_t time : {0, 5, 9, 10, 15, 100})
    trace.requests.push_back({.time_ms = time, .size_bytes = 10, .cost_us = 7, .ttl_ms = 10});
  trace.requests.push_back(
      {.time_ms = 100'000'000, .key = 1, .size_bytes = 10, .cost_us = 1, .ttl_ms = Request::kForever});
  trace.requests.push_back(
      {.time_ms = 100'000'000'000, .key = 1, .size_bytes = 20, .cost_us = 1, .ttl_ms = 0});
  const Point point = by_entries(trace, PolicyKind::kS3Fifo, 10);
  EXPECT_EQ(point.hits, 4U);
  EXPECT_EQ(point.hit_bytes, 50U);
  EXPECT_EQ(point.bytes, 90U);
  EXPECT_EQ(point.hit_cost_us, 22U);
  EXPECT_EQ(point.cost_us, 44U);
  EXPECT_DOUBLE_EQ(point.cost_saved(), 0.5);
}

TEST(ReplayTest, WhatIsTooLargeIsNotKept) {
  Trace trace;
  trace.keys = 1;
  for (int i = 0; i < 3; ++i) trace.requests.push_back({.size_bytes = 3 << 20, .ttl_ms = Request::kForever});
  EXPECT_EQ(replay(trace, {.capacity = 1 << 20}, nullptr).not_kept, 3U);
  EXPECT_EQ(replay(trace, {.capacity = 16 << 20}, nullptr).hits, 2U);
  EXPECT_EQ(by_entries(trace, PolicyKind::kLru, 1).hits, 2U);
}

// Twice the memory of replies, asked for again and again in a loop that no policy of memory alone can serve.
TEST(Replay, ADiskAnswersWhatMemoryHasNoRoomFor) {
  constexpr std::uint32_t kReplies = 20'000, kReplyBytes = 8 << 10;
  Trace trace;
  trace.keys = kReplies;
  for (std::uint32_t i = 0; i < 4 * kReplies; ++i)
    trace.requests.push_back({.time_ms = i,
                              .key = i % kReplies,
                              .size_bytes = kReplyBytes,
                              .cost_us = 10'000,
                              .ttl_ms = Request::kForever});
  simulate::Setup setup{.policy = cache::PolicyKind::kLru, .capacity = simulate::Setup::kMemoryWithDiskMin};
  const Point without = replay(trace, setup, nullptr);
  setup.disk_bytes = 1 << 30;
  const Point with = replay(trace, setup, nullptr);
  EXPECT_EQ(without.hits, 0U);
  EXPECT_EQ(without.disk_written_bytes, 0U);
  // Written once it has made room for the second time, read the fourth time.
  EXPECT_GT(with.disk_hits, kReplies / 2);
  EXPECT_GE(with.hits, with.disk_hits);
  const std::uint64_t all_bytes = std::uint64_t{kReplies} * kReplyBytes;
  EXPECT_GT(with.disk_written_bytes, all_bytes / 2);
  EXPECT_LT(with.disk_written_bytes, 2 * all_bytes);
}

}  // namespace
}  // namespace pgweir::simulate
