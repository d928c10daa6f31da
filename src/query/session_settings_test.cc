#include "query/session_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <vector>

namespace pgweir::query {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Columns = std::vector<std::optional<std::string_view>>;

Columns plain() {
  return {"alice",
          "bob",
          "{pg_catalog,\"$x\",public}",
          "{}",
          "read committed",
          "off",
          "read committed",
          "off",
          "UTF8",
          "UTF8",
          "on",
          "a='b'",
          "",
          "notice",
          "0"};
}

TEST(SessionSettings, ReadsTheProbe) {
  const auto s = parse_settings(plain());
  ASSERT_TRUE(s);
  EXPECT_EQ(s->current_user, "alice");
  EXPECT_EQ(s->session_user, "bob");
  EXPECT_THAT(s->search_path, ElementsAre("pg_catalog", "$x", "public"));
  EXPECT_TRUE(s->temporary_names.empty());
  EXPECT_TRUE(s->in_plain_transaction);
  EXPECT_TRUE(s->plain_transactions);
  EXPECT_TRUE(s->readable_text);
  EXPECT_EQ(s->digest, "a='b'");
  EXPECT_FALSE(s->explains);
}

TEST(SessionSettings, ExplainsIfNoticesAreShown) {
  const auto explains = [](std::string_view value, std::string_view level) {
    Columns columns = plain();
    columns[12] = value;
    columns[13] = level;
    const auto settings = parse_settings(columns);
    return settings->explains && settings->shows_notices;
  };
  for (const char* on : {"on", "ON", "true", "yes", "1"}) EXPECT_TRUE(explains(on, "notice")) << on;
  for (const char* off : {"off", "", "false", "0", "o"}) EXPECT_FALSE(explains(off, "notice")) << off;
  for (const char* shown : {"debug5", "debug1", "log"}) EXPECT_TRUE(explains("on", shown)) << shown;
  for (const char* hidden : {"warning", "error", "fatal"}) EXPECT_FALSE(explains("on", hidden)) << hidden;
}

TEST(SessionSettings, ReadsASetOfExplain) {
  for (const char* on : {"SET pgweir.explain = on", "set local PGWEIR.Explain to 'on';",
                         "/* x */ SET SESSION pgweir.explain=TRUE -- y", "SET pgweir.explain TO 1"})
    EXPECT_EQ(explains_after(on), true) << on;
  for (const char* off : {"SET pgweir.explain = off", "SET pgweir.explain TO DEFAULT"})
    EXPECT_EQ(explains_after(off), false) << off;
  for (const char* other : {"", "SET", "SET x = on", "SELECT 'set pgweir.explain = on'", "SET pgweir.explain",
                            "SET pgweir.explain = on; SELECT 1, 2, 3, 4, 5", "SET a.explain = on",
                            "RESET pgweir.explain", "SET pgweir.explain = 'on"})
    EXPECT_EQ(explains_after(other), std::nullopt) << other;
}

TEST(SessionSettings, WhatIsNotPlainShows) {
  const auto with = [](std::size_t column, std::string_view value) {
    Columns columns = plain();
    columns[column] = value;
    return *parse_settings(columns);
  };
  EXPECT_EQ(with(3, "{t,\"u v\"}").temporary_names, (std::vector<std::string>{"t", "u v"}));
  EXPECT_FALSE(with(4, "repeatable read").in_plain_transaction);
  EXPECT_TRUE(with(4, "read uncommitted").in_plain_transaction);
  EXPECT_FALSE(with(5, "on").in_plain_transaction);
  EXPECT_FALSE(with(6, "serializable").plain_transactions);
  EXPECT_FALSE(with(7, "on").plain_transactions);
  EXPECT_FALSE(with(8, "LATIN1").readable_text);
  EXPECT_FALSE(with(9, "SJIS").readable_text);
  EXPECT_FALSE(with(10, "off").readable_text);
}

TEST(SessionSettings, RefusesOtherRows) {
  EXPECT_FALSE(parse_settings({}));
  Columns columns = plain();
  columns.pop_back();
  EXPECT_FALSE(parse_settings(columns));
  columns = plain();
  columns[0] = std::nullopt;
  EXPECT_FALSE(parse_settings(columns));
  columns = plain();
  columns[3] = "yes";
  EXPECT_FALSE(parse_settings(columns));
  columns = plain();
  columns[2] = "public";
  EXPECT_FALSE(parse_settings(columns));
  columns = plain();
  columns[11] = std::nullopt;
  EXPECT_TRUE(parse_settings(columns));
}

TEST(TextArray, AsPostgresWritesIt) {
  EXPECT_THAT(*parse_text_array("{}"), IsEmpty());
  EXPECT_THAT(*parse_text_array("{a,b}"), ElementsAre("a", "b"));
  EXPECT_THAT(*parse_text_array(R"({"a b","c\"d","e\\f","g,h","{}","NULL",""})"),
              ElementsAre("a b", "c\"d", "e\\f", "g,h", "{}", "NULL", ""));
  for (const char* text : {"", "{", "}", "{a", "a}", "{a,}", "{,a}", "{NULL}", "{{a}}", "{\"a}", "{\"a\"b}",
                           "{a}b}", "{\"a\\", "{\"a\\\"}"}) {
    EXPECT_FALSE(parse_text_array(text)) << text;
  }
}

}  // namespace
}  // namespace pgweir::query
