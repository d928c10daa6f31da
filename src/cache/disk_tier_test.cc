#include "cache/disk_tier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "cache/test_disk.h"

namespace pgweir::cache {
namespace {

using base::kMillisecond;
using base::kSecond;
using Step = DiskTier::Step;

DiskTierConfig small_tier() {
  DiskTierConfig config;
  config.store = small_store();
  config.admission = AdmissionKind::kAll;
  config.queue_max = 4;
  return config;
}

struct TestTier {
  explicit TestTier(const DiskTierConfig& config = small_tier(), unsigned segments = 16)
      : device(disk::kSegmentsBegin + std::uint64_t{segments} * config.store.segment_bytes, 1, &clock),
        tier(config, device, clock, generations) {
    tier.set_completed([this](const DiskRequest& request, const disk::Record* record) {
      ended.store(ended.load() + 1);
      found = record != nullptr ? std::string(record->bytes) : "";
      ticket = request.ticket;
    });
  }
  disk::Content content(std::uint64_t number, std::string_view bytes) {
    disk::Content content;
    content.key = key_of(number);
    content.asked_at = clock.now();
    content.expires_at = clock.now() + 3600 * kSecond;
    content.cost = kMillisecond;
    content.bytes = bytes;
    return content;
  }
  bool offer(const disk::Content& content) {
    const auto place = tier.offer(content, tier.epoch());
    if (place) tier.publish(content.key, *place);
    return place.has_value();
  }
  bool offer(std::uint64_t number, std::string_view bytes = std::string(300, 'x')) {
    return offer(content(number, bytes));
  }
  void write() {
    for (int i = 0; i < 1000 && tier.write_step() == Step::kDone; ++i) {
    }
  }
  bool request(std::uint64_t number) {
    const auto place = tier.find(key_of(number));
    return place && tier.request(key_of(number), *place, number);
  }
  std::string get(std::uint64_t number) {
    found.clear();
    if (request(number)) tier.read_step(0);
    return found;
  }
  std::uint64_t admissions(Admission admission) const {
    return tier.stats().admissions[static_cast<std::size_t>(admission)];
  }
  // Until so many of the first entries are on the device.
  void fill(std::uint64_t entries) {
    write();
    for (std::uint64_t number = 0; number < entries; ++number) {
      EXPECT_TRUE(offer(number));
      write();
    }
  }

