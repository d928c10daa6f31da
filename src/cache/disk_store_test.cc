#include "cache/disk_store.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "cache/test_disk.h"

namespace pgweir::cache {
namespace {

constexpr std::uint64_t kSmallBytes = disk::kSegmentsBegin + 6 * 4096;

std::string value_of(std::uint64_t number, std::uint64_t version = 0) {
  return std::to_string(number) + "/" + std::to_string(version) + std::string(200 + number * 7 % 150, 'v');
}

disk::Content content_of(std::uint64_t number) {
  disk::Content content;
  content.key = key_of(number);
  content.expires_at = 100 * base::kSecond;
  content.bytes = "x";
  return content;
}

std::uint64_t reads(const TestStore& t, DiskRead end) {
  return t.store.stats().reads[static_cast<std::size_t>(end)];
}
std::uint64_t faults(const TestStore& t, DiskFault fault) {
  return t.store.stats().faults[static_cast<std::size_t>(fault)];
}

struct StoreTest : testing::Test {
  StoreTest() { EXPECT_TRUE(t.open()); }
  // Fills until this entry has been written to the device.
  void fill(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t number = from; number < to; ++number) {
      ASSERT_TRUE(t.append(number, value_of(number)));
      t.work();
    }
  }
  io::MockDevice device{kSmallBytes, 1};
  TestStore t{device};
};

TEST_F(StoreTest, FindsWhatWasAppended) {
  ASSERT_TRUE(t.append(1, "one"));
  EXPECT_EQ(t.get(1), "one") << "out of the buffer";
  EXPECT_EQ(t.get(2), "");
  fill(10, 40);
  EXPECT_EQ(t.get(1), "one") << "from the device";
  EXPECT_GT(device.calls().reads, 0U);
}

TEST_F(StoreTest, NotBeforeItIsPublished) {
  const auto place = t.store.append(content_of(1), t.store.epoch());
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(t.get(1), "");
  t.store.publish(key_of(1), *place);
  EXPECT_EQ(t.get(1), "x");
}

TEST_F(StoreTest, TheNewestHolds) {
  t.append(1, "old");
  t.append(1, "new");
  EXPECT_EQ(t.get(1), "new");
  t.store.erase(key_of(1));
  EXPECT_EQ(t.get(1), "");
}

TEST_F(StoreTest, NotWhatExpiredOrChanged) {
  t.append(1, "one", 10 * base::kSecond);
  t.append(2, "two");
  t.clock.advance(10 * base::kSecond);
  EXPECT_EQ(t.get(1), "");
  EXPECT_EQ(t.last_read, DiskRead::kDead);
  EXPECT_FALSE(t.store.contains(key_of(1)));
  EXPECT_EQ(t.get(2), "two");
  t.generations.bump(3);
  EXPECT_EQ(t.get(2), "");
  EXPECT_EQ(t.store.stats().entries, 0U);
}

TEST_F(StoreTest, WhatIsLongExpiredIsNotRead) {
  t.append(1, "one", 10 * base::kSecond);
  t.clock.advance(60 * base::kSecond);
  EXPECT_FALSE(t.store.find(key_of(1)).has_value());
}

TEST_F(StoreTest, NothingAfterClear) {
  t.append(1, "one");
  const std::uint64_t epoch = t.store.epoch();
  const auto place = t.store.find(key_of(1));
  const auto unpublished = t.store.append(content_of(2), epoch);
  t.store.begin_clear();
  EXPECT_EQ(t.get(1), "");
  EXPECT_FALSE(t.append(3, "three"));
  t.store.end_clear();
  t.store.publish(key_of(2), *unpublished);
  EXPECT_EQ(t.get(2), "");
  EXPECT_FALSE(t.store.append(content_of(3), epoch).has_value()) << "it was evicted before";
  std::string bytes;
  disk::Record record;
  EXPECT_EQ(t.store.read(key_of(1), *place, bytes, record), DiskRead::kGone);
  EXPECT_TRUE(t.append(1, "again"));
  EXPECT_EQ(t.get(1), "again");
}

TEST_F(StoreTest, ClearHoldsForLaterRuns) {
  fill(0, 30);
  t.store.begin_clear();
  t.store.end_clear();
  t.work();
  TestStore later(device);
  ASSERT_TRUE(later.open());
  EXPECT_EQ(later.store.stats().entries, 0U);
}

TEST_F(StoreTest, OldSegmentsMakeRoom) {
  fill(0, 200);
  EXPECT_EQ(t.get(0), "");
  EXPECT_EQ(t.get(199), value_of(199));
  EXPECT_EQ(device.calls().backward_writes, 3U) << "superblock, then round by round";
  EXPECT_GT(t.store.stats().dropped, 0U);
  EXPECT_LE(t.store.stats().entries, 6U * 16);
}

TEST_F(StoreTest, WhatIsTooLargeIsRefused) {
  EXPECT_FALSE(t.append(1, std::string(4096, 'x')));
  EXPECT_EQ(t.last_append, Admission::kTooLarge);
  EXPECT_TRUE(t.append(1, std::string(3800, 'x')));
  EXPECT_EQ(t.get(1), std::string(3800, 'x'));
}

TEST_F(StoreTest, RefusesWhenTheWriterDoesNotKeepUp) {
  std::uint64_t number = 0;
  while (t.append(number, value_of(number))) ++number;
  EXPECT_GT(number, 20U);
  EXPECT_EQ(t.last_append, Admission::kNoBuffer);
  for (std::uint64_t i = 0; i < number; ++i) EXPECT_EQ(t.get(i), value_of(i));
  t.work();
  EXPECT_TRUE(t.append(number, value_of(number)));
}

TEST_F(StoreTest, IsThereAgainInTheNextRunButNotForUse) {
  fill(0, 40);
  ASSERT_TRUE(t.store.flush().has_value());
  TestStore later(device);
  ASSERT_TRUE(later.open());
  EXPECT_EQ(later.store.stats().rebuilt, 40U);
  EXPECT_EQ(later.store.stats().scanned_segments, 0U);
  EXPECT_EQ(later.get(39), "") << "its generations are another run's";
}

struct KeptStoreTest : testing::Test {
  KeptStoreTest() { config.kept = &*kept; }
  TestKept kept;
  DiskStoreConfig config = small_store();
  io::MockDevice device{kSmallBytes, 1};
};

TEST_F(KeptStoreTest, WhatEarlierRunsLeftIsFoundUnlessItIsOver) {
  TestStore first(device, config);
  ASSERT_TRUE(first.open());
  first.append(1, "short", 10 * base::kSecond);
  first.append(2, "long", 1000 * base::kSecond);
  ASSERT_TRUE(first.store.flush().has_value());
  TestStore later(device, config);
  later.clock.advance(50 * base::kSecond);
  ASSERT_TRUE(later.open());
  EXPECT_EQ(later.store.stats().rebuilt, 2U);
  EXPECT_EQ(later.store.stats().continued, 2U);
  EXPECT_EQ(later.get(1), "");
  EXPECT_EQ(later.last_read, DiskRead::kDead);
  EXPECT_EQ(later.get(2), "long");
  later.clock.advance(949 * base::kSecond);
  EXPECT_EQ(later.get(2), "long");
  later.clock.advance(base::kSecond);
  EXPECT_EQ(later.get(2), "");
}

// The machine has started anew meanwhile, and so has its other clock.
TEST_F(KeptStoreTest, ItsTimesAreByTheWall) {
  class Restarted final : public base::Clock {
   public:
    base::Nanos now() const override { return wall_.now() - 50 * base::kSecond; }
    base::Nanos wall() const override { return wall_.now(); }
    base::ManualClock wall_;
  } clock;
  TestStore first(device, config);
  first.clock.advance(60 * base::kSecond);
  ASSERT_TRUE(first.open());
  first.append(1, "one", 100 * base::kSecond);
  ASSERT_TRUE(first.store.flush().has_value());
  clock.wall_.advance(70 * base::kSecond);
  DiskStore later(config, device, clock, [](const disk::Record&) { return false; });
  ASSERT_TRUE(later.open().has_value());
  std::string bytes;
  disk::Record record;
  ASSERT_EQ(later.read(key_of(1), *later.find(key_of(1)), bytes, record), DiskRead::kFound);
  EXPECT_EQ(clock.now() - record.asked_at, 10 * base::kSecond);
  EXPECT_EQ(record.expires_at - clock.now(), 90 * base::kSecond);
}

TEST_F(KeptStoreTest, NothingOfTheFutureIsFound) {
  TestStore first(device, config);
  first.clock.advance(10 * base::kSecond);
  ASSERT_TRUE(first.open());
  first.append(1, "one", 1000 * base::kSecond);
  first.clock.advance(10 * base::kSecond);
  first.append(2, "two", 1000 * base::kSecond);
  ASSERT_TRUE(first.store.flush().has_value());
  TestStore between(device, config);  // its clock was set back
  between.clock.advance(15 * base::kSecond);
  ASSERT_TRUE(between.open());
  EXPECT_EQ(between.get(1), "one");
  EXPECT_EQ(between.get(2), "");
  TestStore before(device, config);
  ASSERT_TRUE(before.open());
  EXPECT_EQ(before.get(1), "");
}

TEST_F(KeptStoreTest, NotWhatHasChangedSince) {
  TestStore first(device, config);
  ASSERT_TRUE(first.open());
  first.append(1, "one");
  ASSERT_TRUE(first.store.flush().has_value());
  kept.reopen();
  config.kept = &*kept;
  TestStore later(device, config);
  ASSERT_TRUE(later.open());
  EXPECT_EQ(later.get(1), "one");
  later.generations.bump(4);
  EXPECT_EQ(later.get(1), "");
  EXPECT_EQ(later.last_read, DiskRead::kDead);
}

// A run that wrote under counters of its own, between two that knew these.
TEST_F(KeptStoreTest, NotWhatWasWrittenUnderOtherCounters) {
  TestStore first(device, config);
  ASSERT_TRUE(first.open());
  first.append(1, "one");
  ASSERT_TRUE(first.store.flush().has_value());
  TestStore other(device);
  ASSERT_TRUE(other.open());
  EXPECT_EQ(other.get(1), "");
  other.append(2, "two");
  ASSERT_TRUE(other.store.flush().has_value());
  TestStore later(device, config);
  ASSERT_TRUE(later.open());
  EXPECT_EQ(later.store.stats().rebuilt, 2U);
  EXPECT_EQ(later.get(1), "one");
  EXPECT_EQ(later.get(2), "");
  EXPECT_FALSE(later.store.contains(key_of(2)));
}

// It is written once more, and then by the clock of the run that does it.
TEST_F(KeptStoreTest, WhatIsAskedForStays) {
  constexpr std::uint64_t kNumber = 250, kBytes = 1000;
  constexpr base::Nanos kTtl = 5000 * base::kSecond;
  io::MockDevice large(disk::kSegmentsBegin + (8 << 16), 1);
  config.segment_bytes = 1 << 16;
  config.write_bytes = 1 << 14;
  TestStore first(large, config);
  ASSERT_TRUE(first.open());
  for (std::uint64_t number = 0; number < 400; ++number) {
    ASSERT_TRUE(first.append(number, std::string(kBytes, 'v'), kTtl));
    first.work();
  }
  ASSERT_TRUE(first.store.flush().has_value());
  TestStore later(large, config);
  later.clock.advance(777 * base::kSecond);
  ASSERT_TRUE(later.open());
  ASSERT_EQ(later.get(kNumber).size(), kBytes);
  for (std::uint64_t other = 1000; other < 1600; ++other) {
    ASSERT_TRUE(later.append(other, std::string(kBytes, 'w'), kTtl));
    later.work();
  }
  EXPECT_EQ(later.store.stats().reinserted, 1U);
  later.clock.advance(kTtl - 778 * base::kSecond);
  EXPECT_EQ(later.get(kNumber).size(), kBytes);
  later.clock.advance(2 * base::kSecond);
  EXPECT_EQ(later.get(kNumber), "");
  EXPECT_EQ(later.get(1599).size(), kBytes);
}

TEST_F(StoreTest, OfAnotherIdentityOrShapeNothingIsFound) {
  fill(0, 40);
  for (int i = 0; i < 2; ++i) {
    DiskStoreConfig config = small_store();
    if (i == 0) config.identity.lo = 9;
    if (i == 1) config.segment_bytes = 8192;
    io::MockDevice copy(kSmallBytes, 1);
    copy.bytes() = device.bytes();
    TestStore other(copy, config);
    if (!other.open()) continue;
    EXPECT_EQ(other.store.stats().entries, 0U);
    TestStore again(copy);
    ASSERT_TRUE(again.open());
    EXPECT_EQ(again.store.stats().entries, 0U) << "made anew";
  }
}

TEST(Store, RefusesAFileOfSomebodyElse) {
  io::MockDevice device(kSmallBytes, 1);
  device.bytes()[100] = 'x';
  TestStore t(device);
  const auto opened = t.store.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, base::ErrorCode::kInvalid);
  EXPECT_EQ(device.calls().writes, 0U);
}

