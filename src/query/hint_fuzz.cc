// Any bytes as a comment: never a crash, never out of range, and blanks around it change nothing.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "query/hint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pgweir::query::Hint;
  const std::string words(reinterpret_cast<const char*>(data), size);
  Hint hint;
  pgweir::query::read_hint("/*" + words + "*/", hint);
  Hint forced;
  pgweir::query::read_hint("/* pgweir: " + words + " */", forced);
  CHECK(forced.given);
  for (const Hint& h : {hint, forced}) {
    CHECK(h.given || h == Hint{});
    CHECK(!h.bad || (h.ttl == 0 && !h.bypass && !h.accept_ttl));
    CHECK(h.ttl == 0 || (h.ttl >= pgweir::query::kTtlMin && h.ttl <= pgweir::query::kTtlMax));
    CHECK(!h.given || h.bad || h.bypass || h.accept_ttl || h.ttl != 0);
  }
  Hint line;
  pgweir::query::read_hint("--pgweir:" + words, line);
  CHECK(line == forced);
  return 0;
}
