#include "wire/backend.h"

#include <algorithm>

#include "wire/reader.h"

namespace pgweir::wire {
namespace {

std::unexpected<base::Error> malformed(const char* what) {
  return base::fail(base::ErrorCode::kInvalid, std::string("malformed ") + what + " message");
}

void append_message(base::Buffer& out, char type, std::string_view body) {
  out.push_back(type);
  append_u32(out, static_cast<std::uint32_t>(body.size() + 4));
  out.append(body);
}

void append_complaint(base::Buffer& out, char type, const Complaint& c) {
  base::Buffer body;
  const auto field = [&](char name, std::string_view value) {
    if (value.empty()) return;
    body.push_back(name);
    append_string(body, value);
  };
  field('S', c.severity);
  field('V', c.severity);
  field('C', c.code);
  field('M', c.message);
  field('D', c.detail);
  field('H', c.hint);
  body.push_back('\0');
  append_message(out, type, body.view());
}

}  // namespace

void append_u16(base::Buffer& out, std::uint16_t value) {
  const char bytes[2] = {static_cast<char>(value >> 8), static_cast<char>(value)};
  out.append({bytes, 2});
}

void append_u32(base::Buffer& out, std::uint32_t value) {
  const char bytes[4] = {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                         static_cast<char>(value >> 8), static_cast<char>(value)};
  out.append({bytes, 4});
}

void append_string(base::Buffer& out, std::string_view value) {
  out.append(value);
  out.push_back('\0');
}

void append_error(base::Buffer& out, const Complaint& complaint) { append_complaint(out, 'E', complaint); }

void append_notice(base::Buffer& out, const Complaint& complaint) { append_complaint(out, 'N', complaint); }

void append_text_columns(base::Buffer& out, const std::vector<std::string>& names) {
  constexpr std::uint32_t kTextOid = 25;
  constexpr std::uint32_t kNoModifier = 0xffffffff;
  base::Buffer body;
  append_u16(body, static_cast<std::uint16_t>(names.size()));
  for (const std::string& name : names) {
    append_string(body, name);
    append_u32(body, 0);  // of no table
    append_u16(body, 0);
    append_u32(body, kTextOid);
    append_u16(body, 0xffff);  // of varying size
    append_u32(body, kNoModifier);
    append_u16(body, 0);  // as text
  }
  append_message(out, 'T', body.view());
}

void append_text_row(base::Buffer& out, const std::vector<std::optional<std::string>>& values) {
  constexpr std::uint32_t kNull = 0xffffffff;
  base::Buffer body;
  append_u16(body, static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    append_u32(body, value ? static_cast<std::uint32_t>(value->size()) : kNull);
    if (value) body.append(*value);
  }
  append_message(out, 'D', body.view());
}

void append_command_complete(base::Buffer& out, std::string_view tag) {
  base::Buffer body;
  append_string(body, tag);
  append_message(out, 'C', body.view());
}

void append_parameter_status(base::Buffer& out, std::string_view name, std::string_view value) {
  base::Buffer body;
  append_string(body, name);
  append_string(body, value);
  append_message(out, 'S', body.view());
}

void append_negotiate_protocol_version(base::Buffer& out, std::uint32_t version,
                                       const std::vector<std::string>& unrecognized) {
  std::size_t size = 4 + 4 + 4;
  for (const std::string& name : unrecognized) size += name.size() + 1;
  out.push_back('v');
  append_u32(out, static_cast<std::uint32_t>(size));
  append_u32(out, version);
  append_u32(out, static_cast<std::uint32_t>(unrecognized.size()));
  for (const std::string& name : unrecognized) append_string(out, name);
}

base::Result<NegotiateProtocolVersion> parse_negotiate_protocol_version(std::string_view body) {
  Reader reader(body);
  NegotiateProtocolVersion out;
  out.version = reader.u32();
  const std::uint32_t count = reader.u32();
  if (count > body.size()) return malformed("NegotiateProtocolVersion");
  for (std::uint32_t i = 0; i < count; ++i) out.unrecognized.emplace_back(reader.string());
  if (!reader.ok() || !reader.at_end()) return malformed("NegotiateProtocolVersion");
  return out;
}

base::Result<Authentication> parse_authentication(std::string_view body) {
  Reader reader(body);
  Authentication out;
  out.code = static_cast<AuthenticationCode>(reader.u32());
  out.data = reader.rest();
  if (!reader.ok()) return malformed("Authentication");
  return out;
}

base::Result<std::vector<std::string_view>> parse_sasl_mechanisms(std::string_view data) {
  Reader reader(data);
  std::vector<std::string_view> out;
  for (;;) {
    const std::string_view name = reader.string();
    if (!reader.ok()) return malformed("AuthenticationSASL");
    if (name.empty()) return out;
    out.push_back(name);
  }
}

void append_authentication_sasl(base::Buffer& out, const std::vector<std::string_view>& mechanisms) {
  std::size_t size = 4 + 4 + 1;
  for (const std::string_view name : mechanisms) size += name.size() + 1;
  out.push_back('R');
  append_u32(out, static_cast<std::uint32_t>(size));
  append_u32(out, static_cast<std::uint32_t>(AuthenticationCode::kSasl));
  for (const std::string_view name : mechanisms) append_string(out, name);
  out.push_back('\0');
}

base::Result<ParameterStatus> parse_parameter_status(std::string_view body) {
  Reader reader(body);
  ParameterStatus out;
  out.name = reader.string();
  out.value = reader.string();
  if (!reader.ok() || !reader.at_end()) return malformed("ParameterStatus");
  return out;
}

base::Result<CancelRequest> parse_backend_key_data(std::string_view body) {
  Reader reader(body);
  CancelRequest out;
  out.process_id = reader.u32();
  out.key = reader.rest();
  if (!reader.ok() || out.key.size() < 4 || out.key.size() > kCancelKeyBytesMax)
    return malformed("BackendKeyData");
  return out;
}

std::optional<std::string_view> error_field(std::string_view body, char field) {
  Reader reader(body);
  for (;;) {
    const char name = static_cast<char>(reader.u8());
    if (!reader.ok() || name == '\0') return std::nullopt;
    const std::string_view value = reader.string();
    if (!reader.ok()) return std::nullopt;
    if (name == field) return value;
  }
}

base::Result<std::vector<std::optional<std::string_view>>> parse_data_row(std::string_view body) {
  Reader reader(body);
  const std::uint16_t count = reader.u16();
  std::vector<std::optional<std::string_view>> out;
  out.reserve(std::min<std::size_t>(count, body.size() / sizeof(std::int32_t)));  // the count may lie
  for (std::uint16_t i = 0; i < count && reader.ok(); ++i) {
    const std::int32_t size = reader.i32();
    if (size == -1) {
      out.emplace_back(std::nullopt);
    } else if (size < -1) {
      return malformed("DataRow");
    } else {
      out.emplace_back(reader.bytes(static_cast<std::size_t>(size)));
    }
  }
  if (!reader.ok() || !reader.at_end()) return malformed("DataRow");
  return out;
}

}  // namespace pgweir::wire
