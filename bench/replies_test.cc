#include "bench/replies.h"

#include <gtest/gtest.h>

#include <memory>

namespace pgweir::bench {
namespace {

using std::string_literals::operator""s;

// Two replies of one row each, 35 bytes together with their ReadyForQuery.
const std::string kPostgresReply =
    "2\0\0\0\4"s + "D\0\0\0\x0b\0\1\0\0\0\1x"s + "C\0\0\0\x0dSELECT 1\0"s + "Z\0\0\0\5I"s;
const std::string kPostgresError = "E\0\0\0\x1a"s + "SERROR\0C42P01\0Mno\0\0"s + "Z\0\0\0\5I"s;
const std::string kRedisReply = "$5\r\nabcde\r\n+OK\r\n$0\r\n\r\n";

// Scans `bytes` in pieces of `piece_bytes`; returns the number of replies, or -1 on an error.
long scan_in_pieces(ReplyScanner& scanner, std::string_view bytes, std::size_t piece_bytes) {
  long replies = 0;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
    const auto completed = scanner.scan(bytes.substr(0, piece_bytes));
    if (!completed) return -1;
    replies += static_cast<long>(*completed);
  }
  return replies;
}

TEST(PostgresScanner, AnySplitGivesTheSameReplies) {
  const std::string stream = kPostgresReply + kPostgresReply + kPostgresReply;
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    PostgresScanner scanner(Expectation{.rows = 1, .reply_bytes = kPostgresReply.size()});
    EXPECT_EQ(scan_in_pieces(scanner, stream, piece), 3) << piece;
    EXPECT_EQ(scanner.reply_bytes(), stream.size());
  }
}

TEST(PostgresScanner, ErrorResponseFailsWithItsTextInAnySplit) {
  for (std::size_t piece = 1; piece <= kPostgresError.size(); ++piece) {
    PostgresScanner scanner(Expectation{});
    EXPECT_EQ(scan_in_pieces(scanner, kPostgresError, piece), -1) << piece;
  }
  PostgresScanner scanner(Expectation{});
  const auto result = scanner.scan(kPostgresError);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the server answered with an error: 42P01 no");
}

TEST(PostgresScanner, WrongRowsOrBytesOrLengthFail) {
  PostgresScanner rows(Expectation{.rows = 2});
  EXPECT_FALSE(rows.scan(kPostgresReply));
  PostgresScanner bytes(Expectation{.rows = 1, .reply_bytes = 7});
  EXPECT_FALSE(bytes.scan(kPostgresReply));
  for (std::size_t piece : {1, 5, 100}) {
    PostgresScanner length(Expectation{.rows = 0});
    EXPECT_EQ(scan_in_pieces(length, "Z\0\0\0\3I"s, piece), -1) << piece;
  }
}

TEST(RedisScanner, AnySplitGivesTheSameReplies) {
  for (std::size_t piece = 1; piece <= kRedisReply.size(); ++piece) {
    RedisScanner scanner(Expectation{});
    EXPECT_EQ(scan_in_pieces(scanner, kRedisReply, piece), 3) << piece;
    EXPECT_EQ(scanner.reply_bytes(), kRedisReply.size());
  }
}

TEST(RedisScanner, NullErrorAndGarbageFail) {
  for (const std::string& bytes : {"$-1\r\n"s, "-ERR no\r\n"s, "hello\r\n"s, std::string(1000, 'x')}) {
    RedisScanner scanner(Expectation{});
    EXPECT_FALSE(scanner.scan(bytes)) << bytes;
  }
}

}  // namespace
}  // namespace pgweir::bench
