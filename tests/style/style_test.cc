// The rules of style over this repository, and proof that each of them can fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "style/rules.h"

namespace pgweir::style {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<SourceFile>& repository() {
  static const auto kFiles = read_sources(PGWEIR_SOURCE_DIR, {"src", "tests", "tools", "bench", "examples"});
  return kFiles;
}

std::string lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "  ++n;\n";
  return text;
}

TEST(Repository, IsRead) {
  bool has_base = false;
  for (const auto& file : repository()) has_base |= file.path == "src/base/result.h";
  EXPECT_TRUE(has_base);
}

TEST(Repository, IncludesPointDown) { EXPECT_THAT(check_include_direction(repository()), IsEmpty()); }
TEST(Repository, BaseIsSmall) { EXPECT_THAT(check_base_size(repository()), IsEmpty()); }
TEST(Repository, NamesSaySomething) { EXPECT_THAT(check_names(repository()), IsEmpty()); }
TEST(Repository, FilesAreShort) { EXPECT_THAT(check_file_length(repository()), IsEmpty()); }
TEST(Repository, FunctionsAreShort) { EXPECT_THAT(check_function_length(repository()), IsEmpty()); }

TEST(IncludeDirection, AllowsOwnFolderAndRowsBelow) {
  EXPECT_THAT(check_include_direction({{"src/proxy/session.cc",
                                        "#include \"proxy/session.h\"\n#include \"base/result.h\"\n"
                                        "#include \"cache/key.h\"\n#include <vector>\n"}}),
              IsEmpty());
}

TEST(IncludeDirection, RefusesARowAbove) {
  EXPECT_THAT(
      check_include_direction({{"src/cache/key.cc", "#include <string>\n#include \"proxy/session.h\"\n"}}),
      ElementsAre(AllOf(HasSubstr("src/cache/key.cc:2"), HasSubstr("proxy/ stands above cache/"))));
}

TEST(IncludeDirection, RefusesANeighbour) {
  EXPECT_THAT(check_include_direction({{"src/wire/frame.h", "#include \"io/stream.h\"\n"},
                                       {"src/query/statement.h", "#include \"wire/frame.h\"\n"},
                                       {"src/cache/key.h", "#include \"incident/alert.h\"\n"},
                                       {"src/sync/stream.h", "#include \"trace/reader.h\"\n"},
                                       {"src/simulate/run.h", "#include \"proxy/session.h\"\n"}}),
              SizeIs(5));
}

TEST(IncludeDirection, RefusesWhatHasNoPlace) {
  EXPECT_THAT(check_include_direction({{"src/attic/old.h", "#include \"base/result.h\"\n"}}),
              ElementsAre(HasSubstr("no row")));
  EXPECT_THAT(check_include_direction({{"src/wire/frame.cc", "#include \"frame.h\"\n"}}),
              ElementsAre(HasSubstr("from src/ on")));
  EXPECT_THAT(check_include_direction({{"src/wire/frame.cc", "#include \"fmt/format.h\"\n"}}),
              ElementsAre(HasSubstr("go in <>")));
}

TEST(BaseSize, CountsNounsNotFiles) {
  std::vector<SourceFile> files;
  for (char noun = 'a'; noun < 'a' + kBaseNounsMax; ++noun) {
    for (const char* ending : {".h", ".cc", "_test.cc"})
      files.push_back({"src/base/" + std::string(1, noun) + ending, ""});
  }
  EXPECT_THAT(check_base_size(files), IsEmpty());
  files.push_back({"src/base/one_more.h", ""});
  EXPECT_THAT(check_base_size(files), SizeIs(1));
}

TEST(Names, RefusesEmptyWords) {
  EXPECT_THAT(check_names({{"src/util/text.h", ""}, {"src/wire/misc.cc", ""}, {"src/wire/helper.h", ""}}),
              SizeIs(3));
  EXPECT_THAT(check_names({{"src/wire/common_table.cc", ""}}), IsEmpty());
}

TEST(FileLength, RefusesLongFiles) {
  EXPECT_THAT(check_file_length({{"src/wire/a.cc", lines(kFileLinesMax)}}), IsEmpty());
  EXPECT_THAT(check_file_length({{"src/wire/a.cc", lines(kFileLinesMax + 1)}}), SizeIs(1));
}

TEST(FunctionLength, CountsFromHeaderToBrace) {
  const std::string fits = "int f(int n) {\n" + lines(kFunctionLinesMax - 2) + "}\n";
  const std::string exceeds = "int f(int n) {\n" + lines(kFunctionLinesMax - 1) + "}\n";
  EXPECT_THAT(check_function_length({{"src/wire/a.cc", fits}}), IsEmpty());
  EXPECT_THAT(check_function_length({{"src/wire/a.cc", exceeds}}), ElementsAre(HasSubstr("src/wire/a.cc:1")));
}

TEST(FunctionLength, SeesMethodsTestsAndConstructors) {
  const std::string body = "{\n" + lines(kFunctionLinesMax) + "}\n";
  const std::string in_class = "namespace a {\nclass B {\n void g() const " + body + "};\n}\n";
  const std::string constructor = "B::B(int n) : a_{1}, b_(2), c_{n} " + body;
  const std::string lambda = "const auto f = [](int n) " + body + ";\n";
  for (const auto& text : {in_class, constructor, lambda, "TEST(A, B) " + body}) {
    EXPECT_THAT(check_function_length({{"src/wire/a.cc", text}}), SizeIs(1)) << text;
  }
}

TEST(FunctionLength, PassesOverWhatIsNoFunction) {
  const std::string body = "{\n" + lines(kFunctionLinesMax + 10) + "}";
  const std::string table = "const int kTable[] = " + body + ";\n";
  const std::string type = "struct alignas(64) A " + body + ";\n";
  const std::string space = "namespace x " + body + "\n";
  const std::string literal =
      "const char* k = \"f() {\";\n// g() {\n" + lines(100) + "int h() { return 1'000'000; }\n";
  const std::string raw = "const char* k = R\"(f() {)\";\n" + lines(100) + "char c() { return '}'; }\n";
  for (const auto& text : {table, type, space, literal, raw}) {
    EXPECT_THAT(check_function_length({{"src/wire/a.cc", text}}), IsEmpty()) << text;
  }
}

TEST(BlankNoncode, KeepsLines) {
  EXPECT_EQ(blank_noncode("a /* x\n{ */ b // {\n#define C {\nd = \"\\\"{\";"),
            "a     \n     b     \n           \nd =      ;");
}

}  // namespace
}  // namespace pgweir::style
