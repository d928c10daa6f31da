#include "wire/frame.h"

#include "wire/reader.h"

namespace pgweir::wire {

HeaderStatus read_header(std::string_view bytes, std::uint64_t message_bytes_max, Header& out) {
  if (bytes.size() < kHeaderBytes) return HeaderStatus::kNeedMore;
  const std::uint32_t length = load_u32(bytes.data() + 1);
  if (length < 4 || std::uint64_t{length} + 1 > message_bytes_max) return HeaderStatus::kBadLength;
  out.type = bytes[0];
  out.message_bytes = std::uint64_t{length} + 1;
  return HeaderStatus::kComplete;
}

bool is_frontend_type(char type) {
  switch (type) {
    case 'B':
    case 'C':
    case 'D':
    case 'E':
    case 'F':
    case 'H':
    case 'P':
    case 'Q':
    case 'S':
    case 'X':
    case 'c':
    case 'd':
    case 'f':
    case 'p':
      return true;
    default:
      return false;
  }
}

}  // namespace pgweir::wire
