#include "proxy/compression.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "proxy/test_session.h"

namespace pgweir::proxy {
namespace {

// Each reading is one step later.
class SteppingClock final : public base::Clock {
 public:
  explicit SteppingClock(base::Nanos step) : step_(step) {}
  base::Nanos now() const override { return now_ += step_; }
  base::Nanos wall() const override { return now(); }

 private:
  base::Nanos step_;
  mutable base::Nanos now_ = 0;
};

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

std::string rows(std::size_t bytes) {
  std::string out;
  for (int i = 0; out.size() < bytes; ++i) out += "row " + std::to_string(i) + " of a list of products;";
  out.resize(bytes);
  return out;
}

std::string noise(std::size_t bytes) {
  std::mt19937 random(7);
  std::string out;
  while (out.size() < bytes) out.push_back(static_cast<char>(random()));
  return out;
}

struct CompressionTest : testing::Test {
  std::uint64_t count(Compressed kind) const { return stats.replies[static_cast<std::size_t>(kind)].get(); }
  // As the cache holds it.
  cache::EntryRef entry(std::string_view bytes, std::size_t mark) {
    ++key.lo;
    auto fill = cache.lookup(key, nullptr).fill;
    EXPECT_EQ(fill.keep({&bytes, 1}, static_cast<std::uint32_t>(mark), {}, base::kSecond, 1),
              cache::KeepResult::kKept);
    return std::move(cache.lookup(key, nullptr).entry);
  }
  std::optional<std::string> expanded(std::string_view bytes, std::size_t mark) {
    const cache::EntryRef kept = entry(bytes, mark);
    const auto reply = compression.expand(kept);
    return reply ? std::optional(std::string(*reply)) : std::nullopt;
  }

  static cache::CacheConfig config() {
    cache::CacheConfig config;
    config.memory_bytes = 64 * kMebibyte;
    config.entry_bytes_max = 4 * kMebibyte;
    return config;
  }

