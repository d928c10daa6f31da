#include "proxy/login.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "wire/reader.h"

namespace pgweir::proxy {

Login::Login(wire::StartupMessage startup, LoginFacts facts)
    : startup_(std::move(startup)),
      requested_version_(std::uint32_t{startup_.version.major} << 16 | startup_.version.minor),
      facts_(facts) {
  // What PostgreSQL would accept and pgweir could not follow must not reach it.
  std::erase_if(startup_.parameters, [this](const auto& parameter) {
    if (!parameter.first.starts_with("_pq_.")) return false;
    withheld_options_.push_back(parameter.first);
    return true;
  });
  startup_.version.minor = std::min(startup_.version.minor, kProtocolMinorMax);
}

void Login::append_startup(base::Buffer& upstream) const { wire::append_startup(upstream, startup_); }

// A walsender without a database runs no SQL, so nothing that it does matters here.
bool Login::is_physical_replication() const {
  const std::string_view value = startup_.get("replication");
  // As PostgreSQL's parse_bool: any unambiguous prefix, any case.
  const auto is_prefix_of = [&](std::string_view word) {
    return !value.empty() && value.size() <= word.size() &&
           std::equal(value.begin(), value.end(), word.begin(),
                      [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  };
  return is_prefix_of("true") || is_prefix_of("yes") || (value.size() == 2 && is_prefix_of("on")) ||
         value == "1";
}

bool Login::is_replication() const {
  return is_physical_replication() || startup_.get("replication") == "database";
}

std::string Login::database() const {
  const std::string_view database = startup_.get("database");
  return std::string(database.empty() ? startup_.get("user") : database);
}

Login::Step Login::from_upstream(const wire::Message& message, base::Buffer& client) {
  if (message.type == 'v') {
    negotiate(&message, client);
    return Step::kContinue;
  }
  if (message.type != 'E') negotiate(nullptr, client);
  switch (message.type) {
    case 'R':
      return authentication(message, client);
    case 'K':
      if (auto key = wire::parse_backend_key_data(message.body())) cancel_key_ = std::move(*key);
      break;
    case 'E':
      client.append(message.raw);
      return Step::kEnded;
    case 'Z':
      client.append(message.raw);
      return Step::kDone;
    default:  // ParameterStatus, NoticeResponse
      break;
  }
  client.append(message.raw);
  return Step::kContinue;
}

// Sends NegotiateProtocolVersion, once and first, if PostgreSQL has sent one or would have if it had
// seen what was withheld.
void Login::negotiate(const wire::Message* from_upstream, base::Buffer& client) {
  if (negotiated_) return;
  negotiated_ = true;
  wire::NegotiateProtocolVersion reply;
  reply.version = std::uint32_t{startup_.version.major} << 16 | startup_.version.minor;
  if (from_upstream != nullptr) {
    if (auto parsed = wire::parse_negotiate_protocol_version(from_upstream->body()))
      reply = std::move(*parsed);
  }
  reply.unrecognized.insert(reply.unrecognized.end(), withheld_options_.begin(), withheld_options_.end());
  if (from_upstream == nullptr && reply.version == requested_version_ && reply.unrecognized.empty()) return;
  wire::append_negotiate_protocol_version(client, reply.version, reply.unrecognized);
}

Login::Step Login::authentication(const wire::Message& message, base::Buffer& client) {
  const auto parsed = wire::parse_authentication(message.body());
  if (!parsed) return refuse("08P01", parsed.error().message, "");
  switch (parsed->code) {
    case wire::AuthenticationCode::kOk:
      if (!secret_was_asked_ && !facts_.client_is_local && !facts_.allow_passwordless_remote)
        return refuse(
            "28000", "PostgreSQL asked pgweir for no password, so it cannot tell who this client is",
            "Use scram-sha-256 in pg_hba.conf for pgweir's address, or set "
            "upstream.allow_passwordless_remote = true if every client may log in as any such user.");
      authenticated_ = true;
      break;
    case wire::AuthenticationCode::kCleartext:
    case wire::AuthenticationCode::kMd5:
      secret_was_asked_ = true;
      break;
    case wire::AuthenticationCode::kSasl:
      secret_was_asked_ = true;
      return sasl(parsed->data, client);
    case wire::AuthenticationCode::kSaslContinue:
    case wire::AuthenticationCode::kSaslFinal:
      break;
    default:
      return refuse("0A000", "PostgreSQL asks for an authentication method that cannot pass through pgweir",
                    "GSSAPI and SSPI are bound to the connection; use scram-sha-256 for pgweir's address in "
                    "pg_hba.conf.");
  }
  client.append(message.raw);
  return Step::kContinue;
}

// Channel binding ties the exchange to one TLS connection, and here there are two.
Login::Step Login::sasl(std::string_view data, base::Buffer& client) {
  auto mechanisms = wire::parse_sasl_mechanisms(data);
  if (!mechanisms) return refuse("08P01", mechanisms.error().message, "");
  std::erase_if(*mechanisms, [](std::string_view name) { return name.ends_with("-PLUS"); });
  if (mechanisms->empty())
    return refuse("0A000",
                  "PostgreSQL accepts only authentication with channel binding, which cannot pass through",
                  "Offer scram-sha-256 without channel binding for pgweir's address.");
  sasl_started_ = true;
  wire::append_authentication_sasl(client, *mechanisms);
  return Step::kContinue;
}

bool Login::from_client(const wire::Message& message, base::Buffer& upstream) {
  if (message.type != 'p' && message.type != 'X') {
    refuse("08P01", "expected a password response, got message type " + std::to_string(message.type), "");
    return false;
  }
  if (sasl_started_ && facts_.upstream_uses_tls) {
    sasl_started_ = false;
    // SASLInitialResponse: mechanism, length, then the gs2 header, whose "y" says that the client could
    // bind but thinks the server cannot. PostgreSQL, which can, takes that for an attack.
    wire::Reader reader(message.body());
    reader.string();
    reader.u32();
    if (reader.ok() && reader.rest().starts_with('y')) {
      refuse("28000", "SCRAM channel binding cannot pass through pgweir",
             "Add channel_binding=disable to the client's connection string, or connect to PostgreSQL "
             "without TLS (upstream sslmode=disable).");
      return false;
    }
  }
  upstream.append(message.raw);
  return true;
}

Login::Step Login::refuse(std::string_view code, std::string message, std::string hint) {
  refusal_ = {.severity = "FATAL", .code = code, .message = std::move(message), .hint = std::move(hint)};
  return Step::kRefused;
}

}  // namespace pgweir::proxy
