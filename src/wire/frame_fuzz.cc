// Any bytes as a stream of messages: headers stay within the bytes and the limit.
#include "base/check.h"
#include "wire/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pgweir::wire::HeaderStatus;
  constexpr std::uint64_t kBytesMax = 1 << 16;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (;;) {
    pgweir::wire::Header header;
    const HeaderStatus status = pgweir::wire::read_header(rest, kBytesMax, header);
    CHECK((status == HeaderStatus::kNeedMore) == (rest.size() < pgweir::wire::kHeaderBytes));
    if (status != HeaderStatus::kComplete) return 0;
    CHECK(header.message_bytes >= pgweir::wire::kHeaderBytes && header.message_bytes <= kBytesMax);
    if (rest.size() < header.message_bytes) return 0;
    const pgweir::wire::Message message{header.type, rest.substr(0, header.message_bytes)};
    CHECK(message.body().size() == header.message_bytes - pgweir::wire::kHeaderBytes);
    pgweir::wire::is_frontend_type(header.type);
    rest.remove_prefix(message.raw.size());
  }
}
