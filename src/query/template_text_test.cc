#include "query/template_text.h"

#include <gtest/gtest.h>

namespace pgweir::query {
namespace {

TEST(TemplateText, ConstantsAreNumberedAfterParameters) {
  EXPECT_EQ(template_text("select * from t where a = 1 and b = 'x''y'"),
            "select * from t where a = $1 and b = $2");
  EXPECT_EQ(template_text("select $2, 1.5, E'a\\n', $q$b$q$, b'1', x'f', $1"),
            "select $2, $3, $4, $5, $6, $7, $1");
  EXPECT_EQ(template_text("select \"a 1\", a1 from t"), "select \"a 1\", a1 from t");
}

TEST(TemplateText, HasOneBlankForCommentsAndWhiteSpace) {
  EXPECT_EQ(template_text(" /* x */ select\n\t1--y\n  from/**/t ; -- z\n;"), "select $1 from t");
  EXPECT_EQ(template_text(""), "");
  EXPECT_EQ(template_text(" ; "), "");
}

TEST(TemplateText, EndsWhereTheTextIsDoubtful) {
  EXPECT_EQ(template_text("select a 'unterminated"), "select a");
  EXPECT_EQ(template_text("select $99999, 1"), "select $99999, $65536");
}

}  // namespace
}  // namespace pgweir::query
