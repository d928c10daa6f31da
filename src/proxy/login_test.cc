#include "proxy/login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pgweir::proxy {
namespace {

using std::string_view;
using testing::HasSubstr;
using testing::IsEmpty;
using Step = Login::Step;

std::string message(char type, string_view body) {
  base::Buffer out;
  out.push_back(type);
  wire::append_u32(out, static_cast<std::uint32_t>(body.size() + 4));
  out.append(body);
  return std::string(out.view());
}

std::string authentication(std::uint32_t code, string_view data = "") {
  base::Buffer body;
  wire::append_u32(body, code);
  body.append(data);
  return message('R', body.view());
}

std::string negotiation(std::uint32_t version, const std::vector<std::string>& options) {
  base::Buffer out;
  wire::append_negotiate_protocol_version(out, version, options);
  return std::string(out.view());
}

wire::StartupMessage startup(std::uint16_t minor = 0) {
  return {.version = {3, minor}, .parameters = {{"user", "ann"}, {"database", "shop"}}};
}

// SASLInitialResponse with this gs2 header.
std::string sasl_initial(string_view data) {
  base::Buffer body;
  wire::append_string(body, "SCRAM-SHA-256");
  wire::append_u32(body, static_cast<std::uint32_t>(data.size()));
  body.append(data);
  return message('p', body.view());
}

// A login between two sides that are only bytes.
struct Exchanged {
  explicit Exchanged(wire::StartupMessage message = startup(), LoginFacts facts = {})
      : login(std::move(message), facts) {}

  Step upstream_says(const std::string& raw) { return login.from_upstream({raw[0], raw}, to_client); }
  bool client_says(const std::string& raw) { return login.from_client({raw[0], raw}, to_upstream); }
  wire::StartupMessage sent_startup() const {
    base::Buffer out;
    login.append_startup(out);
    return std::get<wire::StartupMessage>(wire::parse_startup(out.view()).value());
  }

