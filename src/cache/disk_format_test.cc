#include "cache/disk_format.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "cache/test_cache.h"

namespace pgweir::cache::disk {
namespace {

constexpr Spot kSpot{.run = {.lo = 5, .hi = 6}, .sequence = 7, .offset = 64};
constexpr base::Nanos kBegunAt = 100 * base::kSecond;

struct RecordTest : testing::Test {
  RecordTest() : bytes(padded(Record::size_of(content.bytes.size(), 2, content.mark)), '?') {
    EXPECT_TRUE(encode(content, kSpot, kBegunAt, bytes));
  }
  const std::array<Dependency, 2> dependencies{
      Dependency{.slot = 9, .kind = Dependency::Kind::kUnvouched, .seen = std::uint64_t{1} << 50},
      Dependency{.slot = (1 << 28) - 1, .kind = Dependency::Kind::kContent, .seen = 12}};
  const Content content{.key = key_of(1),
                        .asked_at = kBegunAt - 3 * base::kSecond - 1,
                        .expires_at = kBegunAt + 5 * base::kSecond,
                        .cost = 17 * base::kMicrosecond,
                        .mark = 77,
                        .dependencies = dependencies,
                        .bytes = "reply"};
  std::string bytes;
};

TEST_F(RecordTest, ComesBackAsItWas) {
  const auto record = decode_record(bytes, kSpot, kBegunAt);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->key, key_of(1));
  EXPECT_EQ(record->bytes, "reply");
  EXPECT_EQ(record->mark, 77U);
  EXPECT_EQ(record->cost, 17 * base::kMicrosecond);
  ASSERT_EQ(record->dependencies.size(), 2U);
  EXPECT_EQ(record->dependencies[0].slot, 9U);
  EXPECT_EQ(record->dependencies[0].kind, Dependency::Kind::kUnvouched);
  EXPECT_EQ(record->dependencies[0].seen, std::uint64_t{1} << 50);
  EXPECT_EQ(record->dependencies[1].slot, (1U << 28) - 1);
}

// What was asked for later, or lives longer, would be fresher than it is.
TEST_F(RecordTest, TimesAreRoundedToTheSafeSide) {
  const auto record = decode_record(bytes, kSpot, kBegunAt);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->asked_at, kBegunAt - 3 * base::kSecond - base::kMillisecond);
  EXPECT_LE(record->expires_at, content.expires_at);
  EXPECT_GT(record->expires_at, content.expires_at - 2 * base::kMillisecond);
}

TEST_F(RecordTest, IsLaidOutAsDocumented) {
  EXPECT_EQ(record_bytes(bytes), 44U + 4 + 2 * 12 + 5);
  EXPECT_EQ(bytes.size(), 44U + 4 + 2 * 12 + 8);
  EXPECT_EQ(bytes[12], 2) << "dependencies";
  EXPECT_EQ(static_cast<unsigned char>(bytes[48 + 3]), 2U << 6) << "the kind above the slot";
  EXPECT_EQ(bytes.substr(72), std::string("reply\0\0\0", 8));
}

TEST_F(RecordTest, NoBitMayDiffer) {
  for (std::size_t bit = 0; bit < record_bytes(bytes) * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(decode_record(bytes, kSpot, kBegunAt).has_value()) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
  for (std::size_t size = 0; size < record_bytes(bytes); ++size)
    EXPECT_FALSE(decode_record(std::string_view(bytes).substr(0, size), kSpot, kBegunAt).has_value());
}

TEST_F(RecordTest, IsOnlyWhereItWasPut) {
  Spot spot = kSpot;
  spot.offset += 4;
  EXPECT_FALSE(decode_record(bytes, spot, kBegunAt).has_value());
  spot = kSpot;
  ++spot.sequence;
  EXPECT_FALSE(decode_record(bytes, spot, kBegunAt).has_value());
  spot = kSpot;
  ++spot.run.hi;
  EXPECT_FALSE(decode_record(bytes, spot, kBegunAt).has_value());
}

TEST_F(RecordTest, CanBeMoved) {
  const Spot to{.run = {.lo = 8, .hi = 9}, .sequence = 70, .offset = 640};
  move_record(bytes, to, kBegunAt, kBegunAt + 60 * base::kSecond);
  EXPECT_FALSE(decode_record(bytes, kSpot, kBegunAt).has_value());
  const auto record = decode_record(bytes, to, kBegunAt + 60 * base::kSecond);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->asked_at, kBegunAt - 3 * base::kSecond - base::kMillisecond);
  EXPECT_EQ(record->bytes, "reply");
}

