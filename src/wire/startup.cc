#include "wire/startup.h"

#include "wire/backend.h"
#include "wire/reader.h"

namespace pgweir::wire {
namespace {

constexpr std::uint32_t kRequestMajor = 1234;  // a "version" 1234.x asks for something else
constexpr std::uint32_t kCancelMinor = 5678;
constexpr std::uint32_t kSslMinor = 5679;
constexpr std::uint32_t kGssMinor = 5680;

std::unexpected<base::Error> invalid(std::string message) {
  return base::fail(base::ErrorCode::kInvalid, std::move(message));
}

base::Result<StartupPacket> parse_message(ProtocolVersion version, Reader reader) {
  StartupMessage message{.version = version, .parameters = {}};
  for (;;) {
    const std::string_view name = reader.string();
    if (!reader.ok()) return invalid("invalid startup packet layout: expected terminator as last byte");
    if (name.empty()) break;
    const std::string_view value = reader.string();
    if (!reader.ok()) return invalid("invalid startup packet layout: expected terminator as last byte");
    message.parameters.emplace_back(name, value);
  }
  if (!reader.at_end()) return invalid("invalid startup packet layout: expected terminator as last byte");
  return message;
}

}  // namespace

std::string_view StartupMessage::get(std::string_view name) const {
  std::string_view last;
  for (const auto& [key, value] : parameters)
    if (key == name) last = value;
  return last;
}

base::Result<std::optional<std::size_t>> startup_packet_bytes(std::string_view bytes) {
  if (bytes.size() < 4) return std::nullopt;
  const std::uint32_t length = load_u32(bytes.data());
  if (length < 8 || length > kStartupBytesMax) return invalid("invalid length of startup packet");
  return length;
}

base::Result<StartupPacket> parse_startup(std::string_view bytes) {
  Reader reader(bytes);
  reader.u32();  // the length
  const std::uint32_t code = reader.u32();
  const ProtocolVersion version{static_cast<std::uint16_t>(code >> 16), static_cast<std::uint16_t>(code)};
  if (version.major != kRequestMajor) return parse_message(version, reader);
  switch (version.minor) {
    case kSslMinor:
      return SslRequest{};
    case kGssMinor:
      return GssRequest{};
    case kCancelMinor: {
      CancelRequest request;
      request.process_id = reader.u32();
      request.key = reader.rest();
      if (!reader.ok() || request.key.size() < 4 || request.key.size() > kCancelKeyBytesMax)
        return invalid("invalid length of cancel request packet");
      return request;
    }
    default:
      return invalid("unsupported frontend protocol 1234");
  }
}

void append_startup(base::Buffer& out, const StartupMessage& message) {
  std::size_t size = 4 + 4 + 1;
  for (const auto& [key, value] : message.parameters) size += key.size() + value.size() + 2;
  append_u32(out, static_cast<std::uint32_t>(size));
  append_u32(out, std::uint32_t{message.version.major} << 16 | message.version.minor);
  for (const auto& [key, value] : message.parameters) {
    append_string(out, key);
    append_string(out, value);
  }
  out.push_back('\0');
}

void append_ssl_request(base::Buffer& out) {
  append_u32(out, 8);
  append_u32(out, kRequestMajor << 16 | kSslMinor);
}

void append_cancel_request(base::Buffer& out, const CancelRequest& request) {
  append_u32(out, static_cast<std::uint32_t>(12 + request.key.size()));
  append_u32(out, kRequestMajor << 16 | kCancelMinor);
  append_u32(out, request.process_id);
  out.append(request.key);
}

}  // namespace pgweir::wire