  Login login;
  base::Buffer to_client;
  base::Buffer to_upstream;
};

const std::string kOk = authentication(0);
const std::string kScramOffer = authentication(10, string_view("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", 34));

TEST(LoginTest, APasswordLoginPassesThrough) {
  Exchanged e;
  const std::vector<std::string> from_upstream{
      authentication(5, "salt"), kOk, message('S', string_view("TimeZone\0UTC\0", 13)),
      message('K', string_view("\0\0\0\x2akkkk", 8)), message('Z', "I")};
  EXPECT_EQ(e.upstream_says(from_upstream[0]), Step::kContinue);
  const std::string password = message('p', string_view("md5abc\0", 7));
  EXPECT_TRUE(e.client_says(password));
  EXPECT_EQ(e.to_upstream.view(), password);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(e.upstream_says(from_upstream[i]), Step::kContinue);
  EXPECT_EQ(e.upstream_says(from_upstream[4]), Step::kDone);
  std::string all;
  for (const std::string& raw : from_upstream) all += raw;
  EXPECT_EQ(e.to_client.view(), all);
  EXPECT_EQ(e.login.cancel_key().process_id, 42U);
  EXPECT_EQ(e.login.cancel_key().key, "kkkk");
}

TEST(LoginTest, StartupIsPassedOn) {
  const Exchanged e;
  EXPECT_EQ(e.sent_startup().parameters, startup().parameters);
  EXPECT_EQ(e.sent_startup().version, (wire::ProtocolVersion{3, 0}));
}

TEST(LoginTest, NothingToNegotiate) {
  for (const std::uint16_t minor : {std::uint16_t{0}, kProtocolMinorMax}) {
    Exchanged e(startup(minor), {.allow_passwordless_remote = true});
    EXPECT_EQ(e.sent_startup().version.minor, minor);
    EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
    EXPECT_EQ(e.to_client.view(), kOk);
  }
}

TEST(LoginTest, AnOlderServersAnswerIsPassedOn) {
  Exchanged e(startup(2), {.allow_passwordless_remote = true});
  const std::string reply = negotiation(0x30000, {});
  EXPECT_EQ(e.upstream_says(reply), Step::kContinue);
  EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
  EXPECT_EQ(e.to_client.view(), reply + kOk) << "and said once";
}

TEST(LoginTest, AMinorVersionThatIsTooNew) {
  Exchanged e(startup(9), {.allow_passwordless_remote = true});
  EXPECT_EQ(e.sent_startup().version.minor, kProtocolMinorMax);
  EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
  EXPECT_EQ(e.to_client.view(), negotiation(0x30000 | kProtocolMinorMax, {}) + kOk);
}

TEST(LoginTest, AMinorVersionThatIsTooNewForTheServerToo) {
  Exchanged e(startup(9), {.allow_passwordless_remote = true});
  EXPECT_EQ(e.upstream_says(negotiation(0x30000, {})), Step::kContinue);
  EXPECT_EQ(e.to_client.view(), negotiation(0x30000, {}));
}

TEST(LoginTest, OptionsAreWithheldAndNamed) {
  wire::StartupMessage asked = startup();
  asked.parameters.emplace_back("_pq_.a", "1");
  asked.parameters.emplace_back("_pq_.b", "");
  Exchanged e(asked, {.allow_passwordless_remote = true});
  EXPECT_EQ(e.sent_startup().parameters, startup().parameters);
  EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
  EXPECT_EQ(e.to_client.view(), negotiation(0x30000, {"_pq_.a", "_pq_.b"}) + kOk);
}

TEST(LoginTest, OptionsAreAddedToTheServersOwnAnswer) {
  wire::StartupMessage asked = startup(2);
  asked.parameters.emplace_back("_pq_.a", "1");
  Exchanged e(asked, {.allow_passwordless_remote = true});
  EXPECT_EQ(e.upstream_says(negotiation(0x30000, {})), Step::kContinue);
  EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
  EXPECT_EQ(e.to_client.view(), negotiation(0x30000, {"_pq_.a"}) + kOk);
}

TEST(LoginTest, ARefusalByPostgresComesWithoutNegotiation) {
  Exchanged e(startup(9));
  base::Buffer error;
  wire::append_error(error, {.severity = "FATAL", .code = "3D000", .message = "no such database"});
  EXPECT_EQ(e.upstream_says(std::string(error.view())), Step::kEnded);
  EXPECT_EQ(e.to_client.view(), error.view());
}

TEST(LoginTest, ChannelBindingIsTakenOffTheOffer) {
  Exchanged e;
  EXPECT_EQ(e.upstream_says(kScramOffer), Step::kContinue);
  EXPECT_EQ(e.to_client.view(), authentication(10, string_view("SCRAM-SHA-256\0\0", 15)));
  EXPECT_TRUE(e.client_says(sasl_initial("n,,n=,r=nonce")));
  const std::string proof = message('p', "c=biws,r=nonce,p=proof");
  EXPECT_EQ(e.upstream_says(authentication(11, "challenge")), Step::kContinue);
  EXPECT_TRUE(e.client_says(proof));
  EXPECT_EQ(e.to_upstream.view(), sasl_initial("n,,n=,r=nonce") + proof);
  EXPECT_EQ(e.upstream_says(authentication(12, "v=x")), Step::kContinue);
  EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
}

TEST(LoginTest, OnlyChannelBindingOnOffer) {
  Exchanged e;
  EXPECT_EQ(e.upstream_says(authentication(10, string_view("SCRAM-SHA-256-PLUS\0\0", 20))), Step::kRefused);
  EXPECT_EQ(e.login.refusal().code, "0A000");
  EXPECT_THAT(e.login.refusal().message, HasSubstr("channel binding"));
}

TEST(LoginTest, AMalformedOffer) {
  Exchanged e;
  EXPECT_EQ(e.upstream_says(authentication(10, "SCRAM")), Step::kRefused);
  EXPECT_EQ(e.login.refusal().code, "08P01");
  Exchanged f;
  EXPECT_EQ(f.upstream_says(message('R', "")), Step::kRefused);
  EXPECT_EQ(f.login.refusal().code, "08P01");
}

// The client could bind and believes that the server cannot: a PostgreSQL with TLS would take that for an
// attack, whether the client itself came by TLS or, as some say it regardless, did not.
TEST(LoginTest, AClientThatCouldBind) {
  for (const bool upstream_tls : {false, true}) {
    Exchanged e(startup());
    e.login.set_upstream_uses_tls(upstream_tls);
    ASSERT_EQ(e.upstream_says(kScramOffer), Step::kContinue);
    EXPECT_EQ(e.client_says(sasl_initial("y,,n=,r=nonce")), !upstream_tls);
    if (upstream_tls) {
      EXPECT_THAT(e.login.refusal().hint, HasSubstr("channel_binding=disable"));
      EXPECT_TRUE(e.to_upstream.empty());
    }
  }
}

TEST(LoginTest, AClientThatDoesNotBindMayGoOnByTls) {
  Exchanged e(startup(), {.upstream_uses_tls = true});
  ASSERT_EQ(e.upstream_says(kScramOffer), Step::kContinue);
  EXPECT_TRUE(e.client_says(sasl_initial("n,,n=,r=nonce")));
  // A later message may begin with any letter.
  EXPECT_TRUE(e.client_says(message('p', string_view("x\0\0\0\0\1y", 7))));
}

TEST(LoginTest, WithoutAPasswordOnlyLocalClients) {
  Exchanged remote;
  EXPECT_EQ(remote.upstream_says(kOk), Step::kRefused);
  EXPECT_EQ(remote.login.refusal().code, "28000");
  EXPECT_EQ(remote.login.refusal().severity, "FATAL");
  EXPECT_TRUE(remote.to_client.empty()) << "the client must not believe it is in";
  Exchanged local(startup(), {.client_is_local = true});
  EXPECT_EQ(local.upstream_says(kOk), Step::kContinue);
  Exchanged allowed(startup(), {.allow_passwordless_remote = true});
  EXPECT_EQ(allowed.upstream_says(kOk), Step::kContinue);
}

TEST(LoginTest, EachWayToAskForASecretCounts) {
  for (const std::string& request : {authentication(3), authentication(5, "salt"), kScramOffer}) {
    Exchanged e;
    EXPECT_EQ(e.upstream_says(request), Step::kContinue);
    EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
  }
}

TEST(LoginTest, MethodsBoundToTheConnection) {
  for (const std::uint32_t code : {2U, 7U, 8U, 9U, 99U}) {
    Exchanged e;
    EXPECT_EQ(e.upstream_says(authentication(code)), Step::kRefused) << code;
    EXPECT_EQ(e.login.refusal().code, "0A000");
    EXPECT_TRUE(e.to_client.empty());
  }
}

TEST(LoginTest, AClientMaySendOnlyPasswords) {
  for (const char type : {'Q', 'P', 'd', '\0'}) {
    Exchanged e;
    EXPECT_FALSE(e.client_says(message(type, "x")));
    EXPECT_EQ(e.login.refusal().code, "08P01");
    EXPECT_TRUE(e.to_upstream.empty());
  }
  Exchanged e;
  EXPECT_TRUE(e.client_says(message('X', ""))) << "goodbye is always welcome";
}

TEST(LoginTest, NoticesPassAndAMalformedKeyIsNoKey) {
  Exchanged e(startup(), {.client_is_local = true});
  const std::string notice = message('N', string_view("SNOTICE\0\0", 9)), key = message('K', "abc");
  EXPECT_EQ(e.upstream_says(kOk), Step::kContinue);
  EXPECT_EQ(e.upstream_says(notice), Step::kContinue);
  EXPECT_EQ(e.upstream_says(key), Step::kContinue);
  EXPECT_EQ(e.to_client.view(), kOk + notice + key);
  EXPECT_THAT(e.login.cancel_key().key, IsEmpty());
}

TEST(LoginTest, Database) {
  EXPECT_EQ(Exchanged().login.database(), "shop");
  EXPECT_EQ(Exchanged({.version = {3, 0}, .parameters = {{"user", "ann"}}}).login.database(), "ann");
  EXPECT_EQ(Exchanged({.version = {3, 0}, .parameters = {}}).login.database(), "");
}

TEST(LoginTest, PhysicalReplication) {
  const auto is_physical = [](const std::string& value) {
    wire::StartupMessage message = startup();
    message.parameters.emplace_back("replication", value);
    return Exchanged(message).login.is_physical_replication();
  };
  EXPECT_FALSE(Exchanged().login.is_physical_replication());
  for (const char* yes : {"true", "on", "yes", "1", "t", "TRUE"}) EXPECT_TRUE(is_physical(yes)) << yes;
  for (const char* no : {"database", "false", "off", "no", "0", "o", "truex"})
    EXPECT_FALSE(is_physical(no)) << no;
}

}  // namespace
}  // namespace pgweir::proxy