TEST(Store, RefusesTooSmallADevice) {
  io::MockDevice device(disk::kSegmentsBegin + 2 * 4096, 1);
  TestStore t(device);
  EXPECT_EQ(t.store.open().error().code, base::ErrorCode::kInvalid);
}

TEST_F(StoreTest, WhatWasAskedForIsWrittenOnceMore) {
  io::MockDevice large(disk::kSegmentsBegin + (8 << 16), 1);
  DiskStoreConfig config = small_store();
  config.segment_bytes = 1 << 16;
  config.write_bytes = 1 << 14;
  TestStore s(large, config);
  ASSERT_TRUE(s.open());
  constexpr std::uint64_t kCount = 3000;
  for (std::uint64_t number = 0; number < kCount; ++number) {
    ASSERT_TRUE(s.append(number, std::string(1000, 'x')));
    s.work();
    ASSERT_EQ(s.get(7).size(), number < 7 ? 0U : 1000U) << "asked for at " << number;
  }
  const DiskStats stats = s.store.stats();
  EXPECT_GT(stats.reinserted, 3U);
  const double amplification =
      static_cast<double>(large.calls().written_bytes) / static_cast<double>(stats.appended_bytes);
  EXPECT_LE(amplification, 1.1);
  EXPECT_EQ(stats.written_bytes, large.calls().written_bytes);
}

