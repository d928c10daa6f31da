#include "warm/replay.h"

#include <gtest/gtest.h>

namespace pgweir::warm {
namespace {

TEST(AdoptingSql, NothingWhereNothingDiffers) {
  EXPECT_EQ(adopting_sql("", ""), "");
  EXPECT_EQ(adopting_sql("a='b',\"C d\"='e'", "a='b',\"C d\"='e'"), "");
}

TEST(AdoptingSql, SetsWhatDiffers) {
  EXPECT_EQ(adopting_sql("a='b',c='d'", "a='x',c='d',e=NULL"),
            "SELECT pg_catalog.set_config(E'a', E'x', false), pg_catalog.set_config(E'e', NULL, false)");
}

TEST(AdoptingSql, TakesBackWhatIsTooMuch) {
  EXPECT_EQ(adopting_sql("a='b',c='d'", "c='x'"),
            "SELECT pg_catalog.set_config(s.name, s.boot_val, false) FROM "
            "pg_catalog.pg_show_all_settings() s WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY[E'a']); "
            "SELECT pg_catalog.set_config(E'c', E'x', false)");
}

// What comes from a file must stay a value, whatever it holds.
TEST(AdoptingSql, ValuesStayValues) {
  EXPECT_EQ(adopting_sql("", R"(a=E'x\\''); DROP TABLE t; --')"),
            R"(SELECT pg_catalog.set_config(E'a', E'x\\''); DROP TABLE t; --', false))");
  EXPECT_EQ(adopting_sql("\"a'b\"='1'", ""),
            "SELECT pg_catalog.set_config(s.name, s.boot_val, false) FROM "
            "pg_catalog.pg_show_all_settings() s WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY[E'a''b'])");
}

}  // namespace
}  // namespace pgweir::warm
