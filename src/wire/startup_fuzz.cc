// Any bytes as a startup packet: what can be read and built again is the same packet.
#include "base/check.h"
#include "wire/startup.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgweir::wire;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto length = startup_packet_bytes(bytes);
  if (!length || !*length || bytes.size() < **length) return 0;
  CHECK(**length >= 8 && **length <= kStartupBytesMax);
  const std::string_view packet = bytes.substr(0, **length);
  const auto parsed = parse_startup(packet);
  if (!parsed) return 0;
  pgweir::base::Buffer again;
  if (const auto* startup = std::get_if<StartupMessage>(&*parsed)) {
    append_startup(again, *startup);
  } else if (const auto* cancel = std::get_if<CancelRequest>(&*parsed)) {
    append_cancel_request(again, *cancel);
  } else {
    return 0;  // what follows the code of these is not looked at
  }
  CHECK(again.view() == packet);
  return 0;
}