// Everything is asked for, and still not written again and again.
TEST_F(StoreTest, LittleIsWrittenTwice) {
  io::MockDevice large(disk::kSegmentsBegin + (8 << 16), 1);
  DiskStoreConfig config = small_store();
  config.segment_bytes = config.write_bytes = 1 << 16;
  TestStore s(large, config);
  ASSERT_TRUE(s.open());
  for (std::uint64_t number = 0; number < 5000; ++number) {
    ASSERT_TRUE(s.append(number, std::string(1000, 'x')));
    s.work();
    s.store.find(key_of(number));
  }
  EXPECT_GT(s.store.stats().reinserted, 20U);
  EXPECT_LE(static_cast<double>(large.calls().written_bytes),
            1.1 * static_cast<double>(s.store.stats().appended_bytes));
}

TEST_F(StoreTest, ADeadOneIsNotWrittenAgain) {
  io::MockDevice large(disk::kSegmentsBegin + (8 << 16), 1);
  DiskStoreConfig config = small_store();
  config.segment_bytes = config.write_bytes = 1 << 16;
  TestStore s(large, config);
  ASSERT_TRUE(s.open());
  for (std::uint64_t number = 0; number < 2000; ++number) {
    ASSERT_TRUE(s.append(number, std::string(1000, 'x')));
    s.store.find(key_of(number));
    s.generations.bump(3);
    s.work();
  }
  EXPECT_EQ(s.store.stats().reinserted, 0U);
}

