#include "proxy/capture.h"

#include <span>

#include "proxy/server_failure.h"
#include "wire/backend.h"
#include "wire/frame.h"

namespace pgweir::proxy {

void Capture::add(char type, std::string_view part) {
  if (!fill_) return;
  switch (type) {
    case '1':  // ParseComplete, BindComplete and CloseComplete are made afresh for each hit
    case '2':
    case '3':
      return;
    case 'C':
      complete_ = true;
      [[fallthrough]];
    case 'T':
    case 'D':
      if (bytes_.size() + part.size() > limits_.bytes_max) return refuse();
      if (limits_.all_bytes.get() + part.size() > limits_.all_bytes_max)
        return refuse(cache::FillEnd::kNoMemory);
      bytes_.append(part);
      return;
    case 'E':
      return failed(part);
    case 'A':  // NotificationResponse comes from elsewhere and says nothing about this reply
      return;
    default:  // NoticeResponse, ParameterStatus, PortalSuspended, EmptyQueryResponse, COPY ...
      return refuse();
  }
}

void Capture::finish(base::Nanos ttl, base::Nanos now, Compression& compression) {
  if (!fill_) return;
  if (!complete_) return fail();
  const std::string_view reply = bytes_.view();
  const std::string_view compressed = compression.compress(reply);
  const std::string_view part = compressed.empty() ? reply : compressed;
  const auto mark = static_cast<std::uint32_t>(compressed.empty() ? 0 : reply.size());
  fill_.keep(std::span(&part, 1), mark, dependencies_, ttl_ != 0 ? ttl_ : ttl, now - sent_at_);
}

// An error of the statement itself will come again, and nobody should queue for it; a cancel, a
// deadlock, a lack of resources may not.
void Capture::failed(std::string_view error) {
  if (error.size() < wire::kHeaderBytes) return fail();
  const auto code = wire::error_field(error.substr(wire::kHeaderBytes), 'C');
  const bool passing = !code || is_failure_of_the_server(*code);
  if (passing) return fail();
  refuse();
}

void Capture::refuse(cache::FillEnd end) {
  fill_.abandon(end);
  bytes_.clear();
  bytes_.release();
}

}  // namespace pgweir::proxy