TEST_F(RecordTest, IsNotWrittenIfItsAgeCannotBeTold) {
  Content old = content;
  old.asked_at = kBegunAt - 30 * 24 * 3600 * base::kSecond;
  EXPECT_FALSE(encode(old, kSpot, kBegunAt, bytes));
}

TEST(Footer, ComesBackAsItWas) {
  const std::vector<FooterEntry> entries{{.tag = tag_of(key_of(1)), .offset = 64, .length = 100},
                                         {.tag = tag_of(key_of(2)), .offset = 164, .length = 48}};
  std::string bytes(footer_bytes(2), '?');
  encode(entries, kSpot.run, 7, bytes);
  EXPECT_EQ(footer_size(bytes, 7, 4096), bytes.size());
  const auto found = decode_footer("before it" + bytes, kSpot.run, 7, 4096);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[1].tag, tag_of(key_of(2)));
  EXPECT_EQ((*found)[1].offset, 164U);
  EXPECT_EQ((*found)[1].length, 48U);
  EXPECT_FALSE(decode_footer(bytes, kSpot.run, 8, 4096).has_value());
  EXPECT_FALSE(decode_footer(bytes, kSpot.run, 7, 208).has_value()) << "an entry behind the segment's end";
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(decode_footer(bytes, kSpot.run, 7, 4096).has_value()) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
}

TEST(SegmentHeader, ComesBackAsItWas) {
  const base::Hash128 store{.lo = 3, .hi = 4};
  std::string bytes(kHeaderBytes, '?');
  encode({.sequence = 9, .run = {.lo = 5, .hi = 6}, .begun_wall = -7, .begun_at = 8}, store, bytes);
  const auto header = decode_header(bytes, store);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->sequence, 9U);
  EXPECT_EQ(header->run.hi, 6U);
  EXPECT_EQ(header->begun_wall, -7);
  EXPECT_EQ(header->begun_at, 8);
  EXPECT_FALSE(decode_header(bytes, {.lo = 4, .hi = 4}).has_value()) << "another store's";
}

TEST(Superblock, ComesBackAsItWas) {
  const Superblock superblock{.segment_bytes = 8192,
                              .segments = 17,
                              .store = {.lo = 1, .hi = 2},
                              .identity = {.lo = 3, .hi = 4},
                              .first_sequence = 5,
                              .version = 6};
  std::string bytes(kSuperblockBytes, '?');
  encode(superblock, bytes);
  const auto found = decode_superblock(bytes);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->segment_bytes, 8192U);
  EXPECT_EQ(found->segments, 17U);
  EXPECT_EQ(found->identity.hi, 4U);
  EXPECT_EQ(found->first_sequence, 5U);
  EXPECT_EQ(found->version, 6U);
  bytes[30] ^= 1;
  EXPECT_FALSE(decode_superblock(bytes).has_value());
}

TEST(Superblock, TellsAStoreFromOtherFiles) {
  std::string bytes(kSegmentsBegin, '\0');
  EXPECT_TRUE(is_store(bytes)) << "nothing yet";
  EXPECT_TRUE(is_store(""));
  bytes[5000] = 'x';
  EXPECT_FALSE(is_store(bytes));
  encode(Superblock{}, std::span(bytes).first(kSuperblockBytes));
  EXPECT_TRUE(is_store(bytes));
  EXPECT_FALSE(is_store("id,name\n1,Ann\n"));
}

}  // namespace
}  // namespace pgweir::cache::disk