// What a failed write should have held is not there; what came before is.
TEST_F(StoreTest, AFailedWriteVoidsItsSegmentAlone) {
  fill(0, 20);
  EXPECT_EQ(t.get(0), value_of(0));
  const auto fail_with = [&](const io::MockFaults& with, std::uint64_t from) {
    device.set_faults(with);
    std::uint64_t number = from;
    while (t.work()) t.append(number++, "some entry");
    device.set_faults({});
    EXPECT_EQ(t.get(from), "");
    EXPECT_EQ(t.get(0), value_of(0));
  };
  fail_with({.write_error = 1}, 1000);
  fail_with({.no_space = 1}, 2000);
  fail_with({.sync_error = 1}, 3000);
  EXPECT_EQ(faults(t, DiskFault::kWrite), 1U);
  EXPECT_EQ(faults(t, DiskFault::kNoSpace), 1U);
  EXPECT_EQ(faults(t, DiskFault::kSync), 1U);
}

// The file is full, so each segment takes the place of an older one.
TEST_F(StoreTest, AFooterThatCannotBeReadVoidsItsSegment) {
  fill(0, 200);
  device.set_faults({.read_error = 1});
  fill(200, 240);
  device.set_faults({});
  const std::uint64_t entries = t.store.stats().entries;  // a read that fails drops what it did not find
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < 240; ++i) found += t.get(i).empty() ? 0 : 1;
  EXPECT_EQ(found, entries) << "what is gone has left the index too";
  EXPECT_EQ(t.get(239), value_of(239));
}

