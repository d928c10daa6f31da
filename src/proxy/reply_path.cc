#include "proxy/reply_path.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "wire/frame.h"

namespace pgweir::proxy {
namespace {

// Messages that are read whole before they are passed on are small: more is not PostgreSQL speaking.
constexpr std::uint64_t kWholeBytesMax = 64 * 1024;
constexpr std::uint64_t kInjectedBytesMax = 64 << 20;
constexpr std::uint64_t kReplyBytesMax = 1ULL << 31;

bool is_asynchronous(char type) { return type == 'A' || type == 'S'; }

bool is_fatal(std::string_view error_body) {
  const auto severity = wire::error_field(error_body, 'V').value_or("");
  return severity == "FATAL" || severity == "PANIC";
}

}  // namespace

std::size_t ReplyPath::process(std::string_view input) {
  Exchange& exchange = query_path_.exchange();
  query_path_.reply_begun();
  std::size_t pos = 0, begin = 0;  // [begin, pos) is to be passed on
  while (pos < input.size() && !fault_) {
    if (opaque_) {
      pos = input.size();
      break;
    }
    const std::string_view rest = input.substr(pos);
    if (left_ != 0) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
      if (!exchange.empty())
        if (auto& capture = exchange.front().capture) capture->add(left_type_, rest.substr(0, n));
      left_ -= n;
      pos += n;
      if (left_unseen_) begin = pos;
      continue;
    }
    wire::Header header;
    const wire::HeaderStatus status = wire::read_header(rest, kReplyBytesMax, header);
    if (status == wire::HeaderStatus::kNeedMore) break;
    if (status == wire::HeaderStatus::kBadLength) {
      lost("PostgreSQL sent a message of impossible length");
      break;
    }
    // What take() may write itself comes behind all that came before.
    if (!exchange.empty() && (!exchange.front().notice.empty() || exchange.front().fallback)) [[unlikely]] {
      client_.write_through(input.substr(begin, pos - begin));
      begin = pos;
      client_.write_through(std::exchange(exchange.front().notice, {}));
    }
    const auto available =
        static_cast<std::size_t>(std::min<std::uint64_t>(header.message_bytes, rest.size()));
    const Fate fate = take(header, rest.substr(0, available));
    if (fate == Fate::kIncomplete || fate == Fate::kFault) break;
    if (fate == Fate::kSwallow) {
      client_.write_through(input.substr(begin, pos - begin));
      begin = pos + available;
    }
    left_ = header.message_bytes - available;
    left_type_ = header.type;
    left_unseen_ = fate == Fate::kSwallow;
    pos += available;
  }
  if (pos > begin) client_.write_through(input.substr(begin, pos - begin));
  query_path_.set_relaying(left_ != 0 && !left_unseen_);
  return pos;
}

ReplyPath::Fate ReplyPath::take(const wire::Header& header, std::string_view available) {
  Exchange& exchange = query_path_.exchange();
  const bool whole = available.size() == header.message_bytes;
  const bool injected = !exchange.empty() && exchange.front().injected != nullptr;
  if (injected && exchange.front().injected->passes_over(header.type, header.message_bytes)) {
    exchange.received_reply(header.type);
    return Fate::kSwallow;
  }
  if (injected || header.type == 'Z' || header.type == 'S') {
    if (header.message_bytes > (injected ? kInjectedBytesMax : kWholeBytesMax))
      return lost("PostgreSQL sent an oversized message");
    if (!whole) return Fate::kIncomplete;
  }
  if (!injected && !exchange.empty() && (exchange.front().fallback || exchange.front().is_answered))
    if (const auto fate = weigh(exchange.front(), header, available)) return *fate;
  const std::string_view body = available.substr(wire::kHeaderBytes);
  last_type_ = header.type;
  if (header.type == 'E' && is_fatal(body)) {
    farewell_ = true;
    query_path_.backend_ends();
  }
  if (header.type == 'Z') return take_ready(body);
  if (injected) return take_injected(header.type, body);
  switch (header.type) {
    case 'G':
      if (!exchange.received_copy_in()) return lost("PostgreSQL sent CopyInResponse out of turn");
      query_path_.copy_begun();
      break;
    case 'W':  // replication: no SQL from here on, and no end of the statement either
      opaque_ = true;
      query_path_.take_fences();
      query_path_.end_work();
      break;
    default:
      note(header.type, body);
      break;
  }
  if (!exchange.empty())
    if (auto& capture = exchange.front().capture) capture->add(header.type, available);
  return Fate::kPass;
}

