#include "query/row_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace pgweir::query {
namespace {

using Form = RawValue::Form;

constexpr Oid kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kFloat8 = 701, kBpchar = 1042,
              kVarchar = 1043, kDate = 1082, kInterval = 1186, kNumeric = 1700, kUuid = 2950;

std::optional<std::string> text(Oid column, std::string_view bytes, Oid type = 0) {
  return canonicalize(column, {Form::kText, bytes, type});
}
std::optional<std::string> number(Oid column, std::string_view bytes) {
  return canonicalize(column, {Form::kNumber, bytes});
}
std::optional<std::string> binary(Oid column, std::string_view bytes, Oid type = 0) {
  return canonicalize(column, {Form::kBinary, bytes, type});
}

const std::string kFortyTwo("\0\0\0\0\0\0\0\x2a", 8);

TEST(Canonicalize, IntegersThatAreOneValue) {
  for (const char* s : {"42", "042", " 42 ", "+42", "\t42\n", "0000000000000000000042"})
    EXPECT_EQ(text(kInt4, s), kFortyTwo) << s;
  EXPECT_EQ(number(kInt4, "42"), kFortyTwo);
  EXPECT_EQ(number(kInt4, "0042"), kFortyTwo);
  EXPECT_EQ(number(kInt2, "42"), kFortyTwo);
  EXPECT_EQ(text(kInt8, "42", kInt2), kFortyTwo);
  EXPECT_EQ(binary(kInt4, std::string_view("\0\0\0\x2a", 4), kInt4), kFortyTwo);
  EXPECT_EQ(binary(kInt4, std::string_view("\0\x2a", 2)), kFortyTwo);
  EXPECT_EQ(binary(kInt2, kFortyTwo, kInt8), kFortyTwo);
  EXPECT_EQ(text(kInt4, "-1"), binary(kInt4, "\xff\xff\xff\xff"));
  EXPECT_EQ(text(kInt4, "-0"), text(kInt4, "0"));
  EXPECT_NE(text(kInt4, "-42"), text(kInt4, "42"));
}

TEST(Canonicalize, IntegersThatAreNotPlain) {
  for (const char* s : {"", " ", "4 2", "1.0", "1e2", "0x2a", "0b1", "0o7", "1_000", "+-4", "-+4", "--4",
                        "4-", "four", "9223372036854775808", "NaN"})
    EXPECT_EQ(text(kInt8, s), std::nullopt) << s;
  EXPECT_EQ(text(kInt4, std::string_view("42\0", 3)), std::nullopt);
  for (const char* s : {"1.0", "1e2", "42.", ".5", "9223372036854775808"})
    EXPECT_EQ(number(kInt4, s), std::nullopt) << s;
  // Input refuses what does not fit the type it reads.
  EXPECT_EQ(text(kInt4, "2147483648"), std::nullopt);
  EXPECT_EQ(text(kInt2, "-32769"), std::nullopt);
  EXPECT_TRUE(text(kInt2, "-32768"));
  EXPECT_TRUE(text(kInt2, "2147483648", kInt8));
  EXPECT_TRUE(number(kInt2, "2147483648"));
  // 42 as a numeric or double precision is compared by other rules.
  for (const Oid type : {kNumeric, kFloat8, kText, kDate, kUuid})
    EXPECT_EQ(text(kInt4, "42", type), std::nullopt);
  EXPECT_EQ(binary(kInt4, std::string_view("\0\0\x2a", 3)), std::nullopt);
  EXPECT_EQ(binary(kInt4, "", kInt4), std::nullopt);
  EXPECT_EQ(binary(kInt4, kFortyTwo, kInt4), std::nullopt);
}

TEST(Canonicalize, Booleans) {
  for (const char* s : {"t", "true", "TRUE", "tr", "y", "Yes", "on", " on ", "1"})
    EXPECT_EQ(text(kBool, s), std::string(1, '\1')) << s;
  for (const char* s : {"f", "false", "fal", "n", "NO", "of", "off", "0"})
    EXPECT_EQ(text(kBool, s), std::string(1, '\0')) << s;
  for (const char* s : {"", "o", "truex", "2", "yess", "nope", "10"})
    EXPECT_EQ(text(kBool, s), std::nullopt) << s;
  EXPECT_EQ(binary(kBool, "\x07"), std::string(1, '\1'));
  EXPECT_EQ(binary(kBool, std::string_view("\0", 1), kBool), std::string(1, '\0'));
  EXPECT_EQ(binary(kBool, "ab"), std::nullopt);
  EXPECT_EQ(number(kBool, "1"), std::nullopt);
}

TEST(Canonicalize, Uuids) {
  const std::string bytes("\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11");
  EXPECT_EQ(text(kUuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), bytes);
  EXPECT_EQ(text(kUuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", kUuid), bytes);
  EXPECT_EQ(text(kUuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11"), bytes);
  EXPECT_EQ(binary(kUuid, bytes), bytes);
  for (const char* s : {"", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
                        "a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11a", "{a0eebc999c0b4ef8bb6d6bb9bd380a1",
                        " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"})
    EXPECT_EQ(text(kUuid, s), std::nullopt) << s;
  EXPECT_EQ(text(kUuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11", kText), std::nullopt);
  EXPECT_EQ(binary(kUuid, "short"), std::nullopt);
}

TEST(Canonicalize, TextIsItsBytes) {
  EXPECT_EQ(text(kText, " a "), " a ");
  EXPECT_NE(text(kVarchar, "a "), text(kVarchar, "a"));
  EXPECT_EQ(text(kVarchar, "a", kText), binary(kText, "a", kVarchar));
  EXPECT_NE(text(kText, "A"), text(kText, "a"));
  EXPECT_EQ(text(kText, ""), "");
  EXPECT_EQ(number(kText, "42"), std::nullopt);
  // Blanks at its end mean nothing to a bpchar, and the operator would be bpchar's.
  EXPECT_EQ(text(kText, "a", kBpchar), std::nullopt);
}

TEST(Canonicalize, OtherTypesHaveNoCanonicalForm) {
  EXPECT_EQ(text(kNumeric, "1.0"), std::nullopt);
  EXPECT_EQ(text(kBpchar, "a"), std::nullopt);
  EXPECT_EQ(text(kInterval, "24:00:00"), std::nullopt);
  EXPECT_EQ(text(kDate, "2020-01-01"), std::nullopt);
  EXPECT_EQ(number(kFloat8, "1"), std::nullopt);
  EXPECT_EQ(text(16999, "citext"), std::nullopt);
}

TEST(RowName, DiffersWithEachPart) {
  constexpr base::HashSecret kSecret{1, 2};
  using Columns = std::vector<Attnum>;
  using Strings = std::vector<std::string>;
  const auto name = [&](Oid relation, const Columns& columns, const Strings& values) {
    return row_name(kSecret, relation, columns, values);
  };
  const std::vector<std::uint64_t> names = {
      name(1, {1}, {"a"}),
      name(2, {1}, {"a"}),
      name(1, {2}, {"a"}),
      name(1, {1}, {"b"}),
      name(1, {1}, {""}),
      name(1, {1, 2}, {"a", "b"}),
      name(1, {1, 2}, {"ab", ""}),
      name(1, {1, 2}, {"", "ab"}),
      any_name(kSecret, 1, Columns{1}),
      any_name(kSecret, 1, Columns{2}),
      any_name(kSecret, 2, Columns{1}),
      row_name(base::HashSecret{1, 3}, 1, Columns{1}, Strings{"a"}),
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t k = i + 1; k < names.size(); ++k) EXPECT_NE(names[i], names[k]) << i << " " << k;
  }
  EXPECT_EQ(names.front(), name(1, {1}, {"a"}));
}

}  // namespace
}  // namespace pgweir::query
