#include "wire/frame.h"

namespace pgweir::wire {

HeaderStatus read_message(std::string_view bytes, std::uint64_t message_bytes_max, Message& out) {
  Header header;
  const HeaderStatus status = read_header(bytes, message_bytes_max, header);
  if (status != HeaderStatus::kComplete) return status;
  if (bytes.size() < header.message_bytes) return HeaderStatus::kNeedMore;
  out = {header.type, bytes.substr(0, static_cast<std::size_t>(header.message_bytes))};
  return status;
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
