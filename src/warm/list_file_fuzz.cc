// Any bytes as the file, with the checksum that they should have: what is accepted is within its limits, can
// be sent, and is the same when it is written and read again.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "warm/list_file.h"
#include "warm/replay.h"
#include "wire/backend.h"

namespace warm = pgweir::warm;

namespace {

constexpr pgweir::base::HashSecret kSecret{.k0 = 1, .k1 = 2};
constexpr std::string_view kUser = "u";

std::string with_checksum(const std::string& bytes) {
  const pgweir::base::Hash128 hash = pgweir::base::hash128(kSecret, bytes);
  pgweir::base::Buffer out;
  for (const std::uint64_t half : {hash.lo, hash.hi}) {
    pgweir::wire::append_u32(out, static_cast<std::uint32_t>(half >> 32));
    pgweir::wire::append_u32(out, static_cast<std::uint32_t>(half));
  }
  return bytes + std::string(out.view());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  CHECK(!warm::decode_list(bytes, "another", kSecret) || size > 16);
  const auto list = warm::decode_list(with_checksum(bytes), kUser, kSecret);
  if (!list) return 0;
  for (const warm::Statement& statement : list->statements) {
    CHECK(statement.session < list->sessions.size());
    CHECK(statement.bytes() <= sizeof statement + 2 * warm::kStatementBytesMax + 4 * UINT16_MAX);
    CHECK(statement.sql.find('\0') == std::string::npos);
    pgweir::wire::Bind bind;
    CHECK(!statement.bound || pgweir::wire::parse_bind(std::string(2, '\0') + *statement.bound, bind));
  }
  for (const warm::SessionState& session : list->sessions) warm::adopting_sql("a='b'", session.settings);
  const std::string again = warm::encode_list(*list, kUser, kSecret);
  const auto same = warm::decode_list(again, kUser, kSecret);
  CHECK(same && warm::encode_list(*same, kUser, kSecret) == again);
  return 0;
}
