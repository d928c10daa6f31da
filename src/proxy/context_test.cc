#include "proxy/context.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "query/test_catalog.h"

namespace pgweir::proxy {
namespace {

using base::kSecond;

class ContextTest : public testing::Test {
 protected:
  static query::SessionSettings settings() {
    query::SessionSettings out;
    out.current_user = "ann";
    out.session_user = "ann";
    out.search_path = {"public"};
    out.digest = "TimeZone=UTC";
    return out;
  }
  void report_readable() {
    context.reported("client_encoding", "UTF8");
    context.reported("server_encoding", "UTF8");
    context.reported("standard_conforming_strings", "on");
  }
  void load_catalog() {
    const auto ticket = database->begin_load(clock.now());
    ASSERT_TRUE(ticket.has_value());
    database->publish(*ticket, {query::TestCatalog(ticket->version).build(), "fingerprint"}, clock.now());
  }

  base::ManualClock clock;
  cache::Generations generations{10};
  std::atomic<std::uint64_t> epoch{1};
  std::shared_ptr<DatabaseCatalog> database = std::make_shared<DatabaseCatalog>(
      "shop", generations, base::HashSecret{1, 2}, epoch, nullptr, nullptr, clock);
  Context context{database, base::HashSecret{1, 2}, kSecond};
};

constexpr std::string_view kAscii = "select 'a'";
constexpr std::string_view kUmlaut = "select '\xc3\xa4'";

TEST_F(ContextTest, TextIsReadableOnceAllThreeAreKnown) {
  EXPECT_FALSE(context.text_is_readable(kAscii));
  context.reported("client_encoding", "UTF8");
  context.reported("server_encoding", "UTF8");
  EXPECT_FALSE(context.text_is_readable(kAscii));
  context.reported("standard_conforming_strings", "on");
  EXPECT_TRUE(context.text_is_readable(kAscii));
  EXPECT_TRUE(context.text_is_readable(kUmlaut));
}

TEST_F(ContextTest, InOtherEncodingsOnlyAsciiIsReadable) {
  for (const char* name : {"client_encoding", "server_encoding"}) {
    report_readable();
    context.reported(name, "SJIS");
    EXPECT_FALSE(context.text_is_readable(kUmlaut)) << name;
    EXPECT_TRUE(context.text_is_readable(kAscii)) << name;
  }
}

TEST_F(ContextTest, OldStringsAreNotReadable) {
  report_readable();
  context.reported("standard_conforming_strings", "off");
  EXPECT_FALSE(context.text_is_readable(kAscii));
}

TEST_F(ContextTest, SettingsGrowOld) {
  EXPECT_FALSE(context.settings_known(clock.now()));
  context.set_settings(settings(), 0, clock.now());
  EXPECT_TRUE(context.settings_known(clock.now() + kSecond - 1));
  EXPECT_FALSE(context.settings_known(clock.now() + kSecond));
}

TEST_F(ContextTest, AnyReportMakesThemDoubtful) {
  context.set_settings(settings(), 0, clock.now());
  context.reported("application_name", "x");
  EXPECT_FALSE(context.settings_known(clock.now()));
}

TEST_F(ContextTest, NamesStayKnownWhereOnlyOtherSettingsMayHaveChanged) {
  EXPECT_FALSE(context.names_known(clock.now()));
  context.set_settings(settings(), 0, clock.now());
  context.forget_settings(false);
  context.reported("TimeZone", "CET", true);
  EXPECT_FALSE(context.settings_known(clock.now()));
  EXPECT_TRUE(context.names_known(clock.now()));
  EXPECT_FALSE(context.names_known(clock.now() + kSecond)) << "they grow old too";
  context.forget_settings(true);
  EXPECT_FALSE(context.names_known(clock.now()));
  context.set_settings(settings(), 0, clock.now());
  EXPECT_TRUE(context.names_known(clock.now()));
  context.reported("TimeZone", "UTC");
  EXPECT_FALSE(context.names_known(clock.now())) << "a reload may have changed more";
}

TEST_F(ContextTest, AFailedProbeWaitsASecond) {
  EXPECT_TRUE(context.may_probe(clock.now()));
  context.settings_failed(clock.now());
  EXPECT_TRUE(context.may_probe(clock.now())) << "a cancelled probe says nothing of the next";
  context.settings_failed(clock.now());
  EXPECT_FALSE(context.may_probe(clock.now() + kSecond - 1));
  EXPECT_TRUE(context.may_probe(clock.now() + kSecond));
}

TEST_F(ContextTest, TheKeyHoldsEverySetting) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> prefixes;
  const auto add = [&](query::SessionSettings changed) {
    context.set_settings(std::move(changed), 0, clock.now());
    return prefixes.emplace(context.key_prefix().lo, context.key_prefix().hi).second;
  };
  EXPECT_TRUE(add(settings()));
  EXPECT_FALSE(add(settings())) << "the same settings, the same key";
  query::SessionSettings changed = settings();
  changed.current_user = "bob";
  EXPECT_TRUE(add(changed));
  changed = settings();
  changed.session_user = "bob";
  EXPECT_TRUE(add(changed));
  changed = settings();
  changed.search_path = {"public", "other"};
  EXPECT_TRUE(add(changed));
  changed.search_path = {"publicother"};
  EXPECT_TRUE(add(changed)) << "lists are not run together";
  changed = settings();
  changed.digest = "TimeZone=CET";
  EXPECT_TRUE(add(changed));
}

TEST_F(ContextTest, TheKeyHoldsTheDatabase) {
  Context other(std::make_shared<DatabaseCatalog>("other", generations, base::HashSecret{1, 2}, epoch,
                                                  nullptr, nullptr, clock),
                base::HashSecret{1, 2}, kSecond);
  context.set_settings(settings(), 0, clock.now());
  other.set_settings(settings(), 0, clock.now());
  EXPECT_NE(context.key_prefix(), other.key_prefix());
}

TEST_F(ContextTest, ARoundEndsWhenSettingsHaveChanged) {
  const auto probe = [&](const char* digest, const char* user) {
    query::SessionSettings changed = settings();
    changed.digest = digest;
    changed.current_user = user;
    context.set_settings(std::move(changed), 0, clock.now());
    return context.round();
  };
  const std::uint64_t first = context.round();
  EXPECT_NE(first, 0U) << "nothing was sent since the login";
  EXPECT_EQ(probe("TimeZone=UTC", "ann"), first);
  EXPECT_EQ(probe("TimeZone=UTC", "bob"), first) << "a constant means the same to every role";
  context.forget_settings(true);
  EXPECT_EQ(context.round(), 0U);
  EXPECT_EQ(probe("TimeZone=UTC", "bob"), first) << "nothing was changed after all";
  const std::uint64_t second = probe("TimeZone=CET", "bob");
  EXPECT_NE(second, first);
  EXPECT_NE(probe("TimeZone=UTC", "bob"), first) << "it is not known what was read in between";
}

TEST_F(ContextTest, WhatWasSentBeforeTheFirstQuestionMayHaveChangedSettings) {
  const std::uint64_t first = context.round();
  context.forget_settings(true);
  context.set_settings(settings(), 0, clock.now());
  EXPECT_NE(context.round(), first);
}

TEST_F(ContextTest, StatementsAreReadAlikeInOneRound) {
  const auto scanned = [](const char* sql) { return query::scan(sql, {1, 2}); };
  context.set_settings(settings(), 0, clock.now());
  EXPECT_TRUE(context.reads_alike(scanned("select 'a'"), context.round()));
  EXPECT_FALSE(context.reads_alike(scanned("select 'a'"), 0));
  EXPECT_TRUE(context.reads_alike(scanned("select $1"), 0));
  query::SessionSettings restricted = settings();
  restricted.digest = "restrict_nonsystem_relation_kind='view'";
  context.set_settings(restricted, 0, clock.now());
  EXPECT_FALSE(context.reads_alike(scanned("select $1"), 0)) << "a view is refused when it is analysed";
}

TEST_F(ContextTest, TheCatalogGrowsOld) {
  EXPECT_EQ(context.catalog(clock.now()), nullptr);
  load_catalog();
  EXPECT_NE(context.catalog(clock.now()), nullptr);
  EXPECT_NE(context.catalog(clock.now() + kSecond - 1), nullptr);
  EXPECT_EQ(context.catalog(clock.now() + kSecond), nullptr);
}

TEST_F(ContextTest, DdlMakesTheCatalogUntrueAtOnce) {
  load_catalog();
  ASSERT_NE(context.catalog(clock.now()), nullptr);
  database->invalidate();
  EXPECT_EQ(context.catalog(clock.now()), nullptr);
  load_catalog();
  EXPECT_NE(context.catalog(clock.now()), nullptr) << "another session has loaded it";
}

TEST_F(ContextTest, TheEpochIsOfTheCatalogThatWasGiven) {
  EXPECT_EQ(context.judged_epoch(), database->epoch());
  load_catalog();
  ASSERT_NE(context.catalog(clock.now()), nullptr);
  const std::uint64_t judged = context.judged_epoch();
  database->invalidate();
  EXPECT_EQ(context.judged_epoch(), judged);
  EXPECT_NE(context.judged_epoch(), database->epoch());
}

}  // namespace
}  // namespace pgweir::proxy
