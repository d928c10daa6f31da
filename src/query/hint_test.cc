#include "query/hint.h"

#include <gtest/gtest.h>

#include "query/scan.h"

namespace pgweir::query {
namespace {

constexpr base::HashSecret kSecret{1, 2};

Hint hint_of(std::string_view sql) {
  const Scan scanned = scan(sql, kSecret);
  EXPECT_TRUE(scanned.valid) << sql;
  return scanned.hint;
}

constexpr Hint kBad{.given = true, .bad = true};

TEST(Hint, IsReadWhereverItStands) {
  const Hint minute{.ttl = 60 * base::kSecond, .given = true};
  for (const char* sql :
       {"/* pgweir: ttl=60s */ select 1", "select /*pgweir:ttl=1m*/ 1", "select 1 /* pgweir: ttl=60s */;",
        "select 1; -- PgWeir: TTL=60s", "--\tpgweir: ttl=60000ms\nselect 1",
        "/* pgweir: ttl=60s */ /* other */ select /* pgweir: ttl=1m */ 1"})
    EXPECT_EQ(hint_of(sql), minute) << sql;
}

TEST(Hint, WordsStandTogether) {
  const Hint stale{.ttl = 5 * base::kSecond, .stale_while_revalidate = 60 * base::kSecond, .given = true};
  EXPECT_EQ(hint_of("select 1 /* pgweir: ttl=5s stale_while_revalidate=1m */"), stale);
  EXPECT_EQ(hint_of("select 1 /* pgweir: stale_if_error=1h */"),
            (Hint{.stale_if_error = 3600 * base::kSecond, .given = true}));
  const Hint both{.ttl = 5 * base::kSecond, .accept_ttl = true, .given = true};
  EXPECT_EQ(hint_of("select 1 /* pgweir: ttl=5s accept_ttl */"), both);
  EXPECT_EQ(hint_of("select 1 /* pgweir: ,accept_ttl ,\n ttl=5s, */"), both);
  EXPECT_EQ(hint_of("/* pgweir: accept_ttl */ select 1 /* pgweir: ttl=5s */"), both);
  EXPECT_EQ(hint_of("select 1 /* pgweir: bypass */"), (Hint{.bypass = true, .given = true}));
}

TEST(Hint, WhatIsNotUnderstoodIsBad) {
  for (const char* words : {"",
                            " , ",
                            "ttl",
                            "ttl=",
                            "ttl=60",
                            "ttl=s",
                            "ttl=-1s",
                            "ttl=+1s",
                            "ttl=1.5s",
                            "ttl = 60s",
                            "ttl=0s",
                            "ttl=999us",
                            "ttl=31d",
                            "stale_while_revalidate=",
                            "stale_while_revalidate=1s stale_while_revalidate=2s",
                            "ttl=99999999999999999999s",
                            "ttl=18446744073709551615d",
                            "cache",
                            "bypass=true",
                            "bypass;",
                            "trust=public.f",
                            "ttl=1s ttl=2s",
                            "bypass nonsense",
                            "ttl=1S",
                            "/* bypass */"})
    EXPECT_EQ(hint_of("select 1 /* pgweir:" + std::string(words) + " */"), kBad) << words;
  EXPECT_EQ(hint_of("/* pgweir: ttl=1s */ select 1 /* pgweir: ttl=2s */"), kBad);
  EXPECT_EQ(hint_of("/* pgweir: nonsense */ select 1 /* pgweir: bypass */"), kBad);
}

TEST(Hint, BoundsAreWithin) {
  EXPECT_EQ(hint_of("select 1 /* pgweir: ttl=1ms */").ttl, kTtlMin);
  EXPECT_EQ(hint_of("select 1 /* pgweir: ttl=30d */").ttl, kTtlMax);
}

TEST(Hint, OtherCommentsAndTextAreNone) {
  for (const char* sql : {"select 1", "select 1 /* pgweir */", "select 1 /* see pgweir: ttl=60s */",
                          "select '/* pgweir: bypass */'", "select \"-- pgweir: bypass\"",
                          "select 1 /* /* pgweir: bypass */ */", "select 1 /**/", "select 1 --"})
    EXPECT_EQ(hint_of(sql), Hint{}) << sql;
}

TEST(Hint, IsPartOfWhatIdentifiesAText) {
  const char* const texts[] = {"select 1",
                               "select 1 /* pgweir: ttl=60s */",
                               "select 1 /* pgweir: ttl=61s */",
                               "select 1 /* pgweir: bypass */",
                               "select 1 /* pgweir: accept_ttl */",
                               "select 1 /* pgweir: accept_ttl ttl=60s */",
                               "select 1 /* pgweir: nonsense */"};
  for (const char* a : texts) {
    for (const char* b : texts) {
      EXPECT_EQ(scan(a, kSecret).text == scan(b, kSecret).text, a == b) << a << b;
      EXPECT_EQ(scan(a, kSecret).shape == scan(b, kSecret).shape, a == b) << a << b;
    }
  }
  EXPECT_EQ(scan("select 1 /* pgweir: ttl=60s */", kSecret).text,
            scan("--pgweir:ttl=1m\nselect 1", kSecret).text);
}

}  // namespace
}  // namespace pgweir::query
