#include "query/nesting.h"

#include <algorithm>
#include <vector>

#include "query/lexer.h"

namespace pgweir::query {
namespace {

// Between two brackets. Items that commas separate are siblings; within one item every operator or
// word may put what stands beside it one level deeper (1+1+1 leans left as deep as it is long).
struct Level {
  int words = 0;           // in this item
  int inner = 0;           // deepest bracket in this item
  int deepest = 0;         // of the items before
  int set_operations = 0;  // UNION and its kin chain across commas

  void end_item() {
    deepest = std::max(deepest, words + inner);
    words = inner = 0;
  }
  int depth() const { return std::max(deepest, words + inner) + set_operations; }
};

bool equals_upper(std::string_view word, std::string_view upper) {
  return std::equal(word.begin(), word.end(), upper.begin(), upper.end(),
                    [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 32 : a) == b; });
}

bool is_set_operation(std::string_view word) {
  return equals_upper(word, "UNION") || equals_upper(word, "INTERSECT") || equals_upper(word, "EXCEPT");
}

class Bound {
 public:
  // The bound so far.
  int add(const Token& token, std::string_view text) {
    if (token.kind == TokenKind::kWord && is_set_operation(text)) {
      ++levels_.back().set_operations;
      ++open_;
    } else if (token.kind == TokenKind::kPunctuation && text.size() == 1) {
      punctuation(text[0]);
    } else if (token.kind == TokenKind::kWord || token.kind == TokenKind::kOperator || text == "::") {
      ++levels_.back().words;
      ++open_;
    }
    return std::max(open_, levels_.front().depth());
  }

 private:
  void punctuation(char c) {
    Level& level = levels_.back();
    if (c == '(' || c == '[') {
      levels_.emplace_back();
      ++open_;
    } else if ((c == ')' || c == ']') && levels_.size() > 1) {
      open_ -= level.words + level.set_operations + 1;
      const int depth = level.depth() + 1;
      levels_.pop_back();
      levels_.back().inner = std::max(levels_.back().inner, depth);
    } else if (c == ',') {
      open_ -= level.words;
      level.end_item();
    }
  }

  std::vector<Level> levels_{1};
  int open_ = 0;  // words and brackets that are open at this point
};

}  // namespace

int nesting_bound(std::string_view sql) {
  Bound bound;
  Lexer lexer(sql);
  int deepest = 0;
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
    if (t.kind == TokenKind::kInvalid) break;  // the parser stops there too
    deepest = std::max(deepest, bound.add(t, sql.substr(t.begin, t.end - t.begin)));
    if (deepest > kNestingMax) return kNestingMax + 1;
  }
  return deepest;
}

}  // namespace pgweir::query
