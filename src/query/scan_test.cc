#include "query/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

#include "query/token_oracle.h"

namespace pgweir::query {
namespace {

constexpr base::HashSecret kSecret{1, 2};

Scan scan_of(std::string_view sql) { return scan(sql, kSecret); }
bool same_text(std::string_view a, std::string_view b) { return scan_of(a).text == scan_of(b).text; }
bool same_shape(std::string_view a, std::string_view b) { return scan_of(a).shape == scan_of(b).shape; }

TEST(Scan, CommentsAroundAStatementDoNotCount) {
  EXPECT_TRUE(same_text("select 1", "/* trace 1 */ select 1;"));
  EXPECT_TRUE(same_text("select 1", "  select 1 -- trace 2\n ; ; "));
  EXPECT_TRUE(same_text("select 1", "--x\n--y\nselect 1 /*a/*nested*/b*/"));
  EXPECT_TRUE(same_text("select /*1*/ 1", "select /*2*/ 1"));
  EXPECT_TRUE(same_text("select --1\n 1", "select --2\n 1"));
  EXPECT_FALSE(same_text("select 1", "select 2"));
  EXPECT_FALSE(same_text("select 1", "SELECT 1"));
}

TEST(Scan, ABlockCommentKeepsTwoStringsApart) {
  EXPECT_FALSE(same_text("select 'a' /*x*/\n'b'", "select 'a' \n'b'"));
  EXPECT_TRUE(same_text("select 1 as a --x\n, 'b'", "select 1 as a \n, 'b'"));
}

TEST(Scan, CommentSignsInsideQuotesAreText) {
  EXPECT_FALSE(same_text("select '--a'", "select '--b'"));
  EXPECT_FALSE(same_text("select \"/*a*/\"", "select \"/*b*/\""));
  EXPECT_FALSE(same_text("select $q$/*a*/$q$", "select $q$/*b*/$q$"));
}

TEST(Scan, ShapeLeavesOutConstants) {
  EXPECT_TRUE(
      same_shape("select * from t where a = 1 and b = 'x'", "select * from t where a = 22 and b = 'it''s'"));
  EXPECT_TRUE(same_shape("select 'a'", "select $$a$$"));
  EXPECT_TRUE(same_shape("select 1.5", "select 3000000000"));
  EXPECT_TRUE(same_shape("select /*x*/ 1", "/*y*/select /*z*/ 2;"));
  EXPECT_FALSE(same_shape("select 1", "select 1.5"));
  EXPECT_FALSE(same_shape("select 1", "select '1'"));
  EXPECT_FALSE(same_shape("select $1", "select $2"));
  EXPECT_FALSE(same_shape("select a1", "select a2"));
  EXPECT_FALSE(same_shape("select 1", "select -1"));
  EXPECT_FALSE(same_shape("select b'1'", "select x'1'"));
  EXPECT_FALSE(same_shape("select 'a'", "select E'a'"));
  for (const char* name : {"'role'", "'Search_Path'", "$$role$$", "$x$client_encoding$x$", "'ro'\n'le'"})
    EXPECT_FALSE(
        same_shape("select set_config('a.b', 'c')", std::string("select set_config(") + name + ", 'c')"));
  EXPECT_FALSE(same_shape("select 'a'", "select U&'a'"));
  EXPECT_FALSE(same_shape("select \"a\"", "select \"b\""));
}

TEST(Scan, FindsTimeWordsInConstantsOnly) {
  for (const char* sql :
       {"select 'now'", "select 'NOW'", "select ' today '", "select '{2020-01-01,tomorrow}'",
        "select $$yesterday$$", "select 'no'\n'w'", "select E'\\x6eow'", "select U&'\\006eow'",
        "select e'now'", "select '12:00now'", "select 'a''now'", "select n'now'"}) {
    EXPECT_TRUE(scan_of(sql).time_word) << sql;
  }
  for (const char* sql : {"select now", "select \"now\"", "select 'known'", "select 'nowhere'",
                          "select 1 -- now", "select 'todays'", "select E'x'", "select '' /* 'now' */"}) {
    EXPECT_FALSE(scan_of(sql).time_word) << sql;
  }
  EXPECT_TRUE(has_time_word("now"));
  EXPECT_FALSE(has_time_word(""));
}

TEST(Scan, FindsWhatSettingsGiveAMeaning) {
  const auto by_settings = [](const char* sql) { return scan(sql, kSecret).read_by_settings; };
  for (const char* sql : {"select 'a'", "select E'a'", "select $$a$$", "select U&'a'", "select a = null",
                          "select Null = a", "select date '2024-02-03'", "select /* it is */ null"})
    EXPECT_TRUE(by_settings(sql)) << sql;
  for (const char* sql : {"select 1, 1.5, $1, B'1', X'1'", "select a is null", "select a IS NOT NULL",
                          "select a is /* not */ null", "select \"null\", nulls"})
    EXPECT_FALSE(by_settings(sql)) << sql;
}

TEST(Scan, RefusesWhatPostgresDoes) {
  for (const char* sql :
       {"select 'a", "select \"a", "select \"\"", "select /* a", "select /* /* a */", "select 1a",
        "select 1e", "select 1e+", "select $1a", "select $a", "select $a$ $b$", "select E'\\'", "select {",
        "select \\d", "select \v 1", "select 0x1F", "select 1_000"}) {
    EXPECT_FALSE(scan_of(sql).valid) << sql;
  }
  EXPECT_FALSE(scan(std::string(kStatementBytesMax + 1, ' '), kSecret).valid);
  EXPECT_FALSE(scan(std::string_view("select 1\0", 9), kSecret).valid);
  EXPECT_FALSE(scan(std::string_view("--\0-", 4), kSecret).valid);
  EXPECT_TRUE(scan_of("").valid);
  EXPECT_TRUE(scan_of(" -- nothing").valid);
}

TEST(Scan, DependsOnTheSecret) {
  EXPECT_FALSE(scan("select 1", {1, 2}).text == scan("select 1", {1, 3}).text);
}

// Pieces that are joined at random: every pair of neighbours is a chance to lex differently.
constexpr std::array<const char*, 58> kPieces = {
    "select",     "a",      "B1$",        "é",          "_x",
    "\"q\"\"q\"", "'s'",    "''",         "'a''b'",     "'--'",
    "'/*'",       "E'\\''", "e'a\\\\'",   "b'01'",      "X'1f'",
    "n'n'",       "$$d$$",  "$t$ $$ $t$", "$1",         "$23",
    "0",          "42",     "2147483647", "2147483648", "1.5",
    ".5",         "1.",     "1e5",        "1.5E-3",     "..",
    ".",          ":",      "::",         ":=",         ",",
    ";",          "(",      ")",          "[",          "]",
    "+",          "-",      "*",          "/",          "<",
    ">",          "=",      "<>",         "!=",         "@-",
    "~!@#",       "?",      "|",          "/* c */",    "/* /* n */ */",
    "--c\n",      "\n",     " "};

// A byte that libpg_query gives as a token of its own, which no grammar rule takes.
bool has_stray_byte(const std::vector<OracleToken>& tokens, std::string_view sql) {
  return std::ranges::any_of(tokens, [sql](const OracleToken& t) {
    return t.end == t.begin + 1 && (sql[t.begin] == '$' || sql[t.begin] == '\\');
  });
}

// libpg_query's lexer returns comments, so it does not join strings across one; PostgreSQL does.
bool joins_across_comment(const std::vector<OracleToken>& tokens, std::string_view sql) {
  return std::ranges::any_of(tokens, [sql](const OracleToken& t) {
    return sql[t.end - 1] == '\'' &&
           sql.substr(t.begin, t.end - t.begin).find("--c\n") != std::string_view::npos;
  });
}

TEST(Lexer, AgreesWithLibpgQuery) {
  std::mt19937 random(7);
  std::size_t compared = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string sql;
    const std::size_t pieces = 1 + random() % 8;
    for (std::size_t i = 0; i < pieces; ++i) {
      sql += kPieces[random() % kPieces.size()];
      if (random() % 3 == 0) sql += ' ';
    }
    const auto ours = lexer_tokens(sql);
    const auto theirs = oracle_tokens(sql);
    if (!ours) {
      EXPECT_TRUE(!theirs || has_stray_byte(*theirs, sql)) << sql;
      continue;
    }
    if (joins_across_comment(*ours, sql)) continue;
    ASSERT_TRUE(theirs) << sql;
    EXPECT_TRUE(*ours == *theirs) << sql;
    ++compared;
  }
  EXPECT_GT(compared, 10'000U);
}

}  // namespace
}  // namespace pgweir::query