  base::ManualClock clock;
  Generations generations{10};
  io::MockDevice device;
  std::atomic<int> ended{0};
  std::string found;
  std::uint64_t ticket = 0;
  DiskTier tier;
};

TEST(DiskTier, ReadsWhatItWasOffered) {
  TestTier t;
  t.fill(30);
  EXPECT_EQ(t.get(2), std::string(300, 'x'));
  EXPECT_EQ(t.ticket, 2U);
  EXPECT_EQ(t.get(99), "");
  EXPECT_EQ(t.ended, 1);
  EXPECT_TRUE(t.tier.stats().is_used);
  EXPECT_EQ(t.tier.trouble(), "");
}

TEST(DiskTier, NothingUntilItIsOpen) {
  TestTier t;
  EXPECT_FALSE(t.offer(1));
  EXPECT_EQ(t.admissions(Admission::kClosed), 1U);
  EXPECT_FALSE(t.request(1));
  EXPECT_NE(t.tier.trouble(), "");
}

TEST(DiskTier, AdmitsOnSecondSight) {
  DiskTierConfig config = small_tier();
  config.admission = AdmissionKind::kSecondSight;
  TestTier t(config);
  t.write();
  EXPECT_FALSE(t.offer(1));
  EXPECT_TRUE(t.offer(1));
  EXPECT_EQ(t.admissions(Admission::kFirstSight), 1U);
  EXPECT_EQ(t.admissions(Admission::kAdmitted), 1U);
}

TEST(DiskTier, WritesNothingTwice) {
  TestTier t;
  t.write();
  EXPECT_TRUE(t.offer(1));
  EXPECT_FALSE(t.offer(1));
  EXPECT_EQ(t.admissions(Admission::kThere), 1U);
}

TEST(DiskTier, NotWhatIsNearlyOver) {
  TestTier t;
  t.write();
  disk::Content content = t.content(1, "x");
  content.expires_at = t.clock.now() + 5 * kSecond - 1;
  EXPECT_FALSE(t.offer(content));
  EXPECT_EQ(t.admissions(Admission::kShortLived), 1U);
  ++content.expires_at;
  EXPECT_TRUE(t.offer(content));
}

TEST(DiskTier, NotWhatTheDatabaseGivesFaster) {
  TestTier t;
  t.fill(30);
  disk::Content cheap = t.content(100, "x"), dear = t.content(101, "x");
  cheap.cost = kMillisecond;
  dear.cost = 60 * kMillisecond;
  t.device.set_faults({.stall = 1, .stall_time = 40 * kMillisecond});
  for (std::uint64_t number = 0; number < 20; ++number) t.get(number);
  EXPECT_FALSE(t.offer(cheap));
  EXPECT_EQ(t.admissions(Admission::kCheap), 1U);
  EXPECT_TRUE(t.offer(dear));
}

TEST(DiskTier, TooManyRequestsAreRefused) {
  TestTier t;
  t.fill(30);
  for (std::uint64_t number = 0; number < 4; ++number) EXPECT_TRUE(t.request(number));
  EXPECT_FALSE(t.request(4));
  EXPECT_EQ(t.tier.stats().queue_full, 1U);
  while (t.tier.read_step(0) == Step::kDone) {
  }
  EXPECT_EQ(t.ended, 4);
  EXPECT_TRUE(t.request(4));
}

TEST(DiskTier, WhatNobodyWaitsForIsNotRead) {
  TestTier t;
  t.fill(30);
  ASSERT_TRUE(t.request(1));
  t.clock.advance(50 * kMillisecond);
  const auto reads = t.device.calls().reads;
  EXPECT_EQ(t.tier.read_step(0), Step::kDone);
  EXPECT_EQ(t.device.calls().reads, reads);
  EXPECT_EQ(t.ended, 1);
  EXPECT_EQ(t.found, "");
  EXPECT_EQ(t.tier.stats().overdue, 1U);
}

TEST(DiskTier, StopEndsWhatIsLeft) {
  TestTier t;
  t.fill(30);
  ASSERT_TRUE(t.request(1));
  t.tier.stop();
  EXPECT_EQ(t.ended, 1);
  EXPECT_FALSE(t.request(1));
}

// Measured at the device, in every second.
TEST(DiskTier, KeepsItsBudgetOfASecond) {
  DiskTierConfig config = small_tier();
  config.store.segment_bytes = 1 << 16;
  config.store.write_bytes = 1 << 16;
  config.write_bytes_per_second = 100'000;
  TestTier t(config);
  std::map<base::Nanos, std::uint64_t> written;
  const base::Nanos begin = t.clock.now();
  for (std::uint64_t number = 0; number < 3000; ++number, t.clock.advance(10 * kMillisecond)) {
    t.offer(number, std::string(5000, 'x'));
    const auto before = t.device.calls().written_bytes;
    t.write();
    written[t.clock.now()] = t.device.calls().written_bytes - before;
  }
  std::uint64_t in_window = 0, most = 0;
  auto oldest = written.begin();
  for (const auto& [at, bytes] : written) {
    in_window += bytes;
    for (; oldest->first <= at - kSecond; ++oldest) in_window -= oldest->second;
    most = std::max(most, in_window);
  }
  EXPECT_LE(most, 100'000U);
  const double seconds = static_cast<double>(t.clock.now() - begin) / kSecond;
  EXPECT_GT(static_cast<double>(t.device.calls().written_bytes), 0.7 * 100'000 * seconds);
  EXPECT_GT(t.admissions(Admission::kNoBuffer), 0U);
}

TEST(DiskTier, KeepsItsBudgetOfADay) {
  DiskTierConfig config = small_tier();
  config.write_bytes_per_day = 10 * 4096;
  TestTier t(config);
  for (std::uint64_t number = 0; number < 300; ++number) {
    t.offer(number);
    t.write();
  }
  EXPECT_EQ(t.device.calls().written_bytes, 10U * 4096);
  EXPECT_EQ(t.tier.stats().written_in_day_bytes, 10U * 4096);
  t.clock.advance(25 * 3600 * kSecond);
  t.write();
  EXPECT_GT(t.device.calls().written_bytes, 10U * 4096);
}

// Whatever the fault is: out of the path, and back.
TEST(DiskTier, AFailingDeviceIsLeftAloneAndComesBack) {
  const std::vector<io::MockFaults> faults{
      {.read_error = 1}, {.short_read = 1}, {.bit_flip = 1}, {.stall = 1, .stall_time = 5 * kSecond}};
  for (const io::MockFaults& with : faults) {
    TestTier t;
    t.fill(40);
    t.device.set_faults(with);
    for (std::uint64_t number = 0; number < 10; ++number) EXPECT_EQ(t.get(number).size() % 300, 0U);
    EXPECT_FALSE(t.tier.stats().is_used);
    EXPECT_EQ(t.tier.stats().breaker_opened, 1U);
    EXPECT_NE(t.tier.trouble(), "");
    const auto reads = t.device.calls().reads;
    EXPECT_FALSE(t.request(20));
    EXPECT_FALSE(t.offer(100));
    EXPECT_EQ(t.tier.write_step(), Step::kBlocked);
    EXPECT_EQ(t.device.calls().reads, reads) << "it is left alone";
    t.device.set_faults({});
    t.clock.advance(kSecond);
    t.write();
    EXPECT_TRUE(t.tier.stats().is_used);
    EXPECT_EQ(t.get(20), std::string(300, 'x'));
  }
}

TEST(DiskTier, FailingWritesOpenTheBreakerToo) {
  for (const io::MockFaults& with :
       {io::MockFaults{.write_error = 1}, io::MockFaults{.no_space = 1}, io::MockFaults{.sync_error = 1}}) {
    TestTier t;
    t.fill(20);
    t.device.set_faults(with);
    for (std::uint64_t number = 100; number < 200 && t.tier.stats().breaker_opened == 0; ++number) {
      t.offer(number);
      t.write();
    }
    EXPECT_EQ(t.tier.stats().breaker_opened, 1U);
    EXPECT_NE(t.tier.trouble(), "");
    t.device.set_faults({});
    t.clock.advance(kSecond);
    t.write();
    EXPECT_TRUE(t.offer(300));
    EXPECT_EQ(t.get(5), std::string(300, 'x'));
  }
}

TEST(DiskTier, AReplacedFileIsOpenedAnew) {
  TestTier t;
  t.fill(20);
  t.device.replace();
  for (std::uint64_t number = 100; number < 150; ++number) {
    t.offer(number);
    t.write();
  }
  EXPECT_EQ(t.tier.stats().faults[static_cast<std::size_t>(DiskFault::kReplaced)], 1U);
  EXPECT_FALSE(t.tier.stats().is_used);
  EXPECT_FALSE(t.request(0));
  t.clock.advance(kSecond);
  t.write();
  EXPECT_TRUE(t.offer(5, "new"));
  EXPECT_EQ(t.get(5), "new");
  EXPECT_EQ(t.get(0), "");
}

TEST(DiskTier, AReplacedFileThatOnlyReadsHaveMetIsOpenedAnewToo) {
  TestTier t;
  t.fill(40);
  t.device.replace();
  for (std::uint64_t number = 0; number < 10; ++number) EXPECT_EQ(t.get(number).size() % 300, 0U);
  EXPECT_FALSE(t.tier.stats().is_used);
  t.clock.advance(kSecond);
  t.write();
  EXPECT_TRUE(t.tier.stats().is_used);
  EXPECT_TRUE(t.offer(5, "new"));
  EXPECT_EQ(t.get(5), "new");
}

TEST(DiskTier, ADeviceThatCannotBeOpenedIsTriedAgain) {
  TestTier t;
  t.device.set_open_error("no such directory");
  t.write();
  EXPECT_EQ(t.tier.trouble(), "no such directory");
  t.device.set_open_error("");
  t.clock.advance(kSecond);
  t.write();
  EXPECT_TRUE(t.tier.stats().is_used);
  EXPECT_EQ(t.tier.trouble(), "");
}

// With its own threads, and a device that hangs: nobody who asks is held up by it.
TEST(DiskTier, NobodyWaitsForADeviceThatHangs) {
  TestTier t;
  t.fill(40);
  t.tier.start();
  t.device.hang();
  ASSERT_TRUE(t.request(1));
  ASSERT_TRUE(t.device.wait_until_hanging());
  for (std::uint64_t number = 100; number < 200; ++number) t.offer(number);
  EXPECT_GT(t.admissions(Admission::kNoBuffer), 0U);
  t.clock.advance(kSecond);
  EXPECT_TRUE(t.tier.stats().is_stalled);
  EXPECT_FALSE(t.request(2));
  EXPECT_FALSE(t.offer(300));
  t.device.release();
  while (t.ended.load() == 0) std::this_thread::yield();
  EXPECT_FALSE(t.tier.stats().is_stalled);
  t.tier.stop();
}

TEST(DiskTier, ThreadsServeManyAtOnce) {
  DiskTierConfig config = small_tier();
  config.queue_max = 1000;
  TestTier t(config, 200);
  std::atomic<int> right{0}, all{0};
  t.tier.set_completed([&](const DiskRequest& request, const disk::Record* record) {
    if (record != nullptr && record->bytes == std::to_string(request.ticket)) ++right;
    ++all;
  });
  t.tier.start();
  while (!t.tier.stats().is_used) std::this_thread::yield();
  std::vector<std::thread> workers;
  std::atomic<int> asked{0};
  for (std::uint64_t worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&, worker] {
      for (std::uint64_t i = 0; i < 500; ++i) {
        const std::uint64_t number = worker * 1000 + i;
        t.offer(number, std::to_string(number));
        if (t.request(number - i / 2)) ++asked;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  // However fast the tier's own threads were meanwhile.
  for (std::uint64_t number = 0; asked.load() < 300; number = (number + 1) % 500) {
    t.offer(number, std::to_string(number));
    if (t.request(number)) ++asked;
  }
  while (all.load() < asked.load()) std::this_thread::yield();
  t.tier.stop();
  EXPECT_EQ(right.load(), asked.load());
}

}  // namespace
}  // namespace pgweir::cache