std::optional<ReplyPath::Fate> ReplyPath::weigh(Group& group, const wire::Header& header,
                                                std::string_view available) {
  if (group.is_answered) {
    if (header.type == 'Z' || header.type == 'N' || is_asynchronous(header.type)) return std::nullopt;
    note(header.type, available.substr(wire::kHeaderBytes));
    return Fate::kSwallow;
  }
  const bool whole = available.size() == header.message_bytes;
  const bool small = header.message_bytes <= kWholeBytesMax;
  if (!whole && small && Fallback::reads_whole(header.type)) return Fate::kIncomplete;
  const std::string_view body = available.substr(wire::kHeaderBytes);
  Fallback::Step step = Fallback::Step::kGiveUp;
  if (whole || !Fallback::reads_whole(header.type)) step = group.fallback->step(header.type, body);
  std::optional<std::string_view> old;
  if (step == Fallback::Step::kAnswer) {
    old = services_.compression.expand(group.fallback->entry());
    if (!old) step = Fallback::Step::kGiveUp;
  }
  switch (step) {
    case Fallback::Step::kAside:
      return std::nullopt;
    case Fallback::Step::kGiveUp:
      client_.write_through(group.fallback->withheld());
      group.fallback.reset();
      return std::nullopt;
    case Fallback::Step::kWithhold:
      group.fallback->withhold(available);
      break;
    case Fallback::Step::kAnswer:
      group.fallback->append_answer(*old, client_.out());
      group.fallback.reset();
      group.is_answered = true;
      services_.stats.stale_if_error.add();
      break;
  }
  last_type_ = group.is_answered ? 'C' : header.type;
  note(header.type, body);
  if (group.capture) group.capture->add(header.type, available);
  return Fate::kSwallow;
}

void ReplyPath::note(char type, std::string_view body) {
  if (!is_asynchronous(type) && type != 'N') query_path_.exchange().received_reply(type);
  if (type == '1') {
    if (!query_path_.exchange().empty()) query_path_.parse_completed();
  } else if (type == 'S') {
    if (const auto status = wire::parse_parameter_status(body))
      query_path_.context().reported(status->name, status->value, query_path_.exchange().changes_settings());
  }
}

ReplyPath::Fate ReplyPath::take_injected(char type, std::string_view body) {
  if (type == 'E' && is_fatal(body)) return Fate::kPass;  // the backend's last words are for the client too
  if (is_asynchronous(type)) {
    const auto status = wire::parse_parameter_status(body);
    if (type == 'S' && status && query_path_.exchange().front().injected->sets(status->name))
      return Fate::kSwallow;
    if (type == 'S') query_path_.exchange().front().injected->on_foreign_setting();
    note(type, body);
    return Fate::kPass;
  }
  if (type != 'N') query_path_.exchange().received_reply(type);
  query_path_.exchange().front().injected->on_message(type, body);
  return Fate::kSwallow;
}

// The counters that a write held are bumped and released here, before the message is passed on.
ReplyPath::Fate ReplyPath::take_ready(std::string_view body) {
  Exchange::Ended ended;
  const auto ready = body.size() == 1 ? query_path_.exchange().received_ready(ended) : Exchange::Ready::kLost;
  if (ready == Exchange::Ready::kStray) return Fate::kPass;
  if (ready == Exchange::Ready::kLost)
    return lost("PostgreSQL sent ReadyForQuery, and what it ends cannot be told");
  const bool injected = ended.front().injected != nullptr;
  query_path_.group_ended(ended.front(), body[0]);
  return injected ? Fate::kSwallow : Fate::kPass;
}

ReplyPath::Fate ReplyPath::lost(std::string message) {
  services_.stats.protocol_errors.add();
  fault_ = wire::Complaint{.severity = "FATAL", .code = "08P01", .message = "pgweir: " + std::move(message)};
  return Fate::kFault;
}

}  // namespace pgweir::proxy
