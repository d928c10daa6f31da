#include "proxy/batch.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/backend.h"

namespace pgweir::proxy {
namespace {

constexpr std::size_t kBytesMax = 1000;

std::string message(char type, std::string_view body) {
  base::Buffer out;
  out.push_back(type);
  wire::append_u32(out, static_cast<std::uint32_t>(body.size() + 4));
  out.append(body);
  return std::string(out.view());
}

std::string parse(std::string_view statement, std::string_view sql) {
  base::Buffer out;
  wire::append_parse(out, statement, sql, {23});
  return std::string(out.view());
}

std::string bind(std::string_view portal, std::string_view statement) {
  base::Buffer out;
  wire::append_string(out, portal);
  wire::append_string(out, statement);
  for (int i = 0; i < 3; ++i) wire::append_u16(out, 0);
  return message('B', out.view());
}

std::string execute(std::string_view portal, std::uint32_t rows_max) {
  base::Buffer out;
  wire::append_string(out, portal);
  wire::append_u32(out, rows_max);
  return message('E', out.view());
}

const std::string kDescribePortal = message('D', std::string_view("P\0", 2));
const std::string kSyncMessage{wire::kSync};

BatchStatus read(std::string_view bytes) {
  Batch batch;
  return read_batch(bytes, kBytesMax, batch);
}

TEST(BatchTest, TheWholeSequence) {
  const std::string bytes =
      parse("", "SELECT 1") + bind("", "") + kDescribePortal + execute("", 0) + kSyncMessage;
  const std::string more = bytes + "Q";
  Batch batch;
  ASSERT_EQ(read_batch(more, kBytesMax, batch), BatchStatus::kComplete);
  EXPECT_EQ(batch.raw, bytes) << "and not what follows";
  ASSERT_TRUE(batch.parse.has_value());
  EXPECT_EQ(batch.parse->sql, "SELECT 1");
  EXPECT_TRUE(batch.describes);
}

TEST(BatchTest, WithoutParseAndDescribe) {
  Batch batch;
  const std::string first =
      parse("", "SELECT 1") + bind("", "") + kDescribePortal + execute("", 0) + kSyncMessage;
  ASSERT_EQ(read_batch(first, kBytesMax, batch), BatchStatus::kComplete);
  const std::string second = bind("", "s1") + execute("", 0) + kSyncMessage;
  ASSERT_EQ(read_batch(second, kBytesMax, batch), BatchStatus::kComplete);
  EXPECT_FALSE(batch.parse.has_value()) << "of the batch before";
  EXPECT_FALSE(batch.describes);
  EXPECT_EQ(batch.bind.statement, "s1");
}

TEST(BatchTest, EveryPrefixNeedsMore) {
  const std::string bytes =
      parse("s", "SELECT 1") + bind("", "s") + kDescribePortal + execute("", 0) + kSyncMessage;
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_EQ(read(std::string_view(bytes).substr(0, n)), BatchStatus::kNeedMore) << n;
  EXPECT_EQ(read(bytes), BatchStatus::kComplete);
}

TEST(BatchTest, OtherOrders) {
  const std::string p = parse("", "SELECT 1"), b = bind("", ""), e = execute("", 0), s = kSyncMessage;
  EXPECT_EQ(read(p + s), BatchStatus::kOther);
  EXPECT_EQ(read(p + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(p + p + b + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(b + s), BatchStatus::kOther);
  EXPECT_EQ(read(b + b + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(b + p + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(b + e + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(b + e + kDescribePortal + s), BatchStatus::kOther);
  EXPECT_EQ(read(b + kDescribePortal + kDescribePortal + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(b + e + message('H', "")), BatchStatus::kOther);
  EXPECT_EQ(read(kDescribePortal), BatchStatus::kOther);
  EXPECT_EQ(read(s), BatchStatus::kOther);
}

TEST(BatchTest, NamedPortalsRowLimitsAndOtherStatements) {
  const std::string e = execute("", 0), s = kSyncMessage;
  EXPECT_EQ(read(bind("p", "") + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(bind("", "") + execute("p", 0) + s), BatchStatus::kOther);
  EXPECT_EQ(read(bind("", "") + execute("", 1) + s), BatchStatus::kOther);
  EXPECT_EQ(read(parse("a", "SELECT 1") + bind("", "b") + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(bind("", "") + message('D', std::string_view("P\0", 2)) + e + s), BatchStatus::kComplete);
  EXPECT_EQ(read(bind("", "") + message('D', std::string_view("S\0", 2)) + e + s), BatchStatus::kOther);
  EXPECT_EQ(read(bind("", "") + message('D', std::string_view("Pp\0", 3)) + e + s), BatchStatus::kOther);
}

TEST(BatchTest, MalformedMessagesAreForPostgresToRefuse) {
  EXPECT_EQ(read(message('P', "no end")), BatchStatus::kOther);
  EXPECT_EQ(read(message('B', "")), BatchStatus::kOther);
  EXPECT_EQ(read(bind("", "") + message('E', "")), BatchStatus::kOther);
  EXPECT_EQ(read(std::string_view("B\0\0\0\3", 5)), BatchStatus::kOther) << "impossible length";
}

TEST(BatchTest, TooLongIsNotWaitedFor) {
  const std::string large = parse("", std::string(kBytesMax, 'x'));
  EXPECT_EQ(read(std::string_view(large).substr(0, 5)), BatchStatus::kOther);
  // Each message fits, all of them do not.
  const std::string half = parse("", std::string(kBytesMax / 2, 'x'));
  base::Buffer second;
  wire::append_string(second, "");
  wire::append_string(second, "");
  wire::append_u16(second, 0);
  wire::append_u16(second, 1);
  wire::append_u32(second, kBytesMax / 2);
  second.append(std::string(kBytesMax / 2, 'v'));
  wire::append_u16(second, 0);
  EXPECT_EQ(read(half + message('B', second.view())), BatchStatus::kOther);
}

TEST(BatchTest, ABatchOfExactlyTheLimit) {
  const std::string rest = bind("", "") + execute("", 0) + kSyncMessage;
  const std::size_t parse_bytes = kBytesMax - rest.size();
  const std::size_t overhead = parse("", "").size();
  const std::string exact = parse("", std::string(parse_bytes - overhead, 'x')) + rest;
  ASSERT_EQ(exact.size(), kBytesMax);
  EXPECT_EQ(read(exact), BatchStatus::kComplete);
  EXPECT_EQ(read(std::string_view(exact).substr(0, kBytesMax - 1)), BatchStatus::kNeedMore);
  EXPECT_EQ(read(parse("", std::string(parse_bytes - overhead + 1, 'x')) + rest), BatchStatus::kOther);
}

}  // namespace
}  // namespace pgweir::proxy
