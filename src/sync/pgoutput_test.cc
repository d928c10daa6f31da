#include "sync/pgoutput.h"

#include <gtest/gtest.h>

#include <list>

#include "sync/test_stream.h"

namespace pgweir::sync {
namespace {

class PgoutputTest : public testing::Test {
 protected:
  template <class T>
  T parsed(std::string bytes) {
    const auto message = parse_message(received.emplace_back(std::move(bytes)));
    EXPECT_TRUE(message.has_value() && std::holds_alternative<T>(*message));
    return message && std::holds_alternative<T>(*message) ? std::get<T>(*message) : T{};
  }

  std::list<std::string> received;  // what messages point into
};

TEST_F(PgoutputTest, FramesHoldDataOrKeepTheConnectionAlive) {
  const std::string frame = "w" + u64(0x100) + u64(0x200) + u64(0) + "payload";
  const auto data = parse_stream_frame(frame);
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(std::get<StreamData>(*data).start, 0x100U);
  EXPECT_EQ(std::get<StreamData>(*data).payload, "payload");

  const auto keep_alive = parse_stream_frame("k" + u64(0x300) + u64(0) + std::string(1, '\1'));
  ASSERT_TRUE(keep_alive.has_value());
  EXPECT_EQ(std::get<KeepAlive>(*keep_alive).sent_up_to, 0x300U);
  EXPECT_TRUE(std::get<KeepAlive>(*keep_alive).reply_wanted);
}

TEST_F(PgoutputTest, OtherFramesAreRefused) {
  for (const std::string& bytes : {std::string(), std::string("w123"), std::string("x"), "k" + u64(1)})
    EXPECT_FALSE(parse_stream_frame(bytes).has_value());
}

TEST_F(PgoutputTest, AStatusUpdateConfirmsOnePosition) {
  EXPECT_EQ(status_update(7, 9, true), "r" + u64(7) + u64(7) + u64(7) + u64(9) + std::string(1, '\1'));
}

TEST_F(PgoutputTest, ATransactionBeginsAndCommits) {
  EXPECT_EQ(parsed<Begin>(begin_message(42)).xid, 42U);
  EXPECT_EQ(parsed<Commit>(commit_message(0x1234)).end_lsn, 0x1234U);
}

TEST_F(PgoutputTest, ARelationHasItsColumns) {
  const auto relation = parsed<RelationDescription>(relation_message(20000, {"id", "name"}));
  EXPECT_EQ(relation.oid, 20000U);
  EXPECT_EQ(relation.name, "t");
  ASSERT_EQ(relation.columns.size(), 2U);
  EXPECT_EQ(relation.columns[1].name, "name");
  EXPECT_TRUE(relation.columns[0].in_identity);
  EXPECT_FALSE(relation.columns[1].in_identity);
}

TEST_F(PgoutputTest, ChangesCarryRows) {
  const auto insert = parsed<Change>("I" + u32(7) + "N" + row({"1", "a"}));
  EXPECT_EQ(insert.kind, Change::Kind::kInsert);
  ASSERT_EQ(insert.row.size(), 2U);
  EXPECT_EQ(insert.row[1].bytes, "a");

  const auto update = parsed<Change>("U" + u32(7) + "K" + row({"1"}) + "N" + row({"2"}));
  ASSERT_TRUE(update.old_row.has_value());
  EXPECT_FALSE(update.old_is_whole);
  EXPECT_EQ((*update.old_row)[0].bytes, "1");
  EXPECT_EQ(update.row[0].bytes, "2");

  EXPECT_FALSE(parsed<Change>("U" + u32(7) + "N" + row({"2"})).old_row.has_value());
  EXPECT_TRUE(parsed<Change>("D" + u32(7) + "O" + row({"2"})).old_is_whole);
}

TEST_F(PgoutputTest, ValuesMayBeNullOrUnchanged) {
  const auto change = parsed<Change>("I" + u32(7) + "N" + u16(3) + "nut" + u32(0));
  ASSERT_EQ(change.row.size(), 3U);
  EXPECT_EQ(change.row[0].kind, ColumnValue::Kind::kNull);
  EXPECT_EQ(change.row[1].kind, ColumnValue::Kind::kUnchanged);
  EXPECT_EQ(change.row[2].kind, ColumnValue::Kind::kText);
}

TEST_F(PgoutputTest, MessagesAndTruncates) {
  const auto message = parsed<LogicalMessage>(logical_message("pgweir.ddl", "ALTER TABLE"));
  EXPECT_EQ(message.prefix, "pgweir.ddl");
  EXPECT_EQ(message.content, "ALTER TABLE");
  EXPECT_EQ(parsed<Truncate>("T" + u32(2) + std::string(1, '\0') + u32(5) + u32(6)).relations,
            (std::vector<query::Oid>{5, 6}));
}

TEST_F(PgoutputTest, WhatIsCutShortIsRefused) {
  const std::string messages[] = {begin_message(1),
                                  commit_message(2),
                                  relation_message(3, {"id"}),
                                  "I" + u32(7) + "N" + row({"1"}),
                                  "U" + u32(7) + "K" + row({"1"}) + "N" + row({"2"}),
                                  "D" + u32(7) + "K" + row({"1"}),
                                  "T" + u32(1) + std::string(1, '\0') + u32(5),
                                  logical_message("a", "b")};
  for (const std::string& whole : messages) {
    ASSERT_TRUE(parse_message(whole).has_value());
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(parse_message(std::string_view(whole).substr(0, size)).has_value()) << whole[0] << size;
  }
}

TEST_F(PgoutputTest, WhatMakesNoSenseIsRefused) {
  for (const std::string& bytes :
       {std::string("?"), "D" + u32(7) + "N" + row({"1"}), "I" + u32(7) + "K" + row({"1"}) + "N" + row({"1"}),
        "T" + u32(0x40000000) + std::string(1, '\0'), "I" + u32(7) + "N" + u16(1) + "z"})
    EXPECT_FALSE(parse_message(bytes).has_value());
}

}  // namespace
}  // namespace pgweir::sync