TEST_F(StoreTest, AReplacedFileHoldsNothing) {
  fill(0, 40);
  device.replace();
  EXPECT_EQ(t.get(0), "") << "zeros are no record";
  EXPECT_EQ(t.last_read, DiskRead::kCorrupt);
  std::uint64_t number = 100;
  while (t.work()) t.append(number++, "some entry");
  EXPECT_EQ(faults(t, DiskFault::kReplaced), 1U);
  EXPECT_FALSE(t.store.is_open());
  EXPECT_EQ(t.get(39), "");
  EXPECT_FALSE(t.append(1, "x"));
  ASSERT_TRUE(t.open());
  EXPECT_EQ(t.get(39), "");
  EXPECT_TRUE(t.append(1, "x"));
}

TEST_F(StoreTest, EachReadFaultIsCountedAndAnswersNothing) {
  fill(0, 40);
  device.set_faults({.read_error = 1});
  EXPECT_EQ(t.get(0), "");
  EXPECT_EQ(reads(t, DiskRead::kError), 1U);
  device.set_faults({.short_read = 1});
  EXPECT_EQ(t.get(1), "");
  EXPECT_EQ(reads(t, DiskRead::kShort), 1U);
  device.set_faults({.bit_flip = 1});
  EXPECT_EQ(t.get(2), "");
  EXPECT_EQ(reads(t, DiskRead::kCorrupt), 1U);
  EXPECT_FALSE(t.store.contains(key_of(0)) || t.store.contains(key_of(1)) || t.store.contains(key_of(2)));
  device.set_faults({});
  EXPECT_EQ(t.get(3), value_of(3));
}

TEST_F(StoreTest, AnotherKeyOfTheSameTagIsNoAnswer) {
  t.append(1, "one");
  Key other = key_of(1);
  other.lo ^= 1;
  const auto place = t.store.find(other);
  ASSERT_TRUE(place.has_value());
  std::string bytes;
  disk::Record record;
  EXPECT_EQ(t.store.read(other, *place, bytes, record), DiskRead::kOtherKey);
  EXPECT_EQ(t.get(1), "one");
}

// The process is killed when so many bytes have reached the device, for every such number.
TEST(Store, SurvivesAKillAtAnyByte) {
  constexpr std::uint64_t kEntries = 34;
  const TestKept kept;
  DiskStoreConfig config = small_store();
  config.kept = &*kept;
  std::uint64_t total = 0;
  for (std::uint64_t cut = 0; cut <= total + 1; ++cut) {
    if (cut == 100) cut = disk::kSuperblockBytes - 1;  // nothing but zeros between
    io::MockDevice device(kSmallBytes, 1);
    TestStore first(device, config);
    device.cut_power_after(cut);
    ASSERT_TRUE(first.open());
    std::uint64_t in_whole_segments = 0;  // the entries before this one are on the device
    for (std::uint64_t number = 0; number < kEntries; ++number) {
      ASSERT_TRUE(first.append(number, value_of(number)));
      const std::uint64_t before = device.calls().written_bytes;
      ASSERT_TRUE(first.work());
      const std::uint64_t after = device.calls().written_bytes;
      if (after != before && after <= cut) in_whole_segments = number;
    }
    total = device.calls().written_bytes;
    device.restore_power();
    TestStore later(device, config);
    ASSERT_TRUE(later.open()) << "at " << cut;
    for (std::uint64_t number = 0; number < kEntries; ++number) {
      const std::string found = later.get(number);
      if (number < in_whole_segments) {
        ASSERT_EQ(found, value_of(number)) << "at " << cut;
      }
      ASSERT_TRUE(found.empty() || found == value_of(number)) << "at " << cut;
    }
    ASSERT_TRUE(later.append(7, "new"));
    ASSERT_EQ(later.get(7), "new");
  }
  EXPECT_GE(total, 3U * 4096);
}

