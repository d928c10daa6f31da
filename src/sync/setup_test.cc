#include "sync/setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/setup_status.h"

namespace pgweir::sync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

SetupFacts good_facts() {
  SetupFacts facts;
  facts.database = "shop";
  facts.role = "pgweir";
  facts.role_exists = facts.role_logs_in = facts.role_replicates = facts.role_connects = facts.role_mends =
      true;
  facts.version = 150018;
  facts.wal_level = "logical";
  facts.slots_max = facts.senders_max = 10;
  facts.event_triggers = "on";
  facts.schema_exists = true;
  facts.stamp = setup_stamp();
  facts.publication_rows = facts.publication_inserts = "right";
  return facts;
}

std::vector<std::string> codes(const SetupStatus& status, bool advice) {
  std::vector<std::string> found;
  for (const Finding& finding : status.findings)
    if (finding.advice == advice) found.push_back(finding.code);
  return found;
}

TEST(Setup, FillsInEveryMark) {
  EXPECT_EQ(fill_in("a @b@ c @b@@b@ @c@", "b", "@b@"), "a @b@ c @b@@b@ @c@");
  EXPECT_EQ(fill_in("no mark", "b", "x"), "no mark");
}

TEST(Setup, ConstantsHoldAnyText) {
  EXPECT_EQ(sql_constant("it's \\ \"q\""), "'it''s \\ \"q\"'");
  EXPECT_EQ(sql_constant(""), "NULL");
}

TEST(Setup, ScriptsAreWhole) {
  for (const std::string& script : {*setup_script("it's"), *setup_script(""), *undo_script("it's")}) {
    EXPECT_THAT(script, HasSubstr("BEGIN;"));
    EXPECT_THAT(script, HasSubstr("COMMIT;"));
    EXPECT_THAT(script, Not(HasSubstr("@tables@")));
    EXPECT_THAT(script, Not(HasSubstr("@role@")));
  }
  EXPECT_THAT(*setup_script("it's"), HasSubstr("'it''s'"));
  EXPECT_THAT(*setup_script("it's"), HasSubstr(setup_stamp()));
  EXPECT_THAT(*setup_script(""), Not(HasSubstr("CREATE ROLE")));
}

TEST(Setup, RefusesRolesThatCannotBe) {
  for (const std::string& role : {std::string(64, 'r'), std::string("a\0b", 3), std::string("pg_monitor"),
                                  std::string("public"), std::string("none")}) {
    EXPECT_FALSE(setup_script(role)) << role;
    EXPECT_FALSE(undo_script(role)) << role;
  }
  EXPECT_TRUE(setup_script(std::string(63, 'r')));
}

TEST(SetupStatus, FullNeedsAllAndNamesWhatIsMissing) {
  EXPECT_EQ(judge_setup(good_facts()).promise, Promise::kFull);
  EXPECT_THAT(judge_setup(good_facts()).findings, IsEmpty());
  const auto missing = [](auto change) {
    SetupFacts facts = good_facts();
    change(facts);
    const SetupStatus status = judge_setup(facts);
    EXPECT_EQ(status.promise, Promise::kFencesAndTtl);
    EXPECT_THAT(codes(status, true), IsEmpty());
    for (const Finding& finding : status.findings) EXPECT_NE(finding.fix, "");
    return codes(status, false);
  };
  EXPECT_THAT(missing([](auto& f) { f.wal_level = "replica"; }), ElementsAre("wal_level"));
  EXPECT_THAT(missing([](auto& f) { f.slots_used = f.slots_max; }), ElementsAre("max_replication_slots"));
  EXPECT_THAT(missing([](auto& f) { f.senders_used = f.senders_max; }), ElementsAre("max_wal_senders"));
  EXPECT_THAT(missing([](auto& f) { f.version = 140011; }), ElementsAre("server_version"));
  EXPECT_THAT(missing([](auto& f) { f.role_exists = false; }), ElementsAre("role_missing"));
  EXPECT_THAT(missing([](auto& f) { f.role_replicates = false; }), ElementsAre("role_replication"));
  EXPECT_THAT(missing([](auto& f) { f.schema_exists = false; }), ElementsAre("not_set_up"));
  EXPECT_THAT(missing([](auto& f) { f.stamp = "pgweir setup 0"; }), ElementsAre("other_version"));
  EXPECT_THAT(missing([](auto& f) { f.triggers_missing = "x"; }), ElementsAre("event_trigger_missing"));
  EXPECT_THAT(missing([](auto& f) { f.triggers_disabled = "x"; }), ElementsAre("event_trigger_disabled"));
  EXPECT_THAT(missing([](auto& f) { f.event_triggers = "off"; }), ElementsAre("event_triggers_off"));
  EXPECT_THAT(missing([](auto& f) { f.publication_rows = ""; }), ElementsAre("publication_missing"));
  EXPECT_THAT(missing([](auto& f) { f.publication_inserts = "altered"; }),
              ElementsAre("publication_altered"));
  EXPECT_THAT(missing([](auto& f) { f.publication_rows = "all"; }), ElementsAre("publication_all_tables"));
  EXPECT_THAT(missing([](auto& f) { f.refused_count = 1; }), ElementsAre("table_refuses_writes"));
}

TEST(SetupStatus, AdviceLeavesThePromiseAndComesLast) {
  SetupFacts facts = good_facts();
  facts.without_identity_count = facts.misplaced_count = facts.tables_by_key = facts.tables_unlogged = 1;
  EXPECT_EQ(judge_setup(facts).promise, Promise::kFull);
  EXPECT_THAT(codes(judge_setup(facts), true),
              ElementsAre("table_not_published", "no_replica_identity", "identity_by_key", "unlogged"));
  facts.publication_rows = "altered";
  facts.refused_count = 1;
  EXPECT_FALSE(judge_setup(facts).findings[1].advice);
  EXPECT_TRUE(judge_setup(facts).findings[2].advice);
}

TEST(SetupStatus, AStandbyHasTtlOnly) {
  SetupFacts facts = good_facts();
  facts.standby = true;
  EXPECT_EQ(judge_setup(facts).promise, Promise::kTtlOnly);
  EXPECT_EQ(promise_name(judge_setup(facts).promise), "TTL only");
}

}  // namespace
}  // namespace pgweir::sync
