#include "warm/reply_reader.h"

#include <algorithm>

#include "wire/backend.h"

namespace pgweir::warm {
namespace {

// From the notice by which pgweir explains.
std::optional<Outcome> outcome_of(std::string_view message) {
  constexpr std::string_view kPrefix = "pgweir: ";
  if (!message.starts_with(kPrefix)) return std::nullopt;
  message.remove_prefix(kPrefix.size());
  if (message.starts_with("miss")) return Outcome::kFilled;
  if (message.starts_with("hit") || message.starts_with("stale")) return Outcome::kPresent;
  if (message.starts_with("bypass")) return Outcome::kPassed;
  return std::nullopt;
}

}  // namespace

void ReplyReader::begin() {
  outcome_ = Outcome::kPassed;
  is_shed_ = false;
}

bool ReplyReader::take(std::string_view bytes) {
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_bytes_, bytes.size()));
  skip_bytes_ -= skipped;
  in_.append(bytes.substr(skipped));
  std::size_t taken = 0;
  bool is_ready = false;
  while (!is_ready && !is_broken_) {
    const std::string_view rest = std::string_view(in_).substr(taken);
    wire::Header header;
    const wire::HeaderStatus status = wire::read_header(rest, kReplyBytesMax, header);
    if (status == wire::HeaderStatus::kNeedMore) break;
    const bool heard = header.type == 'N' || header.type == 'E' || header.type == 'Z';
    is_broken_ = status == wire::HeaderStatus::kBadLength || (heard && header.message_bytes > kHeardBytesMax);
    if (is_broken_ || (heard && rest.size() < header.message_bytes)) break;
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(header.message_bytes, rest.size()));
    skip_bytes_ = header.message_bytes - here;
    taken += here;
    if (heard) hear(header.type, rest.substr(wire::kHeaderBytes, here - wire::kHeaderBytes));
    is_ready = header.type == 'Z';
  }
  in_.erase(0, taken);
  return is_ready;
}

void ReplyReader::hear(char type, std::string_view body) {
  if (type == 'E') {
    outcome_ = Outcome::kFailed;
    is_shed_ = wire::error_field(body, 'C').value_or("").starts_with("53");
  } else if (type == 'N' && outcome_ != Outcome::kFailed) {
    outcome_ = outcome_of(wire::error_field(body, 'M').value_or("")).value_or(outcome_);
  }
}

}  // namespace pgweir::warm
