#include <gmock/gmock.h>

#include <string>

#include "proxy/test_session.h"
#include "warm/messages.h"

namespace pgweir::proxy {
namespace {

class SampledHits : public testing::Test {
 protected:
  // The role that the server of these tests says it has.
  explicit SampledHits(const std::string& user = "ann") : samples_(user) {
    session_.worker().services.samples = &samples_;
  }

  static std::string execution_of_one(bool describes, std::string_view result_formats) {
    base::Buffer bind;
    wire::append_string(bind, "");
    wire::append_string(bind, "s");
    wire::append_u16(bind, 1);
    wire::append_u16(bind, 1);  // binary
    wire::append_u16(bind, 1);
    wire::append_u32(bind, 4);
    bind.append(std::string_view("\0\0\0\7", 4));
    bind.append(result_formats);
    return message('B', bind.view()) + (describes ? message('D', std::string_view("P\0", 2)) : "") +
           message('E', std::string_view("\0\0\0\0\0", 5)) + std::string(wire::kSync);
  }

  // Misses, then hits, and is recorded; what was recorded is then sent, and must hit.
  void expect_same_key(const std::string& messages) {
    session_.say(messages);
    session_.worker().clock.advance(base::kMicrosecond);
    samples_.take();
    ASSERT_EQ(session_.hits_of(messages), 1u);
    const warm::Samples::Batch batch = samples_.take();
    ASSERT_EQ(batch.statements.size(), 1u);
    base::Buffer again;
    warm::append_messages(again, batch.statements[0]);
    EXPECT_NE(std::string(again.view()), "");
    EXPECT_EQ(session_.hits_of(again.view()), 1u);
    EXPECT_EQ(batch.sessions[0].database, "shop");
  }

  warm::Samples samples_;
  TestSession session_;
};

TEST_F(SampledHits, ASimpleQuery) { expect_same_key(simple_query("/* note */ select id from a")); }

TEST_F(SampledHits, ExecutionsOfAllForms) {
  base::Buffer parse;
  wire::append_parse(parse, "s", "select id from a where id = $1", {23});
  parse.append(wire::kSync);
  session_.say(parse.view());
  session_.say(execution_of_one(true, std::string_view("\0\0", 2)));  // analysed again
  for (const bool describes : {false, true})
    for (const std::string_view formats :
         {std::string_view("\0\0", 2), std::string_view("\0\1\0\0", 4), std::string_view("\0\1\0\1", 4)})
      expect_same_key(execution_of_one(describes, formats));
}

TEST_F(SampledHits, WhoWantsItExplainedIsNoTraffic) {
  const std::string read = simple_query("select id from a");
  session_.say(read);
  session_.paths().query().context().set_explains(true);
  EXPECT_EQ(session_.hits_of(read), 1u);
  EXPECT_TRUE(samples_.take().statements.empty());
}

class OthersHits : public SampledHits {
 protected:
  OthersHits() : SampledHits("another") {}
};

TEST_F(OthersHits, AreNotRecorded) {
  const std::string read = simple_query("select id from a");
  session_.say(read);
  EXPECT_EQ(session_.hits_of(read), 1u);
  EXPECT_TRUE(samples_.take().statements.empty());
}

}  // namespace
}  // namespace pgweir::proxy
