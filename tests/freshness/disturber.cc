#include "disturber.h"

#include <array>
#include <string>

namespace pgweir::freshness {
namespace {

constexpr const char* kEnd = "the end of a backend";
constexpr const char* kCancelled = "a cancelled statement";
constexpr const char* kCancelRequest = "a CancelRequest";

}  // namespace

Disturber::Disturber(Run& run) : run_(run), random_(run.seed * 1000), direct_(run.direct_options) {
  for (const char* each : {kEnd, kCancelled, kCancelRequest}) run.progress.faults.expect(each);
}

void Disturber::run(std::uint64_t reads_per_fault) {
  for (std::uint64_t due = reads_per_fault; run_.progress.wait_for_reads(due); due += reads_per_fault) once();
}

void Disturber::once() {
  const auto member = run_.sessions.choose(random_);
  if (!member) return;
  const std::string backend = std::to_string(member->backend);
  std::array<char, 256> error;
  switch (random_() % 4) {
    case 0:
      run_.progress.fault(kEnd, backend);
      direct_.run("SELECT pg_terminate_backend(" + backend + ")");
      break;
    case 1:
      run_.progress.fault(kCancelled, backend);
      direct_.run("SELECT pg_cancel_backend(" + backend + ")");
      break;
    default:  // a CancelRequest, by the way that the client knows
      run_.progress.fault(kCancelRequest, backend);
      PQcancel(member->cancel.get(), error.data(), static_cast<int>(error.size()));
      break;
  }
}

}  // namespace pgweir::freshness
