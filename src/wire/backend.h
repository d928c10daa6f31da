// Messages that a server sends: building the ones pgweir says itself, reading the ones it must
// understand (PostgreSQL documentation, "Message Formats" and "Error and Notice Message Fields").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "wire/startup.h"

namespace pgweir::wire {

void append_u16(base::Buffer& out, std::uint16_t value);
void append_u32(base::Buffer& out, std::uint32_t value);
void append_string(base::Buffer& out, std::string_view value);  // with its NUL

// One ErrorResponse or NoticeResponse of our own.
struct Complaint {
  std::string_view severity = "ERROR";  // ERROR, FATAL, NOTICE ...
  std::string_view code = {};           // SQLSTATE
  std::string message = {};
  std::string detail = {};
  std::string hint = {};
};
void append_error(base::Buffer& out, const Complaint& complaint);
void append_notice(base::Buffer& out, const Complaint& complaint);

inline constexpr std::size_t kReadyForQueryBytes = 6;
inline void append_ready_for_query(base::Buffer& out, char status) {
  const char bytes[kReadyForQueryBytes] = {'Z', 0, 0, 0, 5, status};
  out.append({bytes, sizeof bytes});
}
inline constexpr std::string_view kParseComplete{"1\0\0\0\4", 5};
inline constexpr std::string_view kBindComplete{"2\0\0\0\4", 5};
inline constexpr std::string_view kParseAndBindComplete{"1\0\0\0\0042\0\0\0\4", 10};
inline constexpr std::string_view kCloseComplete{"3\0\0\0\4", 5};
inline constexpr std::string_view kNoData{"n\0\0\0\4", 5};
inline constexpr std::string_view kEmptyQueryResponse{"I\0\0\0\4", 5};
inline constexpr std::string_view kNoParameters{"t\0\0\0\6\0\0", 7};  // ParameterDescription
inline constexpr std::string_view kAuthenticationOk{"R\0\0\0\10\0\0\0\0", 9};

// RowDescription of columns of type text, whose values are the same bytes in either format.
void append_text_columns(base::Buffer& out, const std::vector<std::string>& names);
void append_text_row(base::Buffer& out, const std::vector<std::optional<std::string>>& values);
void append_command_complete(base::Buffer& out, std::string_view tag);
void append_parameter_status(base::Buffer& out, std::string_view name, std::string_view value);

void append_negotiate_protocol_version(base::Buffer& out, std::uint32_t version,
                                       const std::vector<std::string>& unrecognized);

struct NegotiateProtocolVersion {
  std::uint32_t version = 0;
  std::vector<std::string> unrecognized;
};
base::Result<NegotiateProtocolVersion> parse_negotiate_protocol_version(std::string_view body);

// AuthenticationXxx: the request's code and what follows it.
enum class AuthenticationCode : std::uint32_t {
  kOk = 0,
  kKerberos = 2,
  kCleartext = 3,
  kMd5 = 5,
  kGss = 7,
  kGssContinue = 8,
  kSspi = 9,
  kSasl = 10,
  kSaslContinue = 11,
  kSaslFinal = 12,
};
struct Authentication {
  AuthenticationCode code = AuthenticationCode::kOk;
  std::string_view data;
};
base::Result<Authentication> parse_authentication(std::string_view body);
// The mechanisms of an AuthenticationSASL request.
base::Result<std::vector<std::string_view>> parse_sasl_mechanisms(std::string_view data);
void append_authentication_sasl(base::Buffer& out, const std::vector<std::string_view>& mechanisms);

struct ParameterStatus {
  std::string_view name;
  std::string_view value;
};
base::Result<ParameterStatus> parse_parameter_status(std::string_view body);

base::Result<CancelRequest> parse_backend_key_data(std::string_view body);

// ErrorResponse or NoticeResponse: one field by its type byte, or nullopt.
std::optional<std::string_view> error_field(std::string_view body, char field);

// DataRow with text or binary columns; nullopt is NULL.
base::Result<std::vector<std::optional<std::string_view>>> parse_data_row(std::string_view body);

}  // namespace pgweir::wire
