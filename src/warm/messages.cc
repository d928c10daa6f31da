#include "warm/messages.h"

#include <cstdint>

#include "wire/backend.h"

namespace pgweir::warm {

void append_messages(base::Buffer& out, const Statement& statement) {
  constexpr std::string_view kNoNames{"\0\0", 2};
  constexpr std::string_view kDescribePortal{"D\0\0\0\6P\0", 7};
  constexpr std::string_view kExecutePortal{"E\0\0\0\x9\0\0\0\0\0", 10};
  if (!statement.bound) return wire::append_query(out, statement.sql);
  wire::append_parse(out, "", statement.sql, statement.types);
  out.push_back('B');
  wire::append_u32(out, static_cast<std::uint32_t>(4 + kNoNames.size() + statement.bound->size()));
  out.append(kNoNames);
  out.append(*statement.bound);
  if (statement.describes) out.append(kDescribePortal);
  out.append(kExecutePortal);
  out.append(wire::kSync);
}

}  // namespace pgweir::warm