// The machine goes down: of what was not synced any sector may be there or not. All but what was in memory is
// there.
TEST(Store, SurvivesALossOfPower) {
  constexpr std::uint64_t kSegment = 8192, kSegments = 12;
  struct Newest {
    std::string value;
    std::uint64_t appended_at = 0;  // in bytes
  };
  const TestKept kept;
  unsigned found_again = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    io::MockDevice device(disk::kSegmentsBegin + kSegments * kSegment, seed);
    DiskStoreConfig config = small_store();
    config.segment_bytes = kSegment;
    config.kept = &*kept;
    std::map<std::uint64_t, Newest> newest;
    std::mt19937_64 random(seed);
    TestStore first(device, config);
    ASSERT_TRUE(first.open());
    for (std::uint64_t i = 0; i < 300; ++i) {
      const std::uint64_t number = random() % 150;
      if (first.append(number, value_of(number, i)))
        newest[number] = {value_of(number, i), first.store.stats().appended_bytes};
      if (random() % 3 == 0 && first.store.has_work()) static_cast<void>(first.store.work());
    }
    const std::uint64_t end = first.store.stats().appended_bytes;
    device.lose_unsynced(seed);
    TestStore later(device, config);
    ASSERT_TRUE(later.open());
    for (const auto& [number, entry] : newest) {
      const std::string found = later.get(number);
      ASSERT_TRUE(found.empty() || found.starts_with(std::to_string(number) + "/")) << "seed " << seed;
      const std::uint64_t behind = end - entry.appended_at;
      if (behind < 2 * kSegment || behind > (kSegments - 3) * kSegment * 4 / 5) continue;
      ASSERT_EQ(found, entry.value) << "seed " << seed;
      ++found_again;
    }
  }
  EXPECT_GT(found_again, 3000U);
}

// Everything at once, against a model: whatever the device does, a reply is the newest of its key, or none.
TEST(Store, NeverAnswersWronglyWhateverTheDeviceDoes) {
  std::array<std::uint64_t, kDiskReads> ends{};
  std::array<std::uint64_t, kDiskFaults> refused{};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    io::MockDevice device(kSmallBytes, seed);
    TestStore t(device);
    std::mt19937_64 random(seed);
    ASSERT_TRUE(t.open());
    device.set_faults({.read_error = 0.02,
                       .write_error = 0.05,
                       .no_space = 0.05,
                       .sync_error = 0.05,
                       .short_read = 0.05,
                       .bit_flip = 0.05,
                       .torn_write = 0.1,
                       .lost_write = 0.1});
    std::map<std::uint64_t, std::string> newest;
    for (std::uint64_t i = 0; i < 3000; ++i) {
      const std::uint64_t number = random() % 60;
      const auto roll = random() % 100;
      if (roll < 35) {
        newest.erase(number);
        t.store.erase(key_of(number));
        if (t.append(number, value_of(number, i))) newest[number] = value_of(number, i);
      } else if (roll < 40) {
        newest.erase(number);
        t.store.erase(key_of(number));
      } else if (roll < 41) {
        newest.clear();
        random() % 2 == 0 ? t.generations.bump(3) : (t.store.begin_clear(), t.store.end_clear());
      } else if (roll < 60) {
        if (t.store.has_work()) static_cast<void>(t.store.work());
      } else if (roll == 99 && random() % 20 == 0) {
        device.replace();
      } else if (const std::string found = t.get(number); !found.empty()) {
        ASSERT_EQ(found, newest[number]) << "seed " << seed << ", step " << i;
      }
      if (!t.store.is_open() && random() % 10 == 0) static_cast<void>(t.store.open());
    }
    const DiskStats stats = t.store.stats();
    for (std::size_t k = 0; k < kDiskReads; ++k) ends[k] += stats.reads[k];
    for (std::size_t k = 0; k < kDiskFaults; ++k) refused[k] += stats.faults[k];
  }
  for (const DiskRead end :
       {DiskRead::kFound, DiskRead::kDead, DiskRead::kShort, DiskRead::kCorrupt, DiskRead::kError})
    EXPECT_GT(ends[static_cast<std::size_t>(end)], 100U) << name(end);
  for (std::size_t k = 0; k < kDiskFaults; ++k) EXPECT_GT(refused[k], 10U) << name(static_cast<DiskFault>(k));
}

}  // namespace
}  // namespace pgweir::cache
