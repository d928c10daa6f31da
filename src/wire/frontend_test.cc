#include "wire/frontend.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/backend.h"
#include "wire/frame.h"

namespace pgweir::wire {
namespace {

using std::string_view;

// The body of one message that an append function has made, after a look at its frame.
std::string body_of(const base::Buffer& out, char type) {
  Header header;
  EXPECT_EQ(read_header(out.view(), 1 << 20, header), HeaderStatus::kComplete);
  EXPECT_EQ(header.type, type);
  EXPECT_EQ(header.message_bytes, out.size());
  return std::string(out.view().substr(kHeaderBytes));
}

std::string bind_body(const std::vector<std::int16_t>& formats, const std::vector<std::string>& values,
                      const std::vector<std::int16_t>& results) {
  base::Buffer out;
  append_string(out, "portal");
  append_string(out, "statement");
  const auto put = [&](const std::vector<std::int16_t>& list) {
    append_u16(out, static_cast<std::uint16_t>(list.size()));
    for (const std::int16_t format : list) append_u16(out, static_cast<std::uint16_t>(format));
  };
  put(formats);
  append_u16(out, static_cast<std::uint16_t>(values.size()));
  for (const std::string& value : values) {
    append_u32(out, value == "NULL" ? ~0U : static_cast<std::uint32_t>(value.size()));
    if (value != "NULL") out.append(value);
  }
  put(results);
  return std::string(out.view());
}

TEST(FrontendTest, Query) {
  base::Buffer out;
  append_query(out, "SELECT 1");
  EXPECT_EQ(parse_query(body_of(out, 'Q')).value(), "SELECT 1");
  EXPECT_EQ(parse_query(string_view("\0", 1)).value(), "");
  EXPECT_FALSE(parse_query("").has_value());
  EXPECT_FALSE(parse_query("SELECT 1").has_value()) << "no NUL";
  EXPECT_FALSE(parse_query(string_view("SELECT 1\0; DROP", 15)).has_value()) << "bytes behind the NUL";
}

TEST(FrontendTest, Parse) {
  base::Buffer out;
  append_parse(out, "s1", "SELECT $1", {23, 0, 0xffffffffU});
  const std::string body = body_of(out, 'P');
  const auto parsed = parse_parse(body);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->statement, "s1");
  EXPECT_EQ(parsed->sql, "SELECT $1");
  EXPECT_EQ(parsed->parameter_types, (std::vector<Oid>{23, 0, 0xffffffffU}));
  for (std::size_t n = 0; n < body.size(); ++n)
    EXPECT_FALSE(parse_parse(string_view(body).substr(0, n)).has_value()) << n;
  EXPECT_FALSE(parse_parse(body + "x").has_value());
}

TEST(FrontendTest, ParseThatPromisesMoreTypesThanItHas) {
  EXPECT_FALSE(parse_parse(string_view("\0\0\xff\xff", 4)).has_value());
}

TEST(FrontendTest, Bind) {
  const std::string body = bind_body({0, 1, 0}, {"42", "NULL", ""}, {1});
  Bind bind;
  ASSERT_TRUE(parse_bind(body, bind).has_value());
  EXPECT_EQ(bind.portal, "portal");
  EXPECT_EQ(bind.statement, "statement");
  EXPECT_EQ(bind.parameter_formats, (std::vector<std::int16_t>{0, 1, 0}));
  ASSERT_EQ(bind.parameters.size(), 3U);
  EXPECT_EQ(bind.parameters[0], "42");
  EXPECT_EQ(bind.parameters[1].data(), nullptr) << "NULL";
  EXPECT_NE(bind.parameters[2].data(), nullptr) << "empty, but not NULL";
  EXPECT_EQ(bind.parameters[2].size(), 0U);
  EXPECT_EQ(bind.result_formats, (std::vector<std::int16_t>{1}));
}

TEST(FrontendTest, BindForgetsTheOneBefore) {
  Bind bind;
  ASSERT_TRUE(parse_bind(bind_body({1}, {"a", "b"}, {1, 1}), bind).has_value());
  const std::string none = bind_body({}, {}, {});
  ASSERT_TRUE(parse_bind(none, bind).has_value());
  EXPECT_TRUE(bind.parameter_formats.empty());
  EXPECT_TRUE(bind.parameters.empty());
  EXPECT_TRUE(bind.result_formats.empty());
}

TEST(FrontendTest, EveryTruncatedBindIsRefused) {
  const std::string body = bind_body({0, 1, 0}, {"42", "NULL", ""}, {1});
  Bind bind;
  for (std::size_t n = 0; n < body.size(); ++n)
    EXPECT_FALSE(parse_bind(string_view(body).substr(0, n), bind).has_value()) << n;
  EXPECT_FALSE(parse_bind(body + "x", bind).has_value());
}

TEST(FrontendTest, HostileBinds) {
  Bind bind;
  EXPECT_TRUE(parse_bind(bind_body({1}, {"a", "b"}, {}), bind).has_value()) << "one format for all";
  EXPECT_FALSE(parse_bind(bind_body({1, 0}, {"a", "b", "c"}, {}), bind).has_value());
  EXPECT_FALSE(parse_bind(bind_body({1, 0}, {}, {}), bind).has_value());
  EXPECT_FALSE(parse_bind(string_view("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0", 12), bind).has_value())
      << "a length of -2";
  EXPECT_FALSE(parse_bind(string_view("\0\0\0\0\0\1\x7f\xff\xff\xff\0\0", 12), bind).has_value())
      << "a length of 2 GiB";
  EXPECT_FALSE(parse_bind(string_view("\0\0\0\0\xff\xff\0\0", 8), bind).has_value());
}

TEST(FrontendTest, Target) {
  const auto statement = parse_target(string_view("Ss1\0", 4));
  ASSERT_TRUE(statement.has_value());
  EXPECT_EQ(statement->kind, 'S');
  EXPECT_EQ(statement->name, "s1");
  EXPECT_EQ(parse_target(string_view("P\0", 2)).value().kind, 'P');
  EXPECT_FALSE(parse_target(string_view("X\0", 2)).has_value());
  EXPECT_FALSE(parse_target("S").has_value());
  EXPECT_FALSE(parse_target("").has_value());
  EXPECT_FALSE(parse_target(string_view("S\0\0", 3)).has_value());
}

TEST(FrontendTest, Execute) {
  const auto all = parse_execute(string_view("\0\0\0\0\0", 5));
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->portal, "");
  EXPECT_EQ(all->rows_max, 0U);
  const auto some = parse_execute(string_view("p\0\0\0\1\0", 6));
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->portal, "p");
  EXPECT_EQ(some->rows_max, 256U);
  EXPECT_FALSE(parse_execute(string_view("p\0\0\0\1", 5)).has_value());
  EXPECT_FALSE(parse_execute(string_view("p\0\0\0\1\0x", 7)).has_value());
}

TEST(FrontendTest, CloseStatement) {
  base::Buffer out;
  append_close_statement(out, "s1");
  const std::string body = body_of(out, 'C');
  const auto target = parse_target(body);
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->kind, 'S');
  EXPECT_EQ(target->name, "s1");
}

TEST(FrontendTest, Sync) {
  Header header;
  ASSERT_EQ(read_header(kSync, 5, header), HeaderStatus::kComplete);
  EXPECT_EQ(header.type, 'S');
  EXPECT_EQ(header.message_bytes, kSync.size());
}

}  // namespace
}  // namespace pgweir::wire
