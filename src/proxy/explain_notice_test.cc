#include "proxy/explain_notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "query/judge.h"
#include "query/syntax.h"
#include "query/test_catalog.h"
#include "wire/backend.h"
#include "wire/frame.h"

namespace pgweir::proxy {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr query::Oid kItem = 16400, kInt4 = 23;

class ExplainNoticeTest : public testing::Test {
 protected:
  // The field of the only notice of it.
  std::string field(char code, const Explained& explained) {
    std::string out;
    append_explanation(out, explained);
    EXPECT_EQ(out.front(), 'N');
    wire::Header header;
    EXPECT_EQ(wire::read_header(out, out.size(), header), wire::HeaderStatus::kComplete);
    EXPECT_EQ(header.message_bytes, out.size());
    return std::string(
        wire::error_field(std::string_view(out).substr(wire::kHeaderBytes), code).value_or(""));
  }
  Explained miss(std::string_view sql) {
    verdict_ = query::judge(**query::parse(sql), *catalog_, query::SearchPath({"public"}), false);
    return {.outcome = Outcome::kMiss,
            .why = verdict_.reason,
            .verdict = &verdict_,
            .catalog = catalog_.get(),
            .sql = sql};
  }

  std::shared_ptr<const query::Catalog> catalog_ = [] {
    query::TestCatalog c;
    c.table({.oid = kItem, .name = "kälte"}).indexed_column(kItem, 1, "id", kInt4).index(kItem, "1");
    return c.build();
  }();
  query::Verdict verdict_;
};

TEST_F(ExplainNoticeTest, SaysWhatAReplyDependsOn) {
  const Explained explained = miss("select 1 from \"kälte\" where id = 7");
  EXPECT_THAT(field('D', explained), HasSubstr("\nreads: public.\"kälte\"\nrows: public.\"kälte\": id = 7"));
  EXPECT_EQ(field('S', explained), "NOTICE");
}

TEST_F(ExplainNoticeTest, IsAsciiForWhoeverMayNotReadUtf8) {
  Explained explained = miss("select 1 from \"kälte\"");
  explained.utf8 = false;
  EXPECT_THAT(field('D', explained), HasSubstr("reads: public.\"k??lte\""));
}

TEST_F(ExplainNoticeTest, IsCutWithinNoCharacter) {
  for (const std::string pad : {"", "x"}) {
    query::SessionSettings settings;
    settings.search_path.push_back(pad);
    for (int i = 0; i < 4096; ++i) settings.search_path.front() += "ä";
    Explained explained = miss("select 1 from \"kälte\"");
    explained.settings = &settings;
    const std::string detail = field('D', explained);
    EXPECT_LT(detail.size(), 4200U);
    EXPECT_THAT(detail, EndsWith(" ..."));
    const auto last = static_cast<unsigned char>(detail[detail.size() - 5]);
    EXPECT_EQ(last, 0xa4) << "the first byte of ä alone";
  }
}

TEST_F(ExplainNoticeTest, SaysWhatIsInTheKey) {
  query::SessionSettings settings;
  settings.current_user = "ann";
  settings.search_path = {"app", "public"};
  Explained explained = miss("select 1 from \"kälte\"");
  explained.settings = &settings;
  explained.database = "shop";
  EXPECT_THAT(field('D', explained),
              HasSubstr("in its key: database shop, user ann, search_path app, public"));
  explained.settings = nullptr;
  EXPECT_THAT(field('D', explained), Not(HasSubstr("in its key")));
}

TEST_F(ExplainNoticeTest, OfAHitSaysHowLongItLasts) {
  EXPECT_EQ(field('M', {.outcome = Outcome::kHit, .left = 1'250 * base::kMillisecond}),
            "pgweir: hit, expires in 1.2 s");
  EXPECT_EQ(field('M', {.outcome = Outcome::kStale}),
            "pgweir: stale, its ttl is over, or changes were not told");
  EXPECT_EQ(field('M', {.why = SessionReason::kPipeline}), "pgweir: bypass: pipeline");
}

}  // namespace
}  // namespace pgweir::proxy
