// Any bytes: the scan must not crash, must agree with libpg_query's tokens, and must not depend on
// comments around the text.
#include <algorithm>
#include <string>

#include "base/check.h"
#include "query/scan.h"
#include "query/token_oracle.h"

namespace {

using pgweir::query::OracleToken;

bool is_checked(const std::vector<OracleToken>& tokens, const std::string& sql) {
  return std::ranges::none_of(tokens, [&](const OracleToken& t) {
    const std::string text = sql.substr(t.begin, t.end - t.begin);
    // Escapes may be refused; libpg_query gives no lengths for U&, and joins no strings across comments.
    if (t.kind == 'U' || t.kind == 'u' || text.starts_with("e'") || text.starts_with("E'")) return true;
    return text.ends_with('\'') && text.find_first_of("\r\n") != std::string::npos &&
           text.find("--") != std::string::npos;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string sql(reinterpret_cast<const char*>(data), size);
  constexpr pgweir::base::HashSecret kSecret{1, 2};
  const pgweir::query::Scan scan = pgweir::query::scan(sql, kSecret);
  (void)pgweir::query::has_time_word(sql);
  if (!scan.valid) return 0;
  const pgweir::query::Scan again = pgweir::query::scan("/*x*/ --y\n" + sql + "\n/*z*/;", kSecret);
  CHECK(!again.valid ||
        (again.text == scan.text && again.shape == scan.shape && again.time_word == scan.time_word));
  const auto ours = pgweir::query::lexer_tokens(sql);
  CHECK(ours.has_value());
  if (!is_checked(*ours, sql)) return 0;
  const auto theirs = pgweir::query::oracle_tokens(sql);
  // A parameter's number may overflow; everything else that is lexically sound they take too.
  if (theirs) CHECK(*ours == *theirs);
  return 0;
}
