#include "query/advice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "query/statement.h"

namespace pgweir::query {
namespace {

std::string document() {
  std::ifstream in(PGWEIR_SOURCE_DIR "/docs/cacheability.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

// The reasons in the first column of the table, each with the last column.
std::vector<std::pair<std::string, std::string>> documented() {
  std::vector<std::pair<std::string, std::string>> rows;
  const std::string text = document();
  for (std::size_t at = text.find("\n| `"); at != text.npos; at = text.find("\n| `", at + 1)) {
    const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    const std::size_t last = line.rfind(" | ");
    rows.emplace_back(line.substr(3, line.find('`', 3) - 3), line.substr(last + 3, line.size() - last - 5));
  }
  return rows;
}

TEST(Advice, EveryReasonHasASentence) {
  for (int i = 1; i < kReasonCount; ++i) {
    const std::string_view sentence = advice_for(reason_name(static_cast<Reason>(i)));
    EXPECT_TRUE(sentence.ends_with('.')) << reason_name(static_cast<Reason>(i));
  }
  EXPECT_EQ(advice_for("none"), "");
  EXPECT_EQ(advice_for("no such reason"), "");
}

TEST(Advice, TheDocumentSaysTheSame) {
  const auto rows = documented();
  for (const auto& [reason, sentence] : rows) EXPECT_EQ(sentence, advice_for(reason)) << reason;
  for (int i = 1; i < kReasonCount; ++i) {
    const std::string name(reason_name(static_cast<Reason>(i)));
    EXPECT_EQ(std::ranges::count(rows, name, &std::pair<std::string, std::string>::first), 1) << name;
  }
}

}  // namespace
}  // namespace pgweir::query
