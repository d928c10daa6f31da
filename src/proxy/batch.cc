#include "proxy/batch.h"

#include <utility>

#include "wire/frame.h"

namespace pgweir::proxy {
namespace {

// How far a batch has come: the message that was last.
enum class Stage : std::uint8_t { kStart, kParsed, kBound, kDescribed, kExecuted };

// Takes one message into the batch; false: it does not belong.
bool take(const wire::Message& message, Stage& stage, Batch& out) {
  switch (message.type) {
    case 'P': {
      auto parse = wire::parse_parse(message.body());
      if (stage != Stage::kStart || !parse) return false;
      out.parse = std::move(*parse);
      stage = Stage::kParsed;
      return true;
    }
    case 'B':
      if (stage > Stage::kParsed || !wire::parse_bind(message.body(), out.bind)) return false;
      stage = Stage::kBound;
      return out.bind.portal.empty() && (!out.parse || out.parse->statement == out.bind.statement);
    case 'D': {
      const auto target = wire::parse_target(message.body());
      if (stage != Stage::kBound || !target || target->kind != 'P' || !target->name.empty()) return false;
      out.describes = true;
      stage = Stage::kDescribed;
      return true;
    }
    case 'E': {
      const auto execute = wire::parse_execute(message.body());
      if ((stage != Stage::kBound && stage != Stage::kDescribed) || !execute) return false;
      stage = Stage::kExecuted;
      return execute->portal.empty() && execute->rows_max == 0;
    }
    default:
      return false;
  }
}

}  // namespace

BatchStatus read_batch(std::string_view bytes, std::size_t bytes_max, Batch& out) {
  out.parse.reset();
  out.describes = false;
  Stage stage = Stage::kStart;
  std::size_t pos = 0;
  for (;;) {
    wire::Header header;
    switch (wire::read_header(bytes.substr(pos), bytes_max, header)) {
      case wire::HeaderStatus::kBadLength:
        return BatchStatus::kOther;
      case wire::HeaderStatus::kNeedMore:
        return pos < bytes_max ? BatchStatus::kNeedMore : BatchStatus::kOther;
      case wire::HeaderStatus::kComplete:
        break;
    }
    if (pos + header.message_bytes > bytes_max) return BatchStatus::kOther;
    const std::string_view raw = bytes.substr(pos, header.message_bytes);
    if (raw.size() < header.message_bytes) return BatchStatus::kNeedMore;
    pos += raw.size();
    if (header.type == 'S' && stage == Stage::kExecuted) {
      out.raw = bytes.substr(0, pos);
      return BatchStatus::kComplete;
    }
    if (!take({header.type, raw}, stage, out)) return BatchStatus::kOther;
  }
}

std::string_view bound_values(std::string_view batch) {
  wire::Header header;
  while (wire::read_header(batch, batch.size(), header) == wire::HeaderStatus::kComplete &&
         header.type != 'B')
    batch.remove_prefix(static_cast<std::size_t>(header.message_bytes));
  std::string_view rest = batch.substr(wire::kHeaderBytes, header.message_bytes - wire::kHeaderBytes);
  for (int name = 0; name < 2; ++name) rest.remove_prefix(rest.find('\0') + 1);
  return rest;
}

}  // namespace pgweir::proxy