  base::ManualClock clock;
  SteppingClock cpu{10 * base::kMillisecond};  // what each attempt takes
  cache::Generations generations{10};
  cache::Cache cache{config(), clock, generations};
  cache::Key key{.lo = 1, .hi = 2};
  CompressionStats stats;
  Compression compression{clock, cpu, stats};
};

TEST_F(CompressionTest, WhatGetsSmallerComesBackAsItWas) {
  compression.set_cpu_share(1);
  for (const std::size_t bytes : {std::size_t{512}, std::size_t{5000}, kMebibyte}) {
    const std::string reply = rows(bytes);
    const std::string stored(compression.compress(reply));
    ASSERT_FALSE(stored.empty());
    EXPECT_LE(stored.size(), bytes * 7 / 8);
    EXPECT_EQ(expanded(stored, bytes), reply);
  }
  EXPECT_EQ(count(Compressed::kYes), 3U);
  EXPECT_EQ(stats.expanded.get(), 3U);
  EXPECT_EQ(stats.reply_bytes.get(), 5512 + kMebibyte);
  EXPECT_EQ(stats.expanded_bytes.get(), 5512 + kMebibyte);
  EXPECT_LT(stats.stored_bytes.get(), stats.reply_bytes.get());
  EXPECT_EQ(stats.cpu_ns.get(), 30U * base::kMillisecond);
}

TEST_F(CompressionTest, WhatItTakesIsCounted) {
  EXPECT_EQ(stats.memory_bytes.get(), 0U);
  {
    Compression used{clock, cpu, stats};
    used.set_cpu_share(1);
    const std::string reply = rows(kMebibyte);
    const std::string stored(used.compress(reply));
    const std::uint64_t compressing = stats.memory_bytes.get();
    EXPECT_GT(compressing, kMebibyte * 7 / 8);
    EXPECT_TRUE(used.expand(entry(stored, reply.size())));
    EXPECT_GT(stats.memory_bytes.get(), compressing);
    EXPECT_LT(stats.memory_bytes.get(), 3 * kMebibyte);
  }
  EXPECT_EQ(stats.memory_bytes.get(), 0U);
}

TEST_F(CompressionTest, TheRestIsKeptAsItIs) {
  EXPECT_EQ(compression.compress(rows(5000)), "");  // off
  for (const auto& replies : stats.replies) EXPECT_EQ(replies.get(), 0U);
  compression.set_cpu_share(1);
  EXPECT_EQ(compression.compress(rows(511)), "");
  EXPECT_EQ(count(Compressed::kTooSmall), 1U);
  EXPECT_EQ(compression.compress(rows(kMebibyte + 1)), "");
  EXPECT_EQ(count(Compressed::kTooLarge), 1U);
  EXPECT_EQ(compression.compress(noise(5000)), "");
  EXPECT_EQ(count(Compressed::kNoGain), 1U);
  EXPECT_EQ(compression.compress(noise(5000) + rows(500)), "");  // less than an eighth
  EXPECT_EQ(count(Compressed::kNoGain), 2U);
  const std::string reply = rows(5000);
  EXPECT_EQ(expanded(reply, 0), reply);
  EXPECT_EQ(stats.expanded.get(), 0U);
}

TEST_F(CompressionTest, ItTakesNoMoreThanItsShareOfTheTime) {
  const std::string reply = rows(5000);
  const auto compressed_of = [&](int attempts) {
    const std::uint64_t before = count(Compressed::kYes);
    for (int i = 0; i < attempts; ++i) compression.compress(reply);
    return count(Compressed::kYes) - before;
  };
  compression.set_cpu_share(0.1);
  EXPECT_EQ(compressed_of(1000), 10U);  // 100 ms, of a second
  EXPECT_EQ(count(Compressed::kOverBudget), 990U);
  clock.advance(base::kSecond / 2);
  EXPECT_EQ(compressed_of(1000), 5U);
  clock.advance(3600 * base::kSecond);  // what is not used is not saved up for longer than a second
  EXPECT_EQ(compressed_of(1000), 10U);
  std::uint64_t total = 0;
  for (int i = 0; i < 100'000; ++i) {  // often, so that each time there is next to nothing to spend
    clock.advance(base::kSecond / 10'000);
    total += compressed_of(1);
  }
  EXPECT_NEAR(static_cast<double>(total), 100, 1);  // a second, of ten
}

TEST_F(CompressionTest, DamageIsNeverAReply) {
  compression.set_cpu_share(1);
  const std::string reply = rows(2000);
  const std::string stored(compression.compress(reply));
  std::uint64_t unreadable = 0;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::string damaged = stored;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    const auto got = expanded(damaged, reply.size());
    EXPECT_EQ(got.value_or(reply), reply) << i;  // there are bits that say nothing
    unreadable += got ? 0 : 1;
  }
  EXPECT_GT(unreadable, stored.size() * 9 / 10);
  EXPECT_EQ(stats.unreadable.get(), unreadable);
  for (std::size_t bytes = 0; bytes < stored.size(); ++bytes)
    EXPECT_EQ(expanded(stored.substr(0, bytes), reply.size()), std::nullopt) << bytes;
  EXPECT_EQ(expanded(stored, reply.size() - 1), std::nullopt);
  EXPECT_EQ(expanded(stored, reply.size() + 1), std::nullopt);
  EXPECT_EQ(expanded(reply, reply.size()), std::nullopt);
  // Nor does it decide how much memory is taken.
  const std::string large = rows(2 * kMebibyte);
  Compression without_limit{clock, cpu, stats, {.bytes_max = 4 * kMebibyte}};
  without_limit.set_cpu_share(1);
  const std::string bomb(without_limit.compress(large));
  ASSERT_FALSE(bomb.empty());
  EXPECT_EQ(expanded(bomb, large.size()), std::nullopt);
}

// Through the paths of a session.
struct CompressedReplies : testing::Test {
  CompressedReplies() { worker().compression.set_cpu_share(1); }
  TestWorker& worker() { return session.worker(); }
  CompressionStats& stats() { return worker().stats.compression; }

  const std::string read = simple_query("select id from a");
  TestSession session;
};

TEST_F(CompressedReplies, AnswerAsTheyCame) {
  session.say(read);  // reads the settings
  const std::string first = session.reply_to(read);
  const std::uint64_t expanded = stats().expanded.get();
  EXPECT_EQ(session.hits_of(read), 1U);
  EXPECT_EQ(session.reply_to(read), first);
  EXPECT_EQ(stats().expanded.get(), expanded + 2);
}

TEST_F(CompressedReplies, ADamagedOneIsAskedAnew) {
  session.say(read);
  const std::string first = session.reply_to(read);
  EXPECT_EQ(session.hits_of(read), 1U);
  worker().damage_compressed();
  const std::uint64_t hits = worker().hits();
  EXPECT_EQ(session.reply_to(read), first);
  EXPECT_EQ(worker().hits(), hits);
  EXPECT_EQ(stats().unreadable.get(), 1U);
  EXPECT_EQ(session.hits_of(read), 1U);  // it was kept anew, as it is
  EXPECT_EQ(stats().unreadable.get(), 1U);
}

}  // namespace
}  // namespace pgweir::proxy
