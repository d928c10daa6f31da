#include "query/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "query/judge.h"
#include "query/rules.h"
#include "query/scan.h"
#include "query/syntax.h"
#include "query/test_catalog.h"

namespace pgweir::query {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Oid kItem = 16400, kPair = 16401, kView = 16402, kTriggered = 16403, kOdd = 16404, kReview = 16405;
constexpr Oid kInt4 = 23;

std::shared_ptr<const Catalog> catalog() {
  TestCatalog c;
  c.table({.oid = kItem, .name = "item"}).indexed_column(kItem, 1, "id", kInt4).index(kItem, "1");
  c.table({.oid = kPair, .name = "pair", .replica_identity = 'f', .followed_by = 0});
  c.indexed_column(kPair, 1, "a", kInt4).indexed_column(kPair, 2, "b", kInt4).index(kPair, "1 2");
  c.table({.oid = kReview, .name = "review"}).indexed_column(kReview, 1, "id", kInt4);
  c.indexed_column(kReview, 2, "item_id", kInt4).index(kReview, "1").index(kReview, "2", "ob");
  c.view(kView, "cheap", " SELECT item.id FROM public.item;");
  c.table({.oid = kTriggered, .name = "triggered"}).code('w', kTriggered);
  c.table({.oid = kOdd, .name = "Odd \"name\""});
  return c.build();
}

class ExplanationTest : public testing::Test {
 protected:
  Explanation explain_text(std::string_view sql) {
    const auto syntax = parse(sql);
    EXPECT_TRUE(syntax) << sql;
    Explanation out = explain(judge(**syntax, *catalog_, path_, scan(sql, {}).time_word), *catalog_, sql);
    out.untold = why_untold(sql, *catalog_, path_);
    return out;
  }
  std::vector<std::string> predicates(std::string_view sql) {
    const Explanation out = explain_text(sql);
    EXPECT_EQ(out.rows.size(), 1U) << sql;
    return out.rows.empty() ? std::vector<std::string>() : out.rows.front().predicates;
  }

