#include "wire/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/frame.h"

namespace pgweir::wire {
namespace {

using std::string_view;
using testing::ElementsAre;

std::string body_of(const base::Buffer& out, char type) {
  Header header;
  EXPECT_EQ(read_header(out.view(), 1 << 20, header), HeaderStatus::kComplete);
  EXPECT_EQ(header.type, type);
  EXPECT_EQ(header.message_bytes, out.size());
  return std::string(out.view().substr(kHeaderBytes));
}

TEST(BackendTest, ErrorCarriesItsFields) {
  base::Buffer out;
  append_error(out, {.severity = "FATAL", .code = "08P01", .message = "no", .detail = "why", .hint = "do"});
  const std::string body = body_of(out, 'E');
  EXPECT_EQ(error_field(body, 'S'), "FATAL");
  EXPECT_EQ(error_field(body, 'V'), "FATAL");
  EXPECT_EQ(error_field(body, 'C'), "08P01");
  EXPECT_EQ(error_field(body, 'M'), "no");
  EXPECT_EQ(error_field(body, 'D'), "why");
  EXPECT_EQ(error_field(body, 'H'), "do");
  EXPECT_EQ(error_field(body, 'P'), std::nullopt);
}

TEST(BackendTest, FieldsWithoutAValueAreLeftOut) {
  base::Buffer out;
  append_notice(out, {.severity = "NOTICE", .code = "00000", .message = "m"});
  const std::string body = body_of(out, 'N');
  EXPECT_EQ(error_field(body, 'D'), std::nullopt);
  EXPECT_EQ(error_field(body, 'H'), std::nullopt);
  EXPECT_EQ(body.back(), '\0');
}

TEST(BackendTest, BrokenErrors) {
  EXPECT_EQ(error_field("", 'C'), std::nullopt);
  EXPECT_EQ(error_field(string_view("\0", 1), 'C'), std::nullopt);
  EXPECT_EQ(error_field("C42P01", 'C'), std::nullopt) << "cut before its NUL";
  EXPECT_EQ(error_field(string_view("SERROR\0C42", 10), 'S'), "ERROR");
  EXPECT_EQ(error_field(string_view("SERROR\0C42", 10), 'C'), std::nullopt);
}

TEST(BackendTest, ReadyForQueryAndTheEmptyMessages) {
  base::Buffer out;
  append_ready_for_query(out, 'T');
  EXPECT_EQ(body_of(out, 'Z'), "T");
  for (const string_view message : {kParseComplete, kBindComplete, kCloseComplete}) {
    Header header;
    ASSERT_EQ(read_header(message, 5, header), HeaderStatus::kComplete);
    EXPECT_EQ(header.message_bytes, message.size());
  }
}

TEST(BackendTest, NegotiateProtocolVersion) {
  base::Buffer out;
  append_negotiate_protocol_version(out, 0x30002, {"_pq_.a", "_pq_.b"});
  const std::string body = body_of(out, 'v');
  const auto parsed = parse_negotiate_protocol_version(body);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->version, 0x30002U);
  EXPECT_THAT(parsed->unrecognized, ElementsAre("_pq_.a", "_pq_.b"));
  for (std::size_t n = 0; n < body.size(); ++n)
    EXPECT_FALSE(parse_negotiate_protocol_version(string_view(body).substr(0, n)).has_value()) << n;
  EXPECT_FALSE(parse_negotiate_protocol_version(body + "x").has_value());
  EXPECT_FALSE(parse_negotiate_protocol_version(string_view("\0\3\0\0\xff\xff\xff\xff", 8)).has_value());
}

TEST(BackendTest, Authentication) {
  const auto ok = parse_authentication(string_view("\0\0\0\0", 4));
  ASSERT_TRUE(ok.has_value());
  EXPECT_EQ(ok->code, AuthenticationCode::kOk);
  const auto md5 = parse_authentication(string_view("\0\0\0\5salt", 8));
  ASSERT_TRUE(md5.has_value());
  EXPECT_EQ(md5->code, AuthenticationCode::kMd5);
  EXPECT_EQ(md5->data, "salt");
  EXPECT_FALSE(parse_authentication(string_view("\0\0\0", 3)).has_value());
}

TEST(BackendTest, SaslMechanisms) {
  base::Buffer out;
  append_authentication_sasl(out, {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"});
  const std::string body = body_of(out, 'R');
  const auto request = parse_authentication(body);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->code, AuthenticationCode::kSasl);
  EXPECT_THAT(parse_sasl_mechanisms(request->data).value(),
              ElementsAre("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"));
  EXPECT_TRUE(parse_sasl_mechanisms(string_view("\0", 1)).value().empty());
  EXPECT_FALSE(parse_sasl_mechanisms("").has_value());
  EXPECT_FALSE(parse_sasl_mechanisms("SCRAM-SHA-256").has_value());
  EXPECT_FALSE(parse_sasl_mechanisms(string_view("SCRAM-SHA-256\0", 14)).has_value()) << "no end of the list";
}

TEST(BackendTest, ParameterStatus) {
  const auto parsed = parse_parameter_status(string_view("TimeZone\0UTC\0", 13));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->name, "TimeZone");
  EXPECT_EQ(parsed->value, "UTC");
  EXPECT_FALSE(parse_parameter_status(string_view("TimeZone\0UTC", 12)).has_value());
  EXPECT_FALSE(parse_parameter_status(string_view("TimeZone\0UTC\0x", 14)).has_value());
}

TEST(BackendTest, BackendKeyData) {
  const auto parsed = parse_backend_key_data(string_view("\0\0\0\x2akkkk", 8));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->process_id, 42U);
  EXPECT_EQ(parsed->key, "kkkk");
  EXPECT_TRUE(parse_backend_key_data(std::string(4 + kCancelKeyBytesMax, 'k')).has_value());
  EXPECT_FALSE(parse_backend_key_data(std::string(5 + kCancelKeyBytesMax, 'k')).has_value());
  EXPECT_FALSE(parse_backend_key_data("kkkkkkk").has_value());
}

TEST(BackendTest, DataRow) {
  const string_view body("\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0", 16);
  const auto row = parse_data_row(body);
  ASSERT_TRUE(row.has_value());
  EXPECT_THAT(*row, ElementsAre("ab", std::nullopt, ""));
  for (std::size_t n = 0; n < body.size(); ++n)
    EXPECT_FALSE(parse_data_row(body.substr(0, n)).has_value()) << n;
  EXPECT_FALSE(parse_data_row(std::string(body) + "x").has_value());
  EXPECT_FALSE(parse_data_row(string_view("\0\1\xff\xff\xff\xfe", 6)).has_value()) << "a length of -2";
  EXPECT_FALSE(parse_data_row(string_view("\0\1\x7f\xff\xff\xff", 6)).has_value());
  EXPECT_FALSE(parse_data_row(string_view("\xff\xff", 2)).has_value());
  EXPECT_TRUE(parse_data_row(string_view("\0\0", 2)).value().empty());
}

}  // namespace
}  // namespace pgweir::wire
