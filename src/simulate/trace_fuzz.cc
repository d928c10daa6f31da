// Any bytes as a trace file: an answer or a refusal, and a trace whose keys and times are in order.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "base/check.h"
#include "simulate/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int fd = memfd_create("trace", MFD_CLOEXEC);
  CHECK(fd >= 0 && write(fd, data, size) == static_cast<ssize_t>(size));
  const auto trace = pgweir::simulate::read_trace("/proc/self/fd/" + std::to_string(fd), nullptr);
  close(fd);
  if (!trace) {
    CHECK(!trace.error().message.empty());
    return 0;
  }
  CHECK(!trace->requests.empty());
  std::int64_t last = 0;
  for (const auto& request : trace->requests) {
    CHECK(request.key < trace->keys && request.time_ms >= last);
    last = request.time_ms;
  }
  return 0;
}