  const std::shared_ptr<const Catalog> catalog_ = catalog();
  const SearchPath path_{{"public"}};
};

TEST_F(ExplanationTest, NamesWhatAReplyDependsOn) {
  const Explanation out = explain_text("SELECT * FROM cheap");
  EXPECT_TRUE(out.cacheable());
  EXPECT_EQ(out.reason, "none");
  EXPECT_THAT(out.advice, IsEmpty());
  ASSERT_EQ(out.reads.size(), 2U);
  EXPECT_EQ(out.reads[0].name, "public.item");
  EXPECT_EQ(out.reads[0].kind, "table");
  EXPECT_TRUE(out.reads[0].published);
  EXPECT_EQ(out.reads[0].replica_identity, "default");
  EXPECT_EQ(out.reads[1].name, "public.cheap");
  EXPECT_EQ(out.reads[1].kind, "view");
  EXPECT_FALSE(out.reads[1].holds_rows);
  EXPECT_THAT(out.rows, IsEmpty());
}

TEST_F(ExplanationTest, QuotesNamesAsPostgresWould) {
  const Explanation out = explain_text("SELECT * FROM \"Odd \"\"name\"\"\"");
  ASSERT_EQ(out.reads.size(), 1U);
  EXPECT_EQ(out.reads[0].name, "public.\"Odd \"\"name\"\"\"");
}

TEST_F(ExplanationTest, SaysWhatReplicaIdentityFullWouldGain) {
  const auto advice = [&](std::string_view sql) {
    const Explanation out = explain_text(sql);
    return out.rows.size() == 1 ? out.rows[0].advice : "no rows";
  };
  EXPECT_THAT(advice("SELECT * FROM review WHERE item_id = 7"),
              AllOf(HasSubstr("old item_id"), HasSubstr("ALTER TABLE public.review REPLICA IDENTITY FULL")));
  EXPECT_EQ(advice("SELECT * FROM review WHERE id = 7"), "");
  EXPECT_EQ(advice("SELECT * FROM pair WHERE a = 1 AND b = 2"), "");  // has it
}

TEST_F(ExplanationTest, RowsAreColumnsAndValues) {
  EXPECT_THAT(predicates("SELECT 'x', id FROM item WHERE id = 7"), ElementsAre("id = 7"));
  EXPECT_THAT(predicates("SELECT id FROM item WHERE id IN (7, $1)"), ElementsAre("id IN (7, $1)"));
  EXPECT_THAT(predicates("SELECT 1 FROM pair WHERE b = $2 AND a = 3"), ElementsAre("a = 3 AND b = $2"));
  const std::string number(100, '1');
  const auto cut = predicates("SELECT 1 FROM item WHERE id = '" + number + "'");
  EXPECT_THAT(cut, ElementsAre("id = '" + std::string(79, '1') + "…"));
}

TEST_F(ExplanationTest, ARefusalComesWithItsCauseAndAdvice) {
  const Explanation out = explain_text("SELECT id FROM item WHERE id = 1 FOR UPDATE");
  EXPECT_FALSE(out.cacheable());
  EXPECT_EQ(out.reason, "locking");
  EXPECT_THAT(out.advice, HasSubstr("Lock"));
}

TEST_F(ExplanationTest, NamesTheRuleAndTheTemplate) {
  std::vector<RuleConfig> list{{.name = "other", .regex = "no such text"}, {.name = "items"}};
  list.back().fingerprint = fingerprint("SELECT id FROM item WHERE id = 1");
  list.back().accept_ttl = true;
  const auto rules = Rules::make(list);
  ASSERT_TRUE(rules);
  const std::string sql = "select ID from item where id=2";
  const Rules::Candidates candidates = (*rules)->candidates(sql);
  const Directions directions{rules->get(), candidates, {}};
  const Explanation out =
      explain(judge(**parse(sql), *catalog_, path_, false, directions), *catalog_, sql, rules->get());
  EXPECT_EQ(out.rule, "items");
  EXPECT_TRUE(out.accepts_ttl);
  EXPECT_EQ(out.template_id, format_fingerprint(*list.back().fingerprint));
  EXPECT_EQ(explain_text(sql).rule, std::nullopt);
  EXPECT_EQ(explain_text(sql).template_id, out.template_id);
  EXPECT_EQ(format_fingerprint(0x00ff00000000001aU), "00ff00000000001a");
  EXPECT_THAT(explain(unknown_verdict(Reason::kUnparsable), *catalog_, "SELEC").template_id, IsEmpty());
}

TEST_F(ExplanationTest, AWriteNamesWhatItChanges) {
  const Explanation out = explain_text("DELETE FROM item WHERE id = 7");
  EXPECT_EQ(out.reason, "not_read");
  EXPECT_FALSE(out.writes_everything);
  EXPECT_THAT(out.untold, IsEmpty());
  ASSERT_EQ(out.writes.size(), 1U);
  EXPECT_EQ(out.writes[0].name, "public.item");
  ASSERT_EQ(out.changed_rows.size(), 1U);
  EXPECT_THAT(out.changed_rows[0].predicates, ElementsAre("id = 7"));
}

// For whatever counts as writing everything there is a reason in words, and for nothing else.
TEST_F(ExplanationTest, SaysWhyEffectsCannotBeTold) {
  for (const char* sql :
       {"INSERT INTO triggered VALUES (1)", "INSERT INTO cheap VALUES (1)", "INSERT INTO nowhere VALUES (1)",
        "CALL p()", "DO 'BEGIN END'", "EXECUTE s", "FETCH ALL c", "VACUUM", "CREATE TABLE t (i int)",
        "SELECT nobody_knows(1)", "SELECT * INTO t FROM item", "SELECT * FROM nowhere",
        "REFRESH MATERIALIZED VIEW cheap"}) {
    const Explanation out = explain_text(sql);
    EXPECT_TRUE(out.writes_everything) << sql;
    EXPECT_FALSE(out.untold.empty()) << sql;
    EXPECT_TRUE(out.writes.empty()) << sql;
  }
  for (const char* sql : {"SELECT id FROM item", "BEGIN", "SET a = 1", "DELETE FROM item", "SHOW a"}) {
    const Explanation out = explain_text(sql);
    EXPECT_FALSE(out.writes_everything) << sql;
    EXPECT_THAT(out.untold, IsEmpty()) << sql;
  }
}

}  // namespace
}  // namespace pgweir::query
