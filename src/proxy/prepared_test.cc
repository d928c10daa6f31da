#include "proxy/prepared.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <unordered_map>

#include "wire/frame.h"

namespace pgweir::proxy {
namespace {

PreparedStatements::Pending statement(const std::string& name, const std::string& sql,
                                      bool deferred = false) {
  return {name, {.sql = sql, .scan = {}, .parameter_types = {23}, .deferred = deferred}};
}

// What append_sync sends, as "Pname Cname S".
std::string sent(PreparedStatements& statements, bool with_unnamed = true) {
  base::Buffer out;
  const std::size_t groups = statements.append_sync(out, with_unnamed);
  std::size_t syncs = 0;
  std::string text;
  std::string_view rest = out.view();
  wire::Header header;
  while (wire::read_header(rest, 1 << 20, header) == wire::HeaderStatus::kComplete) {
    const std::string_view body = rest.substr(wire::kHeaderBytes, header.message_bytes - wire::kHeaderBytes);
    if (!text.empty()) text += ' ';
    text += header.type;
    if (header.type == 'S') ++syncs;
    if (header.type == 'P') text += wire::parse_parse(body).value().statement;
    if (header.type == 'C') text += wire::parse_target(body).value().name;
    rest.remove_prefix(header.message_bytes);
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(groups, syncs);
  return text;
}

TEST(PreparedTest, PutFindErase) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  EXPECT_EQ(statements.find("a"), nullptr);
  statements.put(statement("a", "SELECT 1"));
  ASSERT_NE(statements.find("a"), nullptr);
  EXPECT_EQ(statements.find("a")->sql, "SELECT 1");
  statements.put(statement("a", "SELECT 2"));
  EXPECT_EQ(statements.find("a")->sql, "SELECT 2");
  EXPECT_GT(bytes.get(), 0U);
  statements.erase("a");
  statements.erase("a");
  EXPECT_EQ(statements.find("a"), nullptr);
  EXPECT_EQ(bytes.get(), 0U);
  EXPECT_FALSE(statements.needs_sync());
}

TEST(PreparedTest, DeferredStatementsAreSentOnce) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("a", "SELECT 1", true));
  statements.put(statement("b", "SELECT 2"));
  EXPECT_TRUE(statements.needs_sync());
  EXPECT_EQ(sent(statements), "Pa S");
  EXPECT_FALSE(statements.needs_sync());
  EXPECT_FALSE(statements.find("a")->deferred);
}

TEST(PreparedTest, EachIsSentWithASyncOfItsOwn) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("a", "SELECT 1", true));
  statements.unnamed_destroyed();
  EXPECT_EQ(sent(statements), "C S Pa S") << "or the failure of one would skip the rest";
}

TEST(PreparedTest, StampsAreRenewed) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("a", "SELECT 1"));
  EXPECT_EQ(statements.find("a")->stamp, 0U);
  statements.restamp("a", 7);
  statements.restamp("absent", 8);
  EXPECT_EQ(statements.find("a")->stamp, 7U);
  EXPECT_EQ(statements.find("absent"), nullptr);
}

TEST(PreparedTest, UsedInAnotherRoundItIsOfNone) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  auto pending = statement("a", "SELECT 1");
  pending.statement.round = 3;
  statements.put(pending);
  statements.used("absent", 3);
  statements.used("a", 3);
  EXPECT_EQ(statements.find("a")->round, 3U);
  statements.used("a", 4);
  EXPECT_EQ(statements.find("a")->round, 0U);
  statements.used("a", 3);
  EXPECT_EQ(statements.find("a")->round, 0U) << "it may have been analysed again in round 4";
}

TEST(PreparedTest, WhatIsSentIsTheStatement) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("a", "SELECT $1", true));
  base::Buffer out;
  statements.append_sync(out, true);
  base::Buffer expected;
  wire::append_parse(expected, "a", "SELECT $1", {23});
  expected.append(wire::kSync);
  EXPECT_EQ(out.view(), expected.view());
}

TEST(PreparedTest, ADeferredStatementMayBeReplacedOrErased) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("a", "SELECT 1", true));
  statements.put(statement("a", "SELECT 2", true));
  EXPECT_EQ(sent(statements), "Pa S");
  statements.put(statement("b", "SELECT 1", true));
  statements.erase("b");
  EXPECT_FALSE(statements.needs_sync());
}

