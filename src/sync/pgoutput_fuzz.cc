// Any bytes as a replication stream: no crash, and no message from what is cut short.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "sync/applier.h"
#include "sync/snapshot.h"

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  static_cast<void>(sync::parse_stream_frame(input));
  static_cast<void>(sync::Snapshot::parse(input));
  // Messages with a length of one byte each, applied one after the other.
  cache::Generations generations(10);
  sync::ChangeSlots slots({generations, {1, 2}, "db"}, [] { return nullptr; });
  sync::Applier applier(slots, [] {}, "name");
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = std::min<std::size_t>(data[at], size - at - 1);
    if (!applier.apply(input.substr(at + 1, length))) break;
    at += 1 + length;
  }
  return 0;
}
