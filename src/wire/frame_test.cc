#include "wire/frame.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/buffer.h"
#include "wire/backend.h"
#include "wire/reader.h"

namespace pgweir::wire {
namespace {

std::string header_of(char type, std::uint32_t length) {
  base::Buffer out;
  out.push_back(type);
  append_u32(out, length);
  return std::string(out.view());
}

TEST(FrameTest, HeaderNeedsFiveBytes) {
  const std::string whole = header_of('Q', 5);
  Header header;
  for (std::size_t n = 0; n < kHeaderBytes; ++n)
    EXPECT_EQ(read_header(std::string_view(whole).substr(0, n), 100, header), HeaderStatus::kNeedMore) << n;
  ASSERT_EQ(read_header(whole, 100, header), HeaderStatus::kComplete);
  EXPECT_EQ(header.type, 'Q');
  EXPECT_EQ(header.message_bytes, 6U);
}

TEST(FrameTest, LengthCountsItself) {
  Header header;
  for (std::uint32_t length = 0; length < 4; ++length)
    EXPECT_EQ(read_header(header_of('S', length), 100, header), HeaderStatus::kBadLength) << length;
  EXPECT_EQ(read_header(header_of('S', 4), 100, header), HeaderStatus::kComplete);
  EXPECT_EQ(header.message_bytes, kHeaderBytes);
}

TEST(FrameTest, TheLimitCountsTheTypeByte) {
  Header header;
  EXPECT_EQ(read_header(header_of('d', 99), 100, header), HeaderStatus::kComplete);
  EXPECT_EQ(read_header(header_of('d', 100), 100, header), HeaderStatus::kBadLength);
}

TEST(FrameTest, LengthsThatAreNegativeAsSignedNumbers) {
  Header header;
  EXPECT_EQ(read_header(header_of('d', 0x80000000U), 1U << 30, header), HeaderStatus::kBadLength);
  EXPECT_EQ(read_header(header_of('d', 0xffffffffU), 1U << 30, header), HeaderStatus::kBadLength);
  // One more than 32 bits hold: must not wrap to a small message.
  ASSERT_EQ(read_header(header_of('d', 0xffffffffU), ~std::uint64_t{0}, header), HeaderStatus::kComplete);
  EXPECT_EQ(header.message_bytes, 0x100000000U);
}

TEST(FrameTest, BodyIsWhatFollowsTheHeader) {
  const std::string raw = header_of('C', 12) + "SELECT 1";
  EXPECT_EQ((Message{'C', raw}).body(), "SELECT 1");
  EXPECT_EQ((Message{'S', kCloseComplete}).body(), "");
}

TEST(FrameTest, FrontendTypes) {
  const std::string_view known = "BCDEFHPQSXcdfp";
  for (int c = 0; c < 256; ++c) {
    const char type = static_cast<char>(c);
    EXPECT_EQ(is_frontend_type(type), known.find(type) != std::string_view::npos) << c;
  }
}

TEST(ReaderTest, ReadsBigEndianFields) {
  base::Buffer out;
  append_u16(out, 0xfffe);
  append_u32(out, 0x80000001U);
  append_string(out, "name");
  out.append("tail");
  Reader reader(out.view());
  EXPECT_EQ(reader.u16(), 0xfffe);
  EXPECT_EQ(reader.u32(), 0x80000001U);
  EXPECT_EQ(reader.string(), "name");
  EXPECT_FALSE(reader.at_end());
  EXPECT_EQ(reader.bytes(4), "tail");
  EXPECT_TRUE(reader.at_end());
  EXPECT_TRUE(reader.ok());
}

TEST(ReaderTest, AShortBodyStaysBroken) {
  Reader reader("abc");
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0U) << "the bytes that were there are not read as something else";
  EXPECT_EQ(reader.string(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(ReaderTest, AStringWithoutItsEnd) {
  Reader reader("abc");
  EXPECT_EQ(reader.string(), "");
  EXPECT_FALSE(reader.ok());
}

TEST(ReaderTest, NegativeNumbers) {
  Reader reader(std::string_view("\xff\xff\xff\xff\x80\0\0\0", 8));
  EXPECT_EQ(reader.i32(), -1);
  EXPECT_EQ(reader.i32(), std::numeric_limits<std::int32_t>::min());
}

TEST(ReadMessage, OnlyWhenItHasArrivedWhole) {
  const std::string bytes("Q\0\0\0\x6x\0S", 8);
  Message message;
  for (std::size_t n = 0; n < 7; ++n)
    EXPECT_EQ(read_message(std::string_view(bytes).substr(0, n), 100, message), HeaderStatus::kNeedMore) << n;
  ASSERT_EQ(read_message(bytes, 100, message), HeaderStatus::kComplete);
  EXPECT_EQ(message.type, 'Q');
  EXPECT_EQ(message.raw, std::string_view(bytes).substr(0, 7));
  EXPECT_EQ(read_message(bytes, 6, message), HeaderStatus::kBadLength);
}

}  // namespace
}  // namespace pgweir::wire