TEST(PreparedTest, AHitOnASimpleQueryDestroysTheUnnamed) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("", "SELECT 1"));
  statements.unnamed_destroyed();
  EXPECT_EQ(statements.find(""), nullptr);
  EXPECT_TRUE(statements.needs_sync());
  EXPECT_EQ(sent(statements), "C S") << "the backend still has it";
  EXPECT_FALSE(statements.needs_sync());
}

TEST(PreparedTest, DestroyedThenParsedAgain) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("", "SELECT 1"));
  statements.unnamed_destroyed();
  statements.put(statement("", "SELECT 2", true));
  EXPECT_EQ(sent(statements), "P S") << "Parse replaces the unnamed statement by itself";
}

TEST(PreparedTest, WhatIsSentNextReplacesTheUnnamed) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("", "SELECT 1", true));
  statements.unnamed_replaced();
  EXPECT_FALSE(statements.needs_sync());
  EXPECT_EQ(statements.find(""), nullptr);
  statements.unnamed_destroyed();
  statements.unnamed_replaced();
  EXPECT_FALSE(statements.needs_sync());
}

TEST(PreparedTest, AQueryOfOursLosesTheUnnamed) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("", "SELECT 1"));
  statements.put(statement("a", "SELECT 2"));
  statements.unnamed_lost();
  EXPECT_NE(statements.find(""), nullptr) << "the client still has it";
  EXPECT_TRUE(statements.needs_sync());
  statements.unnamed_lost();
  EXPECT_EQ(sent(statements), "P S");
  EXPECT_FALSE(statements.needs_sync());
}

TEST(PreparedTest, AQueryOfOursSettlesADestroyedUnnamed) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.unnamed_destroyed();
  statements.unnamed_lost();
  EXPECT_FALSE(statements.needs_sync()) << "the backend's is gone too";
}

TEST(PreparedTest, UntrackedUnnamed) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("", "SELECT 1", true));
  statements.unnamed_untracked();
  EXPECT_TRUE(statements.unnamed_is_untracked());
  EXPECT_EQ(statements.find(""), nullptr);
  EXPECT_FALSE(statements.needs_sync());
  statements.put(statement("a", "SELECT 2"));
  EXPECT_TRUE(statements.unnamed_is_untracked()) << "another name says nothing about it";
  statements.put(statement("", "SELECT 3"));
  EXPECT_FALSE(statements.unnamed_is_untracked());
  statements.unnamed_untracked();
  statements.unnamed_replaced();
  EXPECT_FALSE(statements.unnamed_is_untracked());
}

TEST(PreparedTest, InDoubtNothingIsKnownUntilConfirmed) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("same", "SELECT 1"));
  statements.put(statement("other", "SELECT 2"));
  statements.put(statement("gone", "SELECT 3"));
  statements.put(statement("", "SELECT 4"));
  statements.doubt();
  EXPECT_TRUE(statements.in_doubt());
  EXPECT_EQ(statements.find("same"), nullptr);
  statements.confirm({{"same", "SELECT 1"}, {"other", "SELECT 99"}, {"new", "SELECT 5"}});
  EXPECT_FALSE(statements.in_doubt());
  EXPECT_NE(statements.find("same"), nullptr);
  EXPECT_EQ(statements.find("other"), nullptr) << "the name stands for another statement now";
  EXPECT_EQ(statements.find("gone"), nullptr);
  EXPECT_EQ(statements.find("new"), nullptr) << "its parameter types are not known";
  EXPECT_NE(statements.find(""), nullptr) << "code cannot reach the unnamed statement";
}

TEST(PreparedTest, NothingToDoubt) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.doubt();
  EXPECT_FALSE(statements.in_doubt());
}

TEST(PreparedTest, TheUnnamedOneIsLeftUntilItIsReferredTo) {
  base::Level bytes;
  PreparedStatements statements(bytes);
  statements.put(statement("", "select 1", true));
  statements.put(statement("a", "select 2", true));
  EXPECT_EQ(sent(statements, false), "Pa S");
  EXPECT_TRUE(statements.needs_sync());
  EXPECT_EQ(sent(statements, false), "");
  EXPECT_EQ(sent(statements, true), "P S");
  EXPECT_FALSE(statements.needs_sync());
}

}  // namespace
}  // namespace pgweir::proxy
